"""When categories will be needed again, as far as offers and reminders look: the repurchase model's first four steps, and no further.

`RepurchaseModel.predict` walks thirteen steps for a due date up to a quarter away; a reminder needs four of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CATEGORY
from serving.churn_scores import median_days
from training.artifacts.hazard_path import STEP_DAYS
from training.artifacts.repurchase import RepurchaseModel

REACH_DAYS = 28  # four steps of 7 days, the window of every offer's probability
_STEPS = 4
_QUANTITY = CATEGORY.columns.index("quantity_recent")  # the usual quantity, as the repurchase model states it

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CategoryNeeds:
    """What is expected of n pairs of customer and category.

    Attributes:
        probability_14d, probability_28d: (n,) P(bought again within so many days after the as-of date).
        days_until_due: (n,) days at which the chance reaches one half; infinity when not within `REACH_DAYS`.
    """

    probability_14d: Array
    probability_28d: Array
    days_until_due: Array


def category_needs(model: RepurchaseModel, category: Array, customer: Array, *, known: Array | None = None) -> CategoryNeeds:
    """Forecast n pairs.

    Args:
        model: a finished model.
        category: (n, `model.category_inputs`).
        customer: (`model.customer_inputs`,) of one customer who owns all pairs, or (n, `model.customer_inputs`).
        known: (n, steps) hazards of the first steps, as far as the caller has asked for them already.
    """
    survival = np.ones((len(category), _STEPS + 1))
    if len(category):
        found = np.empty((len(category), 0)) if known is None else known[:, :_STEPS]
        if found.shape[1] < _STEPS:
            found = np.column_stack([found, model.hazards_along(category, customer, range(found.shape[1], _STEPS))])
        survival[:, 1:] = np.cumprod(1.0 - found, axis=1)
    return CategoryNeeds(1.0 - survival[:, 2], 1.0 - survival[:, _STEPS], median_days(survival))


def usual_quantities(category_features: Array) -> Array:
    """Decayed mean quantity of a purchase, from the online block (n, features of `CATEGORY`); at least 1, also where unknown, (n,)."""
    quantity = category_features[:, _QUANTITY]
    return np.where(quantity > 1.0, quantity, 1.0)


def hazards_within(model: RepurchaseModel, category: Array, customer: Array, days: float) -> Array:
    """Hazard of every step that begins within so many days after the as-of date, (n, steps).

    Args:
        model: a finished model.
        category: (n, `model.category_inputs`).
        customer: as `category_needs`.
        days: more than 0; beyond the model's longest lead its last hazard goes on.
    """
    return model.hazards_along(category, customer, [min(lead, model.header.max_lead) for lead in range(math.ceil(days / STEP_DAYS))])


def chances_each_within(hazards: Array, days: Array) -> Array:
    """`chances_within` of n pairs, each within its own (n,) days."""
    parts = np.clip(days[:, None] / STEP_DAYS - np.arange(hazards.shape[1]), 0.0, 1.0)
    return np.asarray(-np.expm1((np.log1p(-np.minimum(hazards, 1.0 - 1e-9)) * parts).sum(axis=1)))


def chances_within(hazards: Array, days: float) -> Array:
    """P(bought again within so many days after the as-of date), (n,); geometric inside a step.

    Args:
        hazards: of `hazards_within`.
        days: as there.
    """
    parts = np.clip(days / STEP_DAYS - np.arange(hazards.shape[1]), 0.0, 1.0)
    return np.asarray(-np.expm1(np.log1p(-np.minimum(hazards, 1.0 - 1e-9)) @ parts))
