"""What is read of birthdays, zones and locales, and that nothing is guessed."""

from __future__ import annotations

import calendar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.customer_facts import NOTHING_TOLD, CustomerFacts, facts_labelled, facts_told, labels_of

FACTS = st.builds(
    lambda day, zone, locale: CustomerFacts(*day, zone, locale),
    st.just((None, None)) | st.integers(1, 12).flatmap(lambda m: st.tuples(st.just(m), st.integers(1, calendar.monthrange(2000, m)[1]))),
    st.none() | st.sampled_from(("Asia/Shanghai", "Europe/Berlin", "UTC")),
    st.none() | st.sampled_from(("zh-CN", "de", "sr-Latn-RS")),
)


@given(facts=FACTS)
def test_what_was_packed_is_read_again(facts: CustomerFacts) -> None:
    assert facts_labelled(labels_of(facts)) == facts


@given(facts=FACTS)
def test_what_can_be_read_is_kept(facts: CustomerFacts) -> None:
    birthday = None if facts.birth_month is None else f"1990-{facts.birth_month:02d}-{facts.birth_day:02d}"
    assert facts_told(birthday, facts.timezone, facts.locale) == facts


@given(birthday=st.text(), timezone=st.text(), locale=st.text())
def test_no_text_breaks_it(birthday: str, timezone: str, locale: str) -> None:
    facts = facts_told(birthday, timezone, locale)
    assert facts_labelled(labels_of(facts)) == facts
    assert (facts.birth_month is None) == (facts.birth_day is None)


@pytest.mark.parametrize(
    "birthday", ["1990-05-03", "--05-03", "1990/5/3", "1990.05.03", "1990年5月3日", "1990-05-03T08:00:00Z", " 1990-5-3 "]
)
def test_birthdays_are_read_with_and_without_the_year(birthday: str) -> None:
    facts = facts_told(birthday, None, None)
    assert (facts.birth_month, facts.birth_day) == (5, 3)


@pytest.mark.parametrize("birthday", ["03/05/1990", "1990-02-30", "1990-13-01", "May 3rd", "1990", "1990-05-031", ""])
def test_what_may_mean_another_day_is_no_birthday(birthday: str) -> None:
    assert facts_told(birthday, None, None) == NOTHING_TOLD


@pytest.mark.parametrize("zone", ["Beijing", "UTC+8", "../etc/passwd", "/etc/localtime", "Europe", "", "Asia/Shanghai\0"])
def test_a_zone_that_no_clock_knows_is_none(zone: str) -> None:
    assert facts_told(None, zone, None) == NOTHING_TOLD


@pytest.mark.parametrize(("told", "kept"), [("zh_CN", "zh-CN"), ("en", "en"), ("Chinese (PRC)", None), ("zh_CN.UTF-8", None), ("", None)])
def test_locales_are_tags(told: str, kept: str | None) -> None:
    assert facts_told(None, None, told).locale == kept


def test_a_leap_day_is_a_birthday() -> None:
    assert facts_told("1992-02-29", None, None) == CustomerFacts(2, 29, None, None)
