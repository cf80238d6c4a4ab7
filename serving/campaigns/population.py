"""Every customer at once: read one by one, scored in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.decisions.sensitive import unprofiled
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


def score_population(live: Live, profiled: Collection[str], *, also: tuple[int, ...] = (), blind: bool = False) -> Population:
    """Read and score everybody who agreed to it.

    Args:
        live: the state to read.
        profiled: who consents to profiling.
        also: horizons in days besides the standard ones.
        blind: ask the models as decisions do, without who somebody is: for audiences that are offered something.

    Raises:
        ModelUnavailable: there is no return hazard to score with.
        StateBroken: no customer can be read.
    """
    required_model(live)
    unreadable: list[str] = []
    read = readable(live, profiled, unreadable)
    people = [replace(one, vector=unprofiled(one.vector)) if blind else one for one in read]
    customers = [customer for customer in people if customer.has_ordered]
    if not customers:
        raise nobody_to_score()
    never_ordered = [customer for customer in people if not customer.has_ordered]
    return replace(scored(live, customers, also=also), unreadable=len(unreadable), never_ordered=never_ordered)


def readable(
    live: Live, profiled: Collection[str], unreadable: list[str], *, ids: Sequence[str] | None = None, sketched: bool = False
) -> Iterator[CustomerFeatures]:
    """Everybody who agreed to profiling, by id, one read after the other.

    Args:
        live: the state to read.
        profiled: who consents to profiling.
        unreadable: gets the ids of damaged rows: told in the summary; one of them must not cost a campaign.
        ids: whom to read; None: everybody in the store.
        sketched: only what scores of buyers are made of (`CustomerReader.sketch`); the stage of others follows from their tags too.
    """
    read = live.reader.sketch if sketched else live.reader.read
    for customer_id in live.reader.customer_ids() if ids is None else ids:
        if customer_id not in profiled:
            continue
        try:
            customer = read(customer_id)
        except StateBroken:
            unreadable.append(customer_id)
            continue
        if customer is not None:
            yield customer


def scored(live: Live, customers: Sequence[CustomerFeatures], *, also: tuple[int, ...] = ()) -> Population:
    """Scores of customers who have ordered, at least one; a customer's are the same whoever stands beside them.

    Raises:
        ModelUnavailable: there is no return hazard to score with.
    """
    model = required_model(live)
    stored = np.vstack([customer.vector for customer in customers])
    churn = score_churn(model, stored, also=also, interval=True)
    value = None if live.models.value is None else live.models.value.score(stored)
    segments = [segments_of(live, customer, churn, value, row) for row, customer in enumerate(customers)]
    return Population(customers, stored, churn, value, segments, model, unreadable=0)


def required_model(live: Live) -> ReturnHazard:
    """The model without which nobody is scored.

    Raises:
        ModelUnavailable: there is none.
    """
    model = live.models.return_hazard
    if model is None:
        raise ModelUnavailable(live.models.problems.get("return_hazard", "There is no return_hazard model; run `huitou train`."))
    return model


def nobody_to_score() -> StateBroken:
    """What is said where nobody can be scored."""
    return StateBroken(
        "The online store holds no readable customer who ordered and agreed to profiling; run `huitou build --force`, or see"
        " `huitou import`."
    )
