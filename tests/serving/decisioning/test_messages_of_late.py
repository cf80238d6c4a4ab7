"""A lost channel would have carried messages as good as those that were chosen lately: the dearer those, the dearer the channel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.decisions.policy import ContactPolicy, DecisionPolicy, Exploration, Holdouts, Prior
from serving.api.next_best_offers import answered
from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.customer_context import CustomerContext
from serving.decisioning.effect_state import effect_state
from serving.decisioning.engine import Decision, OfferRequest
from serving.decisioning.experiments import ExperimentBook
from serving.decisioning.messages_of_late import MOST, MessagesOfLate
from serving.lost_reach import lost_of
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS

CONTACT = frozenset({"email"})


def test_the_mean_is_told_from_some_messages_on_and_old_ones_are_forgotten() -> None:
    messages = MessagesOfLate()
    for number in range(29):
        messages.took("email", float(number))
    assert messages.mean("email") is None
    messages.took("email", 29.0)
    assert messages.mean("email") == pytest.approx(14.5)
    for _ in range(MOST):
        messages.took("email", 2.0)
    assert messages.mean("email") == pytest.approx(2.0)
    assert messages.mean("sms") is None
    assert messages.mean(None) is None


def test_what_was_sent_before_takes_the_place_of_all_and_is_never_below_nothing() -> None:
    messages = MessagesOfLate()
    messages.began_with({"email": [1.0] * 30, "sms": [-1.0] * 40, "mail": [5.0] * 3})
    assert [messages.mean(channel) for channel in ("email", "sms", "mail")] == [1.0, 0.0, None]
    messages.began_with({})
    assert messages.mean("email") is None


@pytest.fixture
def own_services(own_shop: Path) -> Iterator[Services]:
    services = build_services(ServingSettings(data_dir=own_shop))
    yield services
    services.decisions.close()
    services.ledger.close()


def decide(services: Services, customer: str, channel: str) -> Decision:
    wanted = OfferRequest(customer, channel, contact=CONTACT)
    return services.engine.decide(services.live, wanted, now=services.now, decision_id="d1")


def cost(decision: Decision) -> float:
    return float(decision.slate.factors.fatigue.max())


def test_a_channel_costs_as_much_as_the_messages_that_are_chosen(own_services: Services) -> None:
    live, contact, messages = own_services.live, own_services.live.policy.contact, own_services.engine.messages
    context = CustomerContext(live, own_services.now, live.reader.read("c003"), "email")
    own = lost_of(context, live.policy, effect_state(context), None)
    at_least = contact.leaving * contact.messages_ahead
    assert own.message > 0
    assert cost(decide(own_services, "c003", "email")) == pytest.approx(at_least * own.message)
    found = []
    for mean in (0.0, 0.25, 400.0):
        messages.began_with({"email": [mean] * 30})
        after = decide(own_services, "c003", "email")
        assert cost(after) == pytest.approx(at_least * mean)
        found.append(after.slate.types[int(after.values.argmax())])
    assert found[0] != "no_action"
    assert found[2] == "no_action"
    assert cost(decide(own_services, "c003", "mini_programme")) == 0.0  # the customer is here: nothing is lost


def test_the_service_learns_of_each_message_and_knows_them_after_a_restart(own_services: Services) -> None:
    certain = {"holdouts": Holdouts(universal=0, model_control=0), "exploration": Exploration(share=0.0)}
    policy = DecisionPolicy(prior=Prior(mean=0.2), contact=ContactPolicy(leaving=1e-4), **certain)
    own_services.live = own_services.live.trying(ExperimentBook((), policy))
    for customer in CUSTOMERS:
        asyncio.run(answered(own_services, NextBestOffersRequest(customer_id=customer, channel="email"), {}))
    before = own_services.engine.messages.mean("email")
    assert before is not None
    assert before > 0
    own_services.decisions.close()
    again = build_services(own_services.settings)
    assert again.engine.messages.mean("email") == pytest.approx(before)
    again.ledger.close()
