"""Churn of one customer or of all, from one walk along the hazard path: every horizon, percentiles, and when the next order is expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from training.artifacts.hazard_path import STEP_DAYS
from training.artifacts.return_hazard import HORIZONS, ReturnHazard

LONGEST_HORIZON_DAYS = 365  # a year: further than any shop plans a win-back, and a bound on what one request may cost
EXPECTED_WITHIN_DAYS = 182  # half a year: a next order expected later is reported as "not within"
_INTERVAL = (0.9, 0.1)  # survival at the bounds of the next order's 80 % interval
_NEAR_DAYS = HORIZONS[-1]
_WINBACK_DAYS = 28  # the horizon of `assumptions.offers.winback_from_churn` and of every offer's probability

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ChurnScores:
    """Scores of n customers.

    Attributes:
        probability: horizon in days → (n,) P(no order within it after the as-of date).
        percentile: horizon in days → (n,) share of customers (0–100) at lower risk. Between the standard horizons it is
            interpolated, outside them taken from the nearest: the order of customers hardly changes with the horizon.
        days_until_order: (n,) days after which the chance of having ordered reaches one half; infinity when not within half a year.
        days_interval: (n, 2) the same for a tenth and for nine tenths: the 80 % interval of the next order; None when not asked for.
        curve: (n, 14) P(no order within 0, 7, …, 91 days).
        beyond_history: horizon in days → (n,) whether the horizon reaches silences that no training row had.
    """

    probability: dict[int, Array]
    percentile: dict[int, Array]
    days_until_order: Array
    days_interval: Array | None
    curve: Array
    beyond_history: dict[int, NDArray[np.bool_]]

    @property
    def winback(self) -> Array:
        """Churn within 28 days, (n,)."""
        return self.probability[_WINBACK_DAYS]


def score_churn(model: ReturnHazard, stored: Array, *, also: tuple[int, ...] = (), interval: bool = False) -> ChurnScores:
    """Score customers at the standard horizons and at others.

    Args:
        model: a finished model.
        stored: (n, features) at the as-of date.
        also: further horizons in days, 1 to `LONGEST_HORIZON_DAYS`.
        interval: give the interval of the next order too; the second quarter is then walked for nearly everybody.
    """
    horizons = sorted({*HORIZONS, *also})
    weeks = np.arange(0, _NEAR_DAYS + 1, STEP_DAYS, dtype=np.float64)
    survival = model.survival(stored, np.concatenate([weeks, horizons]))
    curve, at_horizons = survival[:, : len(weeks)], survival[:, len(weeks) :]
    near = _second_quarter(model, stored, curve, above=_INTERVAL[1] if interval else 0.5)
    probability = {horizon: at_horizons[:, i] for i, horizon in enumerate(horizons)}
    standard = np.column_stack([model.percentile(probability[h], h) for h in HORIZONS])
    return ChurnScores(
        probability=probability,
        percentile={h: _between(standard, h) for h in horizons},
        days_until_order=median_days(near),
        days_interval=np.column_stack([crossing_days(near, level) for level in _INTERVAL]) if interval else None,
        curve=curve,
        beyond_history={h: model.beyond_history(stored, h) for h in horizons},
    )


def _second_quarter(model: ReturnHazard, stored: Array, curve: Array, *, above: float) -> Array:
    """The curve as far as half a year, walked on only for those whom the first quarter leaves above a level; the others' stays level.

    One customer in thirty of Complete Journey is expected after more than a quarter.
    """
    later = curve[:, -1] > above
    if not later.any():
        return curve
    steps = EXPECTED_WITHIN_DAYS // STEP_DAYS - (curve.shape[1] - 1)
    near = np.hstack([curve, np.repeat(curve[:, -1:], steps, axis=1)])
    stays = np.log1p(-np.minimum(model.hazards(stored[later], steps, first=curve.shape[1] - 1), 1.0 - 1e-12))
    near[later, curve.shape[1] :] = curve[later, -1:] * np.exp(np.cumsum(stays, axis=1))
    return near


def median_days(survival: Array) -> Array:
    """Where survival at 0, 7, 14, … days, (n, steps + 1), crosses one half; as `crossing_days`."""
    return crossing_days(survival, 0.5)


def crossing_days(survival: Array, level: float) -> Array:
    """Where survival at 0, 7, 14, … days, (n, steps + 1), crosses a level: geometric inside the step, infinity when it never does."""
    below = survival <= level
    first = np.where(below.any(axis=1), below.argmax(axis=1), 0)
    rows = np.arange(len(survival))
    high, low = survival[rows, np.maximum(first - 1, 0)], np.maximum(survival[rows, first], 1e-12)
    inside = np.divide(np.log(high / level), np.log(high / low), out=np.zeros(len(survival)), where=high > low)
    return np.where(first > 0, (first - 1 + np.clip(inside, 0.0, 1.0)) * STEP_DAYS, np.inf)


def _between(standard: Array, horizon: int) -> Array:
    place = float(np.interp(horizon, HORIZONS, np.arange(len(HORIZONS))))
    left = math.floor(place)
    right = min(left + 1, len(HORIZONS) - 1)
    return np.asarray(standard[:, left] + (place - left) * (standard[:, right] - standard[:, left]))


def expected_date(as_of: datetime, days: float) -> datetime | None:
    """The moment `days` after the as-of date; None when it is further than half a year."""
    return None if not math.isfinite(days) or days > EXPECTED_WITHIN_DAYS else as_of + timedelta(days=days)
