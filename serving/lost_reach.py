"""What goes when a customer leaves a channel: the messages to come, and some customers with them (docs/adr/0024, 0030).

Whoever leaves a channel mostly goes on buying; what is lost for certain is what later messages would have changed. That is little where a
message changes little, and it must not cost more to send a message than all of them together are worth. What they are worth is told by
those that were chosen lately; until there are some, by what any message would bring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class LostReach:
    """What goes with a channel of one customer.

    Attributes:
        margin: money that they leave in a quarter.
        message: money that any message would bring, less its price, as it is believed of them today; never below 0. None: nothing is
            known of the customer, or no model answers, and no message is lost.
    """

    margin: float
    message: float | None

    def money(self, policy: ContactPolicy, of_late: float | None) -> float:
        """All of it.

        Args:
            policy: how many messages, and how many customers, go with a channel.
            of_late: money that messages chosen lately bring, less their price; None: nobody knows yet.
        """
        customers = policy.leaving_customers * self.margin
        if self.message is None:
            return customers
        return customers + policy.messages_ahead * (self.message if of_late is None else of_late)


NOTHING = LostReach(0.0, None)


def lost_of_many(
    stored: Array,
    p_order: Array,
    p_soon: Array,
    baskets: Array,
    *,
    price: float,
    policy: DecisionPolicy,
    assumptions: Assumptions,
    of_late: float | None,
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
        of_late: money that messages chosen lately bring, less their price; None: nobody knows yet.
    """
    margin, contact = lost_margin(stored, assumptions), policy.contact
    if of_late is not None:
        return np.asarray(contact.leaving_customers * margin + contact.messages_ahead * of_late)
    tau = EffectPrior.of(policy.prior).beliefs(np.empty(0), _AHEAD, p_soon[:, None])[0][:, 0]
    message = _worth(tau, p_order, p_soon, baskets * assumptions.margins.default, price)
    return np.asarray(contact.leaving_customers * margin + contact.messages_ahead * message)


def lost_of(context: CustomerContext, policy: DecisionPolicy, state: Mapping[str, float | None], effects: OfferEffect | None) -> LostReach:
    """The same of one customer; nothing of somebody unknown.

    Args:
        context: the customer and the channel.
        policy: as above.
        state: what is known of the customer that an effect may depend on.
        effects: what was learned of them; None: the prior speaks.
    """
    if context.customer is None:
        return NOTHING
    assumptions = context.live.catalogue.assumptions
    margin = float(lost_margin(context.customer.vector[None, :], assumptions)[0])
    if context.p_order is None or context.p_order_soon is None:
        # Who never ordered has no forecast: messages to come are as those to others. Where a model does not answer, nothing is charged.
        return LostReach(margin, None if context.customer.has_ordered else 0.0)
    soon = np.array([context.p_order_soon])
    known = np.array([np.nan if state.get(name) is None else state[name] for name in STATE], np.float64) if state else np.empty(0)
    learned = effects is not None and bool(state) and effects.horizon_days == policy.learned_days
    tau = effects.beliefs(known, _AHEAD, soon)[0] if effects is not None and learned else np.full(1, np.nan)
    if not np.isfinite(tau).all():
        tau = EffectPrior.of(policy.prior).beliefs(known, _AHEAD, soon)[0]
    basket = np.array([context.usual_basket * assumptions.margins.default])
    return LostReach(margin, float(_worth(tau, np.array([context.p_order]), soon, basket, context.message_price)[0]))


def _worth(tau: Array, p_order: Array, p_soon: Array, basket_margin: Array, price: float) -> Array:
    """(n,) Money that any message brings: what it adds to the chance of an order × what an order leaves, less its price; not below 0."""
    carried = (1.0 - p_order) / np.maximum(1.0 - p_soon, 1e-9)
    return np.maximum(np.nan_to_num(tau * carried * basket_margin) - price, 0.0)
