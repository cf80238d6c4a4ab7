"""What one more message costs: by the model where there is one, else by the policy; more messages of late, a higher cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from features.decisions.policy import ContactPolicy
from features.ledger.contact_history import ContactHistory
from features.ledger.contacts import Contact
from serving.customer_context import CustomerContext
from serving.decisioning.fatigue import Fatigue, FatigueSource
from serving.decisioning.fatigue import fatigue_of as costs
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_channel import write_channel
from tests.serving.small_shop import promote

POLICY = ContactPolicy(fatigue=0.25, leaving=0.0)
LOST = 40.0


@pytest.fixture
def services(own_shop: Path) -> Services:
    return build_services(ServingSettings(data_dir=own_shop))


def fatigue_of(context: CustomerContext, history: ContactHistory, policy: ContactPolicy) -> Fatigue:
    return costs(context, history, policy, lost=LOST)


def context_of(services: Services, customer: str = "c000", channel: str | None = "email") -> CustomerContext:
    return CustomerContext(services.live, services.now, services.live.reader.read(customer), channel)


def messages(now: datetime, *days_ago: float) -> ContactHistory:
    sent = [Contact(str(d), "c000", "email", "item", None, None, now - timedelta(days=d)) for d in days_ago]
    return ContactHistory(frozenset({"c000"}), tuple(sent))


def test_without_a_model_every_message_of_28_days_adds_what_the_policy_says(services: Services) -> None:
    context = context_of(services)
    told = [fatigue_of(context, messages(context.now, *range(n)), POLICY).cost for n in range(5)]
    assert told == [0.0, 0.25, 0.5, 0.75, 1.0]
    found = fatigue_of(context, messages(context.now, 28, 27.9, 100), POLICY)
    assert (found.cost, found.source, found.messages) == (0.25, FatigueSource.POLICY, 1)
    assert fatigue_of(context, messages(context.now, 1), ContactPolicy(leaving=0.0)).cost == 0.0


def test_who_is_here_is_not_tired_by_it(services: Services) -> None:
    context = context_of(services, channel="desk")
    assert fatigue_of(context, messages(context.now, 1, 2), POLICY).source is FatigueSource.NONE
    assert fatigue_of(context, messages(context.now, 1, 2), POLICY).cost == 0.0


def test_a_message_costs_at_least_the_floor_of_the_policy(services: Services) -> None:
    context = context_of(services)
    for leaving in (0.002, 0.01):
        found = fatigue_of(context, messages(context.now), ContactPolicy(leaving=leaving))
        assert (found.cost, found.source) == (pytest.approx(leaving * LOST), FatigueSource.POLICY)
    assert fatigue_of(context, messages(context.now, 1, 2), ContactPolicy(leaving=0.002, fatigue=9.0)).cost == 18.0
    assert costs(replace(context, customer=None), messages(context.now), ContactPolicy(), lost=0.0).cost == 0.0
    assert fatigue_of(context_of(services, channel="desk"), messages(context.now), ContactPolicy()).cost == 0.0


def test_with_a_model_of_leaving_it_is_what_leaving_costs(own_shop: Path) -> None:
    promote(own_shop, "channel_churn", write_channel(own_shop / "fitted" / "channel_churn", 7), version="1")
    services = build_services(ServingSettings(data_dir=own_shop))
    context = context_of(services)
    found = fatigue_of(context, messages(context.now, 1), POLICY)
    assert (found.cost, found.source, found.messages) == (context.added_leaving * LOST, FatigueSource.LEARNED, 1)
    floor = 0.5 * LOST  # half of those who get a message leave: more than any model says
    found = fatigue_of(context, messages(context.now, 1), ContactPolicy(leaving=0.5))
    assert (found.cost, found.source) == (pytest.approx(floor), FatigueSource.POLICY)
    stranger = replace(context, customer=None)
    assert fatigue_of(stranger, messages(context.now, 1), POLICY).source is FatigueSource.POLICY
