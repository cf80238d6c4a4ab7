"""A probability of one window, said of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MODELLED_DAYS = 28.0  # the window of the item, bundle and coupon probabilities


def sooner(probability: float, horizon_days: float, days: float) -> float:
    """P(within so many days) from P(within the horizon), at a constant rate."""
    return 1.0 - float((1.0 - min(probability, 1.0)) ** (days / horizon_days))


def all_sooner(probability: NDArray[np.float64], horizon_days: float, days: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """`sooner` of many, within as many days or each within its own."""
    return np.asarray(1.0 - (1.0 - np.minimum(probability, 1.0)) ** (days / horizon_days))


def within(probability_28d: float, horizon_days: float) -> float:
    """P(within the horizon) from P(within 28 days), at a constant rate: exact at 28 days, close to it elsewhere."""
    return (
        probability_28d if horizon_days == _MODELLED_DAYS else -((1.0 - min(probability_28d, 1.0)) ** (horizon_days / _MODELLED_DAYS)) + 1.0
    )


def all_within(probability_28d: NDArray[np.float64], horizon_days: float) -> NDArray[np.float64]:
    """`within` of many."""
    if horizon_days == _MODELLED_DAYS:
        return probability_28d
    return np.asarray(1.0 - (1.0 - np.minimum(probability_28d, 1.0)) ** (horizon_days / _MODELLED_DAYS))
