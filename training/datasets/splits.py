"""Temporal splits: which as-of dates are trained on, calibrated on and judged on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from features.errors import TooLittleHistory

STEP = timedelta(days=7)
_EVALUATION_DATES = 3  # as in the published protocol: three dates, 28 days apart
_EVALUATION_SPACING = timedelta(days=28)
_CALIBRATION_STEPS = 6  # later label steps than the fit's; ~12,000 rows on Complete Journey
_MINIMUM_TRAINING_STEPS = 4


def weekly_grid(first_event: datetime, now: datetime) -> list[datetime]:
    """Weekly as-of dates from a week after the first event's midnight up to `now`, UTC."""
    midnight = first_event.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = int((now - midnight) / STEP)
    return [midnight + STEP * i for i in range(1, steps + 1)]


@dataclass(frozen=True)
class TemporalSplit:
    """Dates of one evaluation.

    Attributes:
        training_until: the judged fit's labels, calibration included, end no later.
        calibration_from: labels that begin at or after it calibrate, earlier ones train.
        evaluation: as-of dates judged, oldest first.
    """

    training_until: datetime
    calibration_from: datetime
    evaluation: tuple[datetime, ...]


def last_unseen_weeks(first_event: datetime, now: datetime) -> TemporalSplit:
    """Judge on up to three as-of dates 28 days apart, the last one 28 days and a spare step before `now`.

    One step is left unused between the labels of the judged fit and the first of them.

    Raises:
        TooLittleHistory: less than about three months of history.
    """
    grid = weekly_grid(first_event, now)
    usable = [date for date in grid if date <= now - _EVALUATION_SPACING - STEP]
    for dates in range(_EVALUATION_DATES, 0, -1):
        if not usable:
            break
        evaluation = tuple(usable[-1] - _EVALUATION_SPACING * i for i in reversed(range(dates)))
        until = evaluation[0] - STEP
        calibration_from = until - STEP * _CALIBRATION_STEPS
        if calibration_from - grid[0] >= STEP * _MINIMUM_TRAINING_STEPS:
            return TemporalSplit(until, calibration_from, evaluation)
    days = (now - first_event).days
    needed = (_MINIMUM_TRAINING_STEPS + _CALIBRATION_STEPS + 3) * 7 + 28
    raise TooLittleHistory(f"The history covers {days} days; judging a churn model on unseen weeks needs about {needed}.")
