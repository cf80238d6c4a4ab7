"""Temporal splits: which as-of dates are trained on, calibrated on and judged on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from features.errors import TooLittleHistory

STEP = timedelta(days=7)
_EVALUATION_DATES = 3  # as in the published protocol: three dates, 28 days apart
_EVALUATION_SPACING = timedelta(days=28)
_MINIMUM_TRAINING_STEPS = 10  # a quarter, less what is judged: in a shop's first weeks hardly anybody could have come back
_MONTH = timedelta(days=28)  # the longest label of the repurchase model and of both recommenders
_REPURCHASE_DATES = 2  # judged as-of dates, a month apart


def weekly_grid(first_event: datetime, now: datetime) -> list[datetime]:
    """Weekly as-of dates from a week after the first event's midnight up to `now`, UTC."""
    midnight = first_event.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = int((now - midnight) / STEP)
    return [midnight + STEP * i for i in range(1, steps + 1)]


@dataclass(frozen=True)
class TemporalSplit:
    """Dates of one evaluation.

    Attributes:
        training_until: the judged fit's labels end no later.
        evaluation: as-of dates judged, oldest first.
    """

    training_until: datetime
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
        if until - grid[0] >= STEP * _MINIMUM_TRAINING_STEPS:
            return TemporalSplit(until, evaluation)
    days = (now - first_event).days
    needed = (_MINIMUM_TRAINING_STEPS + 3) * 7 + 28
    raise TooLittleHistory(f"The history covers {days} days; judging a churn model on unseen weeks needs about {needed}.")


@dataclass(frozen=True)
class RepurchaseDates:
    """As-of dates of one fit of the repurchase model.

    Attributes:
        training: dates of the trees; their labels end by `calibration`.
        calibration: the date of the calibration map; its labels end by `until`.
        until: last moment a label of the fit may look at.
    """

    training: tuple[datetime, ...]
    calibration: datetime
    until: datetime

    @classmethod
    def ending(cls, until: datetime, *, first_event: datetime, now: datetime, dates: int, spacing: timedelta) -> RepurchaseDates:
        """Up to `dates` training dates, `spacing` apart, whose labels, the calibration's included, end by `until`.

        Raises:
            TooLittleHistory: no training date is left.
        """
        grid = weekly_grid(first_event, until)
        calibration = until - _MONTH
        last = calibration - STEP
        training = tuple(last - spacing * i for i in reversed(range(dates)))
        training = tuple(date for date in training if grid and date >= grid[0])
        if not training:
            # A step before the first training date, a step of labels, 28 days to calibrate, two times 28 to judge.
            needed = 2 * STEP.days + (1 + _REPURCHASE_DATES) * _MONTH.days + STEP.days
            days = (now - first_event).days
            raise TooLittleHistory(f"The history covers {days} days; judging a repurchase model on unseen weeks needs about {needed}.")
        return cls(training, calibration, until)


def repurchase_judged(first_event: datetime, now: datetime) -> tuple[datetime, ...]:
    """The as-of dates a repurchase model is judged at, oldest first: the newest whose 28-day label is closed, and a month before."""
    newest = [date for date in weekly_grid(first_event, now) if date <= now - _MONTH][-1:]
    return tuple(date - _MONTH * i for date in newest for i in reversed(range(_REPURCHASE_DATES)))


def recommendation_cut(what: str, first_event: datetime, now: datetime) -> datetime:
    """The moment before which a recommender is tuned and calibrated, and after which it is judged: 28 days before now.

    Args:
        what: the model, for the message.
        first_event: of the history.
        now: the clock.

    Raises:
        TooLittleHistory: less than twelve weeks.
    """
    cut = now - _MONTH
    if first_event > cut - 2 * _MONTH:
        raise TooLittleHistory(
            f"The {what} model needs twelve weeks of orders (four to learn from, four to calibrate on, four to be judged on); "
            f"the history begins {first_event:%Y-%m-%d} and now is {now:%Y-%m-%d}."
        )
    return cut
