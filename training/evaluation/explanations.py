"""Reasons beside TreeSHAP: two answers to "why", which must not be strangers.

A reason replaces a cause and asks the model again: a change of the churn probability itself, over a whole horizon. TreeSHAP divides the
margin of the next step's hazard among the inputs. They answer different questions, so they need not agree on every customer; where the
strongest cause of the one is rarely among the first of the other, one of them is broken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artifacts.reasons import CAUSES
from training.artifacts.return_hazard import ReturnHazard

Array = NDArray[np.float64]

# The derived input → the stored feature whose cause it tells of.
_TELLS_OF = {
    "recency_per_gap": "days_since_last_order",
    "recency_per_recent_gap": "days_since_last_order",
    "recency_per_longest_gap": "days_since_last_order",
    "recency_in_deviations": "days_since_last_order",
    "order_day_rate": "order_day_count",
    "posterior_alive": "days_since_last_order",
    "posterior_rate": "order_day_count",
    "posterior_week": "days_since_last_order",
    "posterior_quarter": "days_since_last_order",
    "trend_14_56": "order_days_decayed_14d",
    "trend_28_112": "order_days_decayed_28d",
}


@dataclass(frozen=True)
class Agreement:
    """How far reasons and TreeSHAP tell the same story.

    Attributes:
        customers: number compared.
        same_first: share whose strongest cause is TreeSHAP's strongest.
        first_in_three: share whose strongest cause is among TreeSHAP's three strongest.
        same_direction: share of the strongest causes that TreeSHAP too says raise, or lower, the risk.
    """

    customers: int
    same_first: float
    first_in_three: float
    same_direction: float

    def __str__(self) -> str:
        """One sentence."""
        return (
            f"Reasons beside TreeSHAP, {self.customers} customers: the strongest cause is TreeSHAP's strongest for {self.same_first:.0%}, "
            f"among its first three for {self.first_in_three:.0%}, and points the same way for {self.same_direction:.0%}."
        )


def agreement_with_treeshap(model: ReturnHazard, stored: Array, *, horizon_days: int = 28) -> Agreement:
    """Compare both for a few hundred customers.

    Args:
        model: the return hazard.
        stored: (n, features); n >= 1.
        horizon_days: horizon of the reasons.
    """
    groups = _groups(model)
    row = model.path.at(stored, 0)
    shares = np.asarray(model.booster.predict(row, pred_contrib=True))[:, :-1] @ groups
    effects = np.stack([model.effects(customer, horizon_days=horizon_days) for customer in stored])
    own, order = np.abs(effects).argmax(axis=1), np.argsort(-np.abs(shares), axis=1)
    rows = np.arange(len(stored))
    # A higher hazard is a lower churn.
    same_way = np.sign(effects[rows, own]) == -np.sign(shares[rows, own])
    return Agreement(
        customers=len(stored),
        same_first=float((order[:, 0] == own).mean()),
        first_in_three=float((order[:, :3] == own[:, None]).any(axis=1).mean()),
        same_direction=float(same_way.mean()),
    )


def _groups(model: ReturnHazard) -> Array:
    """1 where an input belongs to a cause, (inputs, causes)."""
    cause_of = {feature: number for number, cause in enumerate(CAUSES) for feature in cause.features}
    groups = np.zeros((len(model.path.inputs), len(CAUSES)))
    for i, name in enumerate(model.path.inputs):
        number = cause_of.get(_TELLS_OF.get(name, name))
        if number is not None:
            groups[i, number] = 1.0
    return groups
