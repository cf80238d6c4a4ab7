from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history.rhythm import return_rhythm

START = datetime(2024, 1, 1, 9, tzinfo=UTC)


def orders(pairs: list[tuple[str | None, float]]) -> pl.DataFrame:
    rows = [(customer, START + timedelta(days=day)) for customer, day in pairs]
    return pl.DataFrame(rows, schema={"customer_id": pl.String, "ordered_at": pl.Datetime("us", "UTC")}, orient="row")


def test_orders_of_one_day_are_one_and_the_anonymous_are_nobody() -> None:
    rhythm = return_rhythm(orders([("a", 0), ("a", 0.1), ("a", 10), ("b", 0), ("b", 0.2), (None, 1), (None, 2), ("c", 5), ("c", 25)]))
    assert (rhythm.customers, rhythm.gaps) == (3, 2)
    assert rhythm.once == pytest.approx(1 / 3)
    assert rhythm.within == {14: 0.5, 28: 1.0, 56: 1.0, 91: 1.0}
    assert {end: count for end, count in rhythm.histogram if count} == {10: 1, 21: 1}
    assert rhythm.orders_per_customer == pytest.approx(7 / 3)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 900)), min_size=1, max_size=60))
def test_every_gap_is_in_one_bin(pairs: list[tuple[str, int]]) -> None:
    rhythm = return_rhythm(orders(pairs))  # type: ignore[arg-type]
    days = {customer: sorted({d for c, d in pairs if c == customer}) for customer, _ in pairs}
    assert rhythm.gaps == sum(len(d) - 1 for d in days.values()) == sum(count for _, count in rhythm.histogram)
    assert rhythm.once == pytest.approx(sum(len(d) == 1 for d in days.values()) / len(days))


def test_slow_returns_ask_for_a_longer_horizon() -> None:
    slow = return_rhythm(orders([(c, d) for c in "abc" for d in (0, 60, 120)]))
    finding = slow.findings()[1]
    assert finding.severity == "note"
    assert finding.sentence == "Half of the returns come within 60 days, nine in ten within 60."
    assert finding.remedy.startswith("Only 0 % come within 28 days")
    fast = return_rhythm(orders([(c, d) for c in "abc" for d in (0, 7, 14)]))
    assert [f.severity for f in fast.findings()] == ["ok", "ok"]


def test_a_shop_of_one_time_buyers_and_one_of_nobody() -> None:
    once = return_rhythm(orders([("a", 0), ("b", 3)]))
    assert (once.once, once.gaps, once.within) == (1.0, 0, {})
    assert once.findings()[0].sentence == "100 % of 2 customers ordered on one day only."
    assert once.findings()[0].severity == "note"
    nobody = return_rhythm(orders([(None, 0)]))
    assert nobody.findings()[0].severity == "warning"
