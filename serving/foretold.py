"""What the models say of many customers at once, remembered as if each had been asked about: trees cost a tenth a customer in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.decisions.sensitive import unprofiled
from features.store import CustomerFeatures
from serving.category_needs import hazards_within
from serving.churn_scores import ChurnScores, score_churn
from serving.live import Live
from serving.remembered import Kept
from training.artifacts.value import ValueScores

Array = NDArray[np.float64]


def foretell(live: Live, customers: Sequence[CustomerFeatures], horizon_days: int) -> None:
    """Ask the models of return, value and repurchase about customers of whom that is not known yet.

    Args:
        live: the state; its memory takes what was said, of customers that it read (`Memory.read`), and of nobody else.
        customers: any; those who never ordered, whom the models were not learned from, are passed over.
        horizon_days: of the policy that will decide.
    """
    known = [(customer, live.memory.of(customer, horizon_days)) for customer in customers if customer.has_ordered]
    new = [(customer, kept) for customer, kept in known if kept is not None and "churn" not in kept]
    if not new:
        return
    stored = unprofiled(np.vstack([customer.vector for customer, _ in new]))  # as `CustomerContext.seen`
    _churn(live, stored, [kept for _, kept in new])
    _value(live, stored, [kept for _, kept in new])
    _repurchase(live, new, horizon_days)


def _churn(live: Live, stored: Array, kept: Sequence[Kept]) -> None:
    model = live.models.return_hazard
    if model is None:
        return
    scores = score_churn(model, stored)
    for row, one in enumerate(kept):
        found = _of_one(scores, row)
        one["churn"] = None if np.isnan(found.curve).any() else found


def _of_one(scores: ChurnScores, row: int) -> ChurnScores:
    one = slice(row, row + 1)
    return ChurnScores(
        probability={horizon: each[one] for horizon, each in scores.probability.items()},
        percentile={horizon: each[one] for horizon, each in scores.percentile.items()},
        days_until_order=scores.days_until_order[one],
        days_interval=None,
        curve=scores.curve[one],
        beyond_history={horizon: each[one] for horizon, each in scores.beyond_history.items()},
    )


def _value(live: Live, stored: Array, kept: Sequence[Kept]) -> None:
    model = live.models.value
    if model is None:
        return
    scores = vars(model.score(stored))
    for row, one in enumerate(kept):
        found = ValueScores(**{name: each[row : row + 1] for name, each in scores.items()})
        silent = np.isnan(found.predicted_clv).any() or np.isnan(found.percentile).any()
        one["value"] = None if silent else found


def _repurchase(live: Live, new: Sequence[tuple[CustomerFeatures, Kept]], horizon_days: int) -> None:
    model, columns, of_customer = live.models.repurchase, live.category_columns, live.customer_columns
    buyers = [(customer, kept) for customer, kept in new if customer.categories]
    if model is None or columns is None or of_customer is None or not buyers:
        return
    sizes = [len(customer.categories) for customer, _ in buyers]
    pairs = np.vstack([customer.category_features[:, columns] for customer, _ in buyers])
    owners = np.repeat(unprofiled(np.vstack([customer.vector for customer, _ in buyers]))[:, of_customer], sizes, axis=0)
    hazards = hazards_within(model, pairs, owners, horizon_days)
    for (_, kept), part in zip(buyers, np.split(hazards, np.cumsum(sizes)[:-1]), strict=True):
        kept["category_hazards"] = part
