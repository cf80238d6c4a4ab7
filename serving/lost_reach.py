"""What goes when a customer leaves a channel: the messages to come, and some customers with them (docs/adr/0024).

Whoever leaves a channel mostly goes on buying; what is lost for certain is what later messages would have changed. That is little where a
message changes little, and it must not cost more to send a message than all of them together are worth.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Assumptions
from features.decisions.policy import ContactPolicy, DecisionPolicy
from features.decisions.state import STATE
from serving.channel_scores import lost_margin
from serving.customer_context import CustomerContext
from training.artifacts.effect_prior import EffectPrior
from training.artifacts.offer_effect import OfferEffect

# A message that nobody has written yet: learned effects speak of it as of any offer that they never saw.
_AHEAD = [("message:ahead", "message_ahead")]

Array = NDArray[np.float64]


def lost_of_many(
    stored: Array, p_order: Array, p_soon: Array, baskets: Array, *, price: float, policy: DecisionPolicy, assumptions: Assumptions
) -> Array:
    """Money lost when customers leave a channel, (n,), by the prior of effects.

    Args:
        stored: (n, features) of `CUSTOMER`.
        p_order: (n,) P(orders within the policy's horizon).
        p_soon: (n,) P(orders within the days in which effects are learned).
        baskets: (n,) mean amount of their orders.
        price: of a message on the channel.
        policy: how much goes with a channel, and what is believed of effects.
        assumptions: margins.
    """
    tau = EffectPrior.of(policy.prior).beliefs(np.empty(0), _AHEAD, p_soon[:, None])[0][:, 0]
    return _lost(
        lost_margin(stored, assumptions), _worth(tau, p_order, p_soon, baskets * assumptions.margins.default, price), policy.contact
    )


def lost_of(context: CustomerContext, policy: DecisionPolicy, state: Mapping[str, float | None], effects: OfferEffect | None) -> float:
    """The same of one customer; 0 of somebody unknown.

    Args:
        context: the customer and the channel.
        policy: as above.
        state: what is known of the customer that an effect may depend on.
        effects: what was learned of them; None: the prior speaks.
    """
    if context.customer is None:
        return 0.0
    assumptions = context.live.catalogue.assumptions
    margin = lost_margin(context.customer.vector[None, :], assumptions)
    if context.p_order is None or context.p_order_soon is None:
        return float(_lost(margin, np.zeros(1), policy.contact)[0])
    soon = np.array([context.p_order_soon])
    known = np.array([np.nan if state.get(name) is None else state[name] for name in STATE], np.float64) if state else np.empty(0)
    learned = effects is not None and bool(state) and effects.horizon_days == policy.learned_days
    tau = effects.beliefs(known, _AHEAD, soon)[0] if effects is not None and learned else np.full(1, np.nan)
    if not np.isfinite(tau).all():
        tau = EffectPrior.of(policy.prior).beliefs(known, _AHEAD, soon)[0]
    basket = np.array([context.usual_basket * assumptions.margins.default])
    return float(_lost(margin, _worth(tau, np.array([context.p_order]), soon, basket, context.message_price), policy.contact)[0])


def _worth(tau: Array, p_order: Array, p_soon: Array, basket_margin: Array, price: float) -> Array:
    """(n,) Money that a message to come brings: what it adds to the chance of an order, times what an order leaves, less its price."""
    carried = (1.0 - p_order) / np.maximum(1.0 - p_soon, 1e-9)
    return np.asarray(np.nan_to_num(tau * carried * basket_margin) - price)


def _lost(margin: Array, message: Array, policy: ContactPolicy) -> Array:
    return np.asarray(policy.leaving_customers * margin + policy.messages_ahead * np.maximum(message, 0.0))
