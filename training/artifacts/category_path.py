"""The path on which a category is not bought: how each feature of customer × category moves meanwhile.

Recencies and ages grow, windows empty, decayed sums shrink. What the path does not determine (the customer's other orders, what they
looked at, everyone's demand for the category) stays as it was at the as-of date, and the lead, in steps, is itself an input. One function
serves training and serving.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEP_DAYS = 7  # one label step

_WINDOWS = (7, 14, 21, 28)
_DECAYS = (14, 28, 56, 112)
_AGES = ("days_since_first_purchase", "days_since_last_purchase")

# Names in the view `category_cycle`, in its order; a test holds them against it. Why no longer windows: see there.
CATEGORY_INPUTS = (
    *_AGES,
    "purchase_count",
    "gap_mean",
    "gap_std",
    "gap_last",
    "gap_recent",
    *(f"purchases_last_{d}d" for d in _WINDOWS),
    *(f"purchases_decayed_{d}d" for d in _DECAYS),
    "quantity_mean",
    "quantity_last",
    "quantity_recent",
    "amount_mean",
    "looks_last_7d",
    "looks_last_28d",
    "days_since_last_look",
    "category_purchases_last_28d",
    "category_season",
    "category_gap_mean",
    "category_repeat_share",
)
# Names in the view `purchasing`: how the customer shops at all. Those that added nothing to the hazard's log loss are left out.
CUSTOMER_INPUTS = (
    "days_observed",
    "days_since_first_order",
    "days_since_last_order",
    "order_day_count",
    "gap_mean",
    "gap_std",
    "gap_last",
    "gap_recent",
    "order_days_last_7d",
    "order_days_last_28d",
    "order_days_decayed_14d",
    "order_days_decayed_28d",
    "order_days_decayed_56d",
    "amount_decayed_28d",
    "lines_decayed_28d",
    "amount_mean",
    "lines_mean",
    "discount_share",
    "category_count",
    "product_count",
    "new_product_share",
)
INPUTS = (*CATEGORY_INPUTS, *(f"customer_{name}" for name in CUSTOMER_INPUTS))

# The quantity is forecast, but does not tell when: without it the log loss was equal (Complete Journey, as-of dates 2017-09-10 and 10-08).
_NOT_GROWN_ON = ("quantity_mean", "quantity_last", "quantity_recent")
_DERIVED = (
    "lead",
    "recency_per_gap",
    "recency_per_recent_gap",
    "recency_per_last_gap",
    "recency_in_deviations",
    "recency_per_category_gap",
    "purchase_rate",
    "trend_28_112",
    "share_of_order_days",
)

_INDEX = {name: i for i, name in enumerate(CATEGORY_INPUTS)}
_CUSTOMER_INDEX = {name: i for i, name in enumerate(CUSTOMER_INPUTS)}
_GROWN_ON = [i for name, i in _INDEX.items() if name not in _NOT_GROWN_ON]
_AGE_COLUMNS = [_INDEX[name] for name in _AGES]
_WINDOW_COLUMNS = {window: _INDEX[f"purchases_last_{window}d"] for window in _WINDOWS}
_DECAY_COLUMNS = [_INDEX[f"purchases_decayed_{decay}d"] for decay in _DECAYS]
TREE_INPUTS = (*(CATEGORY_INPUTS[i] for i in _GROWN_ON), *(f"customer_{name}" for name in CUSTOMER_INPUTS), *_DERIVED)

Array = NDArray[np.float64]


def roll_forward(category: Array, lead: int) -> Array:
    """What the view would say `lead` steps later of a pair that was not bought since.

    Args:
        category: (n, category inputs) at the as-of date, in the order of `CATEGORY_INPUTS`; NaN where unknown.
        lead: steps of `STEP_DAYS`, >= 0.

    Returns:
        (n, category inputs), a copy. The category's own demand is not part of the path and stays.
    """
    return _rolled(category, [lead])


def _rolled(category: Array, leads: Sequence[int]) -> Array:
    """`roll_forward` of several leads, one below the other."""
    rolled = np.repeat(np.asarray(category, dtype=np.float64)[None], len(leads), axis=0)
    days = STEP_DAYS * np.asarray(leads, dtype=np.float64)[:, None, None]
    rolled[:, :, _AGE_COLUMNS] += days
    for place, lead in enumerate(leads):
        for window, column in _WINDOW_COLUMNS.items():
            left = _WINDOW_COLUMNS.get(window - STEP_DAYS * lead)
            rolled[place, :, column] = 0.0 if left is None else category[:, left]
    rolled[:, :, _DECAY_COLUMNS] *= np.exp(-days / np.array(_DECAYS, dtype=np.float64))
    return rolled.reshape(-1, category.shape[1])


def tree_inputs(category: Array, customer: Array, lead: int) -> Array:
    """Inputs of the hazard `lead` steps after the as-of date, given that the category was not bought since.

    Args:
        category: (n, category inputs) at the as-of date.
        customer: (n, customer inputs) at the as-of date, in the order of `CUSTOMER_INPUTS`.
        lead: steps of `STEP_DAYS` since the as-of date, >= 0.

    Returns:
        (n, `TREE_INPUTS`) float64.
    """
    return tree_inputs_along(category, customer, [lead])


def tree_inputs_along(category: Array, customer: Array, leads: Sequence[int]) -> Array:
    """`tree_inputs` of several leads, one below the other, (leads · n, `TREE_INPUTS`); arguments as there."""
    x, steps = _rolled(category, leads), np.repeat(np.asarray(leads, dtype=np.float64), len(category))
    customer = np.tile(customer, (len(leads), 1)) if len(leads) > 1 else customer
    c = _INDEX
    recency, gap = x[:, c["days_since_last_purchase"]], x[:, c["gap_mean"]]
    derived: dict[str, Array] = {
        "lead": steps,
        "recency_per_gap": _ratio(recency, gap),
        "recency_per_recent_gap": _ratio(recency, x[:, c["gap_recent"]]),
        "recency_per_last_gap": _ratio(recency, x[:, c["gap_last"]]),
        "recency_in_deviations": _ratio(recency - gap, x[:, c["gap_std"]]),
        "recency_per_category_gap": _ratio(recency, x[:, c["category_gap_mean"]]),
        "purchase_rate": x[:, c["purchase_count"]] / np.maximum(x[:, c["days_since_first_purchase"]], 1.0),
        "trend_28_112": _ratio(x[:, c["purchases_decayed_28d"]], x[:, c["purchases_decayed_112d"]]),
        "share_of_order_days": _ratio(x[:, c["purchases_decayed_56d"]], customer[:, _CUSTOMER_INDEX["order_days_decayed_56d"]]),
    }
    return np.column_stack([x[:, _GROWN_ON], customer, *(derived[name] for name in _DERIVED)])


def _ratio(top: Array, bottom: Array) -> Array:
    # An unknown or zero divisor gives NaN, which LightGBM treats as missing.
    return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0))
