"""Splits: the dates of the published protocol, nothing shared between fit and judgement, refusal when history is short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import TooLittleHistory
from training.datasets.splits import STEP, last_unseen_weeks, weekly_grid

FIRST = datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC)  # Complete Journey's first and last basket
LAST = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_complete_journeys_dates() -> None:
    split = last_unseen_weeks(FIRST, LAST)
    assert split.evaluation == (day("2017-10-01"), day("2017-10-29"), day("2017-11-26"))
    assert split.training_until == day("2017-09-24")


def test_the_grid_is_weekly_from_a_week_after_the_first_midnight() -> None:
    grid = weekly_grid(FIRST, day("2017-01-22"))
    assert grid == [day("2017-01-08"), day("2017-01-15"), day("2017-01-22")]
    assert weekly_grid(FIRST, day("2017-01-07")) == []


@settings(deadline=None)
@given(st.integers(0, 800), st.integers(0, 86_399))
def test_a_split_is_lawful_or_refused_with_what_is_needed(days: int, second: int) -> None:
    now = FIRST + timedelta(days=days, seconds=second)
    midnight = FIRST.replace(hour=0, minute=0, second=0)
    if now - midnight < timedelta(days=119):  # 13 weeks to fit and to spare, and 28 days to judge on
        with pytest.raises(TooLittleHistory, match=f"covers {days} days"):
            last_unseen_weeks(FIRST, now)
        return
    split = last_unseen_weeks(FIRST, now)
    grid = weekly_grid(FIRST, now)
    assert 1 <= len(split.evaluation) <= 3
    assert list(split.evaluation) == sorted(set(split.evaluation))
    assert set(split.evaluation) <= set(grid)
    assert grid[0] + 10 * STEP <= split.training_until
    assert split.training_until <= split.evaluation[0] - STEP  # a spare step between the labels of the fit and the first judged date
    assert split.evaluation[-1] + timedelta(days=28) <= now  # every judged date's 28-day label is closed


def test_a_shorter_history_is_judged_on_fewer_dates() -> None:
    found = {len(last_unseen_weeks(FIRST, FIRST + timedelta(days=d)).evaluation) for d in (125, 150, 180)}
    assert found == {1, 2, 3}


@pytest.mark.parametrize("days", [0, 6, 21, 100])
def test_too_short_a_history_is_refused(days: int) -> None:
    with pytest.raises(TooLittleHistory, match="judging a churn model on unseen weeks needs about 119"):
        last_unseen_weeks(FIRST, FIRST + timedelta(days=days))


def test_the_history_said_to_be_needed_is_enough() -> None:
    assert last_unseen_weeks(FIRST, FIRST + timedelta(days=119)).evaluation
