"""What goes with a channel: messages to come by what is believed of them, and the customers who stop buying; never all that they spend."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.decisions.policy import DecisionPolicy
from features.decisions.state import STATE
from serving.campaigns.population import score_population
from serving.channel_scores import lost_margin
from serving.customer_context import CustomerContext
from serving.decisioning.effect_state import effect_state
from serving.lost_reach import lost_of, lost_of_many
from serving.segments import cycle_survival
from serving.services import Services
from tests.serving.small_shop import CUSTOMERS
from training.artifacts.effect_prior import prior_belief

MakeContext = Callable[..., CustomerContext]
POLICY = DecisionPolicy()
MARGIN = 0.3


def lost(context: CustomerContext, **contact: float) -> float:
    policy = POLICY.changed({"contact": contact})
    return lost_of(context, policy, effect_state(context), None).money(policy.contact, None)


def test_it_is_the_messages_to_come_and_the_customers_who_go_with_them(context_of: MakeContext) -> None:
    context = context_of("c003", channel="email")
    assert context.customer is not None
    assert context.p_order is not None
    assert context.p_order_soon is not None
    quarter = float(lost_margin(context.customer.vector[None, :], context.live.catalogue.assumptions)[0])
    assert lost(context, leaving_customers=0.25, messages_ahead=0) == pytest.approx(0.25 * quarter)
    tau = prior_belief(context.p_order_soon, POLICY.prior.mean, POLICY.prior.sd, POLICY.prior.least_spread)[0]
    tau *= (1 - context.p_order) / (1 - context.p_order_soon)
    message = tau * context.usual_basket * MARGIN - 0.01  # an e-mail's price
    assert message > 0
    assert lost(context, leaving_customers=0.1, messages_ahead=26) == pytest.approx(0.1 * quarter + 26 * message)
    assert lost(context) == pytest.approx(208 * message)


def test_sending_never_costs_more_than_what_is_sent_is_worth_because_somebody_spends_much(context_of: MakeContext) -> None:
    for customer in CUSTOMERS[:40]:
        context = context_of(customer, channel="email")
        message = lost(context, leaving_customers=0, messages_ahead=1)
        assert POLICY.contact.leaving * lost(context, leaving_customers=0) < max(message, 1e-9)


def test_a_message_that_costs_more_than_it_brings_is_no_loss_and_nobody_loses_somebody_unknown(context_of: MakeContext) -> None:
    assert lost(context_of("c003", channel="mail"), leaving_customers=0) == 0.0  # 50 a letter
    assert lost(context_of(None, channel="email")) == 0.0


def test_learned_effects_speak_of_messages_to_come_where_they_are_of_the_same_days(context_of: MakeContext) -> None:
    class Learned:
        horizon_days = 7
        tau = 0.2

        def beliefs(self, state: np.ndarray, offers: list[object], p0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            assert len(state) == len(STATE)
            return np.full(p0.shape, self.tau), p0

    context, effects = context_of("c003", channel="email"), Learned()
    state = effect_state(context)
    plain = lost_of(context, POLICY, state, None)
    assert lost_of(context, POLICY, state, effects).message > plain.message  # type: ignore[arg-type]
    effects.tau = np.nan
    assert lost_of(context, POLICY, state, effects) == plain  # type: ignore[arg-type]
    effects.horizon_days, effects.tau = 28, 0.2
    assert lost_of(context, POLICY, state, effects) == plain  # type: ignore[arg-type]


def test_of_many_it_is_that_of_each(services: Services, context_of: MakeContext) -> None:
    population = score_population(services.live, set(CUSTOMERS))
    days = (POLICY.horizon_days, POLICY.learned_days)
    p_order, p_soon = (np.array([1 - cycle_survival(curve, float(d)) for curve in population.churn.curve]) for d in days)
    baskets = np.array([one.value("amount_mean") for one in population.customers])
    assumptions = services.live.catalogue.assumptions
    policy = POLICY.changed({"contact": {"leaving_customers": 0.1}})
    for of_late in (None, 0.25):
        found = lost_of_many(
            population.stored, p_order, p_soon, baskets, price=0.01, policy=policy, assumptions=assumptions, of_late=of_late
        )
        for place in range(0, len(found), 17):
            context = context_of(population.customers[place].customer_id, channel="email")
            assert found[place] == pytest.approx(lost_of(context, policy, {}, None).money(policy.contact, of_late), rel=1e-6)
