from __future__ import annotations

from datetime import UTC, datetime, timedelta

from training.allowances.allowance import Allowance, Horizon, weeks_until
from training.allowances.findings import allowance_findings, horizons_said
from training.datasets.splits import last_unseen_weeks

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DATES = tuple(NOW - timedelta(days=d) for d in (91, 63, 35))


def horizon(days: int, dates: int, *, measured: bool = True, weeks: int = 0) -> Horizon:
    return Horizon(days=days, dates=DATES[:dates], measured=measured, more_weeks=weeks)


def test_horizons_of_as_many_dates_stand_together() -> None:
    longest = Horizon(days=95, dates=DATES[:1], measured=True, longest=True, more_weeks=0)
    said = horizons_said([horizon(14, 3), horizon(28, 3), horizon(56, 2), horizon(91, 1), longest])
    assert said == "14 and 28 days at 3 dates, 56 days at 2 dates, 91 and at the longest 95 days at 1 date"
    assert horizons_said([horizon(14, 3, measured=False)]) == "at no horizon, as no label has both outcomes"


def test_a_model_that_trains_says_what_is_still_to_come() -> None:
    full = Allowance(model="return_hazard", allowed=True, horizons=(horizon(28, 1),), more_weeks=0)
    partly = full.model_copy(update={"horizons": (horizon(28, 1), horizon(91, 0, weeks=9), horizon(56, 0, weeks=1))})
    ok, note = allowance_findings([full, partly])
    assert (ok.severity, ok.remedy) == ("ok", "")
    assert ok.sentence == "return_hazard can be trained, and judged on 1 date it has not seen: 28 days at 1 date."
    assert (note.severity, note.remedy) == ("note", "Not yet: 91 days in 9 weeks, 56 days in 1 week.")


def test_a_model_that_does_not_says_why_and_for_how_long() -> None:
    short = Allowance(model="items", allowed=False, reason="Too short.", more_weeks=9)
    poor = Allowance(model="bundles", allowed=False, reason="No set.", more_weeks=0)
    able = Allowance(model="repurchase", allowed=True)
    first, second, _ = allowance_findings([short, poor, able])
    assert (first.severity, first.sentence, first.remedy) == (
        "note",
        "items cannot be trained: Too short.",
        "Needs 9 weeks more of history.",
    )
    assert second.remedy == ""
    assert [f.severity for f in allowance_findings([short, poor])] == ["warning", "warning"]


def test_weeks_are_counted_by_asking_the_rule_itself() -> None:
    first = NOW - timedelta(days=100)
    assert weeks_until(lambda clock: bool(last_unseen_weeks(first, clock).evaluation), NOW) == 3  # 119 days are needed
    assert weeks_until(lambda clock: clock > NOW, NOW) == 1
    assert weeks_until(lambda _: False, NOW) is None
