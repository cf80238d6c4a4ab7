"""The churn section: every horizon, and causes with their direction."""

from __future__ import annotations

from rich.console import Group

from huitou.explanation.churn import churn
from huitou.explanation.words import Words, percent
from huitou.language import Language
from tests.huitou.explanation.conftest import Explain, Printed
from tests.serving.small_shop import CUSTOMERS


def test_every_horizon_has_its_probability_and_percentile(explain: Explain, printed: Printed) -> None:
    told = explain("c017", horizon_days=45)
    lines = [line.split() for line in printed(Group(*churn(told, Words(Language.EN)))).splitlines()]
    assert [entry.horizon_days for entry in told.churn.at_horizons] == [14, 28, 45, 56, 91]
    for entry in told.churn.at_horizons:
        row = [str(entry.horizon_days), "days", percent(entry.churn_probability), percent(entry.percentile / 100, digits=0)]
        assert row in lines


def test_a_cause_raises_or_lowers_with_the_sign_of_its_effect(explain: Explain, printed: Printed) -> None:
    seen = set()
    for customer in CUSTOMERS[:12]:
        told = explain(customer)
        text = printed(Group(*churn(told, Words(Language.EN))), width=200)
        for reason in told.churn.reasons:
            assert reason.effect is not None
            direction = "raises" if reason.effect > 0 else "lowers"
            (line,) = [line for line in text.splitlines() if reason.sentence_en in line]
            assert line.split()[:3] == [direction, f"{reason.effect * 100:+.1f}", "pp"]
            seen.add(direction)
    assert seen == {"raises", "lowers"}


def test_no_cause_is_said_too(explain: Explain, printed: Printed) -> None:
    told = explain()
    silent = told.model_copy(update={"churn": told.churn.model_copy(update={"reasons": []})})
    assert "No single cause changes the probability noticeably." in printed(Group(*churn(silent, Words(Language.EN))))
