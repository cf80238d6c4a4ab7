"""Every customer at once: read one by one, scored in one go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import StateBroken
from features.store import CustomerFeatures
from serving.churn_scores import ChurnScores, score_churn
from serving.errors import ModelUnavailable
from serving.live import Live
from serving.segments import Segments, segments_of
from training.artifacts.return_hazard import ReturnHazard
from training.artifacts.value import ValueScores


@dataclass(frozen=True)
class Population:
    """All customers with their churn scores, sorted by id.

    Attributes:
        customers: (n) features of those who ever ordered; the scores are theirs.
        never_ordered: features of the others.
        stored: (n, features) of `CUSTOMER`.
        churn: scores of the same rows, with the interval of the next order.
        value: what the same rows are worth; None without the model.
        segments: stage and layer of the same rows.
        model: what scored them.
        unreadable: customers left out because their row is damaged.
    """

    customers: Sequence[CustomerFeatures]
    stored: NDArray[np.float64]
    churn: ChurnScores
    value: ValueScores | None
    segments: Sequence[Segments]
    model: ReturnHazard
    unreadable: int
    never_ordered: Sequence[CustomerFeatures] = ()


def score_population(live: Live, profiled: Collection[str], *, also: tuple[int, ...] = ()) -> Population:
    """Read and score everybody who agreed to it.

    Args:
        live: the state to read.
        profiled: who consents to profiling.
        also: horizons in days besides the standard ones.

    Raises:
        ModelUnavailable: there is no return hazard to score with.
        StateBroken: no customer can be read.
    """
    model = live.models.return_hazard
    if model is None:
        raise ModelUnavailable(live.models.problems.get("return_hazard", "There is no return_hazard model; run `huitou train`."))
    customers: list[CustomerFeatures] = []
    never_ordered: list[CustomerFeatures] = []
    unreadable = 0
    for customer_id in live.reader.customer_ids():
        if customer_id not in profiled:
            continue
        try:
            customer = live.reader.read(customer_id)
        except StateBroken:
            unreadable += 1  # told in the summary; one damaged row must not cost a campaign
            continue
        if customer is not None:
            (customers if customer.has_ordered else never_ordered).append(customer)
    if not customers:
        raise StateBroken(
            "The online store holds no readable customer who ordered and agreed to profiling; run `huitou build --force`, or see"
            " `huitou import`."
        )
    stored = np.vstack([customer.vector for customer in customers])
    churn = score_churn(model, stored, also=also, interval=True)
    value = None if live.models.value is None else live.models.value.score(stored)
    segments = [segments_of(live, customer, churn, value, row) for row, customer in enumerate(customers)]
    return Population(customers, stored, churn, value, segments, model, unreadable, never_ordered)
