"""What a customer spends, read from the decayed sum of their orders: the one place where money per day is derived."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Assumptions
from features.feature_sets import CUSTOMER

_DECAY_DAYS = 112.0
_SPEND = CUSTOMER.columns.index("amount_decayed_112d")
_OBSERVED = CUSTOMER.columns.index("days_since_first_order")
_LEAST_DAYS = 28.0  # a customer of a few days is not taken to spend like this for ever

Array = NDArray[np.float64]


def expected_margin(stored: Array, horizon_days: float, assumptions: Assumptions) -> Array:
    """Margin within a horizon if the customer goes on spending at the present rate, in currency, (n,).

    A steady rate r leaves Σ r·exp(−age/112) = r · 112 · (1 − exp(−T/112)) after T days; solved for r, times the default margin rate.

    Args:
        stored: (n, features) of `CUSTOMER`.
        horizon_days: length of the time looked at.
        assumptions: the default margin rate; the mix of departments is not known here.
    """
    days = np.maximum(np.nan_to_num(stored[:, _OBSERVED], nan=_LEAST_DAYS), _LEAST_DAYS)
    rate = np.nan_to_num(stored[:, _SPEND]) / (_DECAY_DAYS * -np.expm1(-days / _DECAY_DAYS))
    return np.asarray(rate * horizon_days * assumptions.margins.default)
