"""The same probabilities judged group by group: does the model rank and count each group of customers as well as the rest?

Two questions of fairness that a shop can act on: calibration within groups (a group whose churn is overstated gets offers it does not
need, one that is understated is left alone) and discrimination within groups. Groups are those the data has; which of them may be used at
all is the shop's and the law's decision. Equal rates of treatment are not judged here: they follow from the campaign, not from the score.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER
from training.evaluation.classification import BootstrapWeights, auc, interval
from training.recipe import GroupFigures

Array = NDArray[np.float64]

_ATTRIBUTES = {  # feature → what a reader calls it
    "age_from": "age from",
    "income_from": "income from (thousands)",
    "household_size": "people in the household",
    "children_count": "children",
    "is_homeowner": "homeowner",
    "is_married": "married",
}
_FEWEST_CUSTOMERS = 30  # below, an interval of a share is wider than any difference one could act on


def by_group(
    y: Array, p: Array, customers: NDArray[np.int64], groups: Mapping[str, NDArray[np.str_]], *, seed: int
) -> dict[str, GroupFigures]:
    """Judge within each group that is large enough.

    Args:
        y: (n,) 0 or 1.
        p: (n,) probabilities.
        customers: (n,) customer number of each row; a customer's rows are drawn together.
        groups: attribute → (n,) the row's group; "" where the shop does not know it (a group of its own: "unknown").
        seed: of the bootstrap.

    Returns:
        `attribute: group` → figures, in the order given and then of the group's name.
    """
    found: dict[str, GroupFigures] = {}
    for attribute, codes in groups.items():
        for group in np.unique(codes):
            rows = codes == group
            if len(np.unique(customers[rows])) >= _FEWEST_CUSTOMERS:
                found[f"{attribute}: {group or 'unknown'}"] = _figures(y[rows], p[rows], customers[rows], seed)
    return found


def profile_groups(stored: Array) -> dict[str, NDArray[np.str_]]:
    """The groups that the customers' profiles make.

    Args:
        stored: (n, features) in the order of `CUSTOMER`.

    Returns:
        Attribute → (n,) group, "" where it is not known; attributes that nobody has are left out.
    """
    found = {}
    for feature, attribute in _ATTRIBUTES.items():
        values = stored[:, CUSTOMER.columns.index(feature)]
        if np.isfinite(values).any():
            found[attribute] = np.array([f"{value:g}" if np.isfinite(value) else "" for value in values])
    return found


def _figures(y: Array, p: Array, customers: NDArray[np.int64], seed: int) -> GroupFigures:
    draws = BootstrapWeights.draw(customers, seed=seed)
    gaps = (draws.weights @ (p - y)) / draws.weights.sum(axis=1)
    both = y.min() != y.max()
    areas = draws.auc(y, p) if both else np.empty(0)
    areas = areas[np.isfinite(areas)]
    return GroupFigures(
        customers=len(np.unique(customers)),
        rows=len(y),
        observed=float(y.mean()),
        predicted=float(p.mean()),
        gap=float(p.mean() - y.mean()),
        gap_interval=interval(gaps),
        auc=auc(y, p) if both else None,
        auc_interval=interval(areas) if len(areas) else None,
    )
