from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from features.customer_facts import NOTHING_TOLD
from features.decisions.policy import Cap, ContactPolicy, QuietHours
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from features.ledger.contacts import Contact
from serving.customer_context import CustomerContext
from serving.decisioning.contact_policy import ContactRules
from serving.decisioning.contact_step import within_contact_policy
from serving.offers.protocol import Candidate
from serving.services import Services


def candidate(kind: str, *channels: str, now: datetime) -> Candidate:
    return Candidate(kind, kind, (), 0.1, 1.0, (), now + timedelta(days=1), channels)


@pytest.fixture
def context(services: Services) -> CustomerContext:
    customer = services.live.reader.read("c000")
    assert customer is not None
    outbound = frozenset(services.outbound_channels)
    return CustomerContext(services.live, services.now, customer, contact=outbound)


def history(context: CustomerContext, channel: str) -> ContactHistory:
    return ContactHistory(frozenset({"c000"}), (Contact("d1", "c000", channel, "coupon", None, "d1", context.now),))


def rules(services: Services, *caps: Cap, quiet: QuietHours | None = None) -> ContactRules:
    return ContactRules.compile(ContactPolicy(caps=caps, quiet_hours=quiet), services.outbound_channels)


def test_a_closed_channel_drops_what_would_go_there_and_doing_nothing_stays(services: Services, context: CustomerContext) -> None:
    made = rules(services, Cap(channel="email", most=1, period="day"))
    offers = [candidate("coupon", "email", "app", now=context.now), candidate("no_action", "email", now=context.now)]
    kept, dropped = within_contact_policy(offers, replace(context, channel="email"), made, history(context, "email"))
    assert [one.type for one in kept] == ["no_action"]
    assert [(one.type, verdict.code) for one, verdict in dropped] == [("coupon", "cap_reached")]
    assert within_contact_policy(offers, replace(context, channel="app"), made, history(context, "email")) == (offers, [])
    assert within_contact_policy(offers, replace(context, channel="email"), made, NO_HISTORY) == (offers, [])


def test_without_a_channel_closed_ones_are_left_out(services: Services, context: CustomerContext) -> None:
    made = rules(services, Cap(channel="email", most=1, period="day"))
    offers = [candidate("coupon", "email", "app", now=context.now), candidate("item", "email", now=context.now)]
    kept, dropped = within_contact_policy(offers, context, made, history(context, "email"))
    assert [(one.type, one.channels) for one in kept] == [("coupon", ("app",))]
    assert [one.type for one, _ in dropped] == ["item"]
    nowhere_else = replace(context, contact=frozenset({"email"}))  # the app is open, but they did not agree to it
    kept, dropped = within_contact_policy(offers, nowhere_else, made, history(context, "email"))
    assert (kept, len(dropped)) == ([], 2)


def test_quiet_hours_are_the_customer_s_own(services: Services, context: CustomerContext) -> None:
    hour = context.now.hour
    quiet = QuietHours(start=f"{hour:02}:00", end=f"{(hour + 2) % 24:02}:00")
    made, offers = rules(services, quiet=quiet), [candidate("coupon", "email", now=context.now)]
    asked = replace(context, channel="email")
    assert within_contact_policy(offers, asked, made, NO_HISTORY)[0] == []
    assert asked.customer is not None
    elsewhere = replace(asked.customer, facts=replace(NOTHING_TOLD, timezone="Asia/Tokyo"))
    assert within_contact_policy(offers, replace(asked, customer=elsewhere), made, NO_HISTORY)[0] == offers
