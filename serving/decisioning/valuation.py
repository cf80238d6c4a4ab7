"""What each lawful candidate is worth: the factors of its value, each with where it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from features.decisions.policy import DecisionPolicy
from features.decisions.record import NO_ACTION, Considered, Factors, TauSource
from features.decisions.state import STATE
from features.decisions.worth import worth
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate
from training.artifacts.effect_prior import EffectPrior

State = Mapping[str, float | None]


def valued(
    candidates: Sequence[Candidate], context: CustomerContext, policy: DecisionPolicy, state: State, *, fatigue: float
) -> list[Considered]:
    """Every candidate with the factors of its value; propensities are not drawn yet.

    Args:
        candidates: all of them may be sent; `no_action` among them.
        context: the customer and the channel.
        policy: which factors count, and what is believed of effects before they are proven.
        state: of the customer, as `effect_state` gives it; empty where nothing of them is used.
        fatigue: money that one more message costs later.
    """
    sent = [candidate for candidate in candidates if candidate.type != NO_ACTION]
    tau = iter(_uplifts(sent, context, policy, state))
    factors = [Factors() if one.type == NO_ACTION else _factors(one, context.message_price, fatigue, next(tau)) for one in candidates]
    values = worth(factors, policy.value).mean.tolist()
    return [
        Considered(
            offer_id=candidate.offer_id,
            type=candidate.type,
            product_ids=tuple(item.product_id for item in candidate.items),
            factors=of,
            value=value,
            propensity=0.0,
            policy_propensity=0.0,
        )
        for candidate, of, value in zip(candidates, factors, values, strict=True)
    ]


def finite(candidate: Candidate) -> bool:
    """Whether a value can be computed of a candidate at all; a model that answers NaN must not decide."""
    return all(math.isfinite(x) for x in (candidate.probability, candidate.margin, candidate.discount, candidate.cost, candidate.lever))


def _factors(candidate: Candidate, price: float, fatigue: float, tau: tuple[float, float, TauSource]) -> Factors:
    mean, sd, source = tau
    return Factors(
        lever=candidate.lever,
        p0=candidate.probability,
        tau=mean,
        tau_sd=sd,
        tau_source=source,
        margin=candidate.margin,
        discount=candidate.discount,
        contact_cost=candidate.cost + price,
        fatigue=fatigue,
    )


def _uplifts(
    candidates: Sequence[Candidate], context: CustomerContext, policy: DecisionPolicy, state: State
) -> list[tuple[float, float, TauSource]]:
    """Mean, deviation and source of each τ: of the learned effects where they speak of this horizon, else of the policy's prior."""
    if not candidates:
        return []
    model = context.live.models.offer_effect
    named = [(candidate.offer_id, candidate.type) for candidate in candidates]
    p0 = np.array([candidate.probability for candidate in candidates])
    if model is None or not state or model.horizon_days != policy.horizon_days:
        mean, sd = EffectPrior.of(policy.prior).beliefs(np.empty(0), named, p0)
        sources = [TauSource.PRIOR] * len(named)
    else:
        known = np.array([np.nan if state[name] is None else state[name] for name in STATE], dtype=np.float64)
        mean, sd = model.beliefs(known, named, p0)
        sources = [TauSource.LEARNED if learned else TauSource.PRIOR for learned in model.learned(named)]
    return list(zip(mean.tolist(), sd.tolist(), sources, strict=True))
