"""What each lawful candidate is worth: the factors of its value, each with where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import DecisionPolicy
from features.decisions.record import NO_ACTION, TauSource
from features.decisions.slate import FactorColumns, Slate
from features.decisions.state import STATE
from serving.customer_context import CustomerContext
from serving.decisioning.effect_state import State
from serving.offers.protocol import Candidate
from serving.offers.validity import VALID_DAYS, days_left
from serving.offers.within import sooner
from serving.offers.written_response import WrittenResponses
from training.artifacts.effect_prior import EffectPrior
from training.artifacts.offer_effect import OfferEffect

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answered:
    """Written offers that may be sent, with what a response to them is.

    Attributes:
        places: (w,) in the columns.
        rows: (w,) where each stands in `responses`.
        responses: of more offers than these.
    """

    places: NDArray[np.intp]
    rows: NDArray[np.intp]
    responses: WrittenResponses


def valued(
    kept: Sequence[Candidate],
    written: Answered,
    context: CustomerContext,
    policy: DecisionPolicy,
    state: State,
    *,
    effects: OfferEffect | None,
) -> Slate:
    """Everything that may be sent, with the factors of its value; what one more message costs later (`fatigue`) is not among them yet.

    What an offer adds within the days in which it works is carried to the horizon by `(1 − P₀) ÷ (1 − P₀ soon)`: of those who responded
    because of it, some would have by then anyway, as many as do of those who were sent nothing and had not responded yet.

    Args:
        kept: candidates of the models; `no_action` among them.
        written: the shop's own.
        context: the customer, the channel, the models.
        policy: which factors count, and what is believed of effects before they are proven.
        state: of the customer, as `effect_state` gives it; empty where nothing of them is used.
        effects: what was learned of offers; None: the prior speaks.
    """
    columns, places, rows, responses = context.live.written, written.places, written.rows, written.responses
    ids = [*(one.offer_id for one in kept), *columns.ids[places].tolist()]
    types = [*(one.type for one in kept), *columns.types[places].tolist()]
    sold = columns.sold
    products = [*(tuple(item.product_id for item in one.items) for one in kept), *(sold[place] for place in places.tolist())]

    def column(of_kept: list[float], of_written: Array) -> Array:
        return np.concatenate([np.array(of_kept, np.float64), of_written])

    p0 = column([one.probability for one in kept], responses.probability[rows])
    valid = np.minimum(column([_valid(one, context) for one in kept], responses.valid[rows]), p0)
    soon = np.minimum(column([_soon(one, policy) for one in kept], responses.soon[rows]), p0)  # two models may disagree
    sent = np.ones(len(ids))
    sent[types.index(NO_ACTION)] = 0.0
    cost = column([one.cost for one in kept], columns.cost[places])
    tau, sd, sources = _uplifts(list(zip(ids, types, strict=True)), soon, policy, state, effects)
    carried = (1.0 - p0) / np.maximum(1.0 - soon, 1e-9)
    discount = column([one.discount for one in kept], responses.discount[rows]) * sent
    factors = FactorColumns(
        context=np.ones(len(ids)),
        lever=np.where(sent, column([one.lever for one in kept], columns.lever[places]), 1.0),
        p0=p0 * sent,
        p0_soon=soon * sent,
        p0_valid=np.where(discount > 0, valid, np.nan),
        tau=tau * carried,
        tau_sd=sd * carried,
        source=sources,
        margin=column([one.margin for one in kept], responses.margin[rows]) * sent,
        discount=discount,
        contact_cost=(cost + context.message_price) * sent,
        fatigue=np.zeros(len(ids)),
    )
    return Slate(ids, types, products, factors)


def _soon(candidate: Candidate, policy: DecisionPolicy) -> float:
    """P(responds within the days in which effects are learned)."""
    return sooner(candidate.probability, policy.horizon_days, policy.learned_days) if candidate.soon is None else candidate.soon


def _valid(candidate: Candidate, context: CustomerContext) -> float:
    """P(responds while its discount can be had), within the horizon."""
    if candidate.valid is not None:
        return candidate.valid
    days = VALID_DAYS if candidate.until is None else days_left(candidate.until, context.now)
    return sooner(candidate.probability, context.horizon_days, min(days, context.horizon_days))


def _uplifts(
    named: list[tuple[str, str]], p0: Array, policy: DecisionPolicy, state: State, model: OfferEffect | None
) -> tuple[Array, Array, list[TauSource]]:
    """Mean, deviation and source of each τ within `learned_days`: of the learned effects where they speak of these, else of the prior."""
    known = np.array([np.nan if state[name] is None else state[name] for name in STATE], dtype=np.float64) if state else np.empty(0)
    if model is None or not state or model.horizon_days != policy.learned_days:
        mean, sd = EffectPrior.of(policy.prior).beliefs(known, named, p0)
        learned = [False] * len(named)
    else:
        mean, sd = model.beliefs(known, named, p0)
        learned = list(model.learned(named))
    sources = [TauSource.LEARNED if one else TauSource.PRIOR for one in learned]
    silence = next(place for place, (_, kind) in enumerate(named) if kind == NO_ACTION)
    mean[silence], sd[silence], sources[silence] = 0.0, 0.0, TauSource.NONE
    return mean, sd, sources
