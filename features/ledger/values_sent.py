"""What messages that were chosen lately were believed to bring, as their decisions say."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from features.ledger.contacts import CONTACTS
from features.ledger.decisions import DECISIONS
from features.ledger.slates import SLATES


def values_sent(connection: Connection, *, most: int) -> dict[str, list[float]]:
    """Channel → what its last messages bring, the oldest first, in the shop's currency.

    A message is one that a decision of ours led to; what it brings is the value of the offer that came first, before what the message may
    cost the channel. Where chance chose the offer, to find something out or for a control, nothing is said of what would be chosen: those
    are left out.

    Args:
        connection: any of the ledger.
        most: messages that are looked at, whatever their channel.
    """
    # One pass over the contacts, which are kept for months; asked once, when a service begins.
    latest = (
        select(CONTACTS.c.contact_id, CONTACTS.c.channel, CONTACTS.c.at)
        .where(CONTACTS.c.decision_id == CONTACTS.c.contact_id, CONTACTS.c.channel.is_not(None))
        .order_by(CONTACTS.c.at.desc(), CONTACTS.c.contact_id.desc())
        .limit(most)
        .subquery()
    )
    query = (
        select(latest.c.channel, DECISIONS.c.record, SLATES.c.body)
        .join(DECISIONS, DECISIONS.c.decision_id == latest.c.contact_id)
        .join(SLATES, SLATES.c.slate_id == DECISIONS.c.slate_id)
        .order_by(latest.c.at, latest.c.contact_id)
    )
    found: dict[str, list[float]] = {}
    for channel, record, slate in connection.execute(query):
        drawn = json.loads(record)
        if not drawn["explored"] and drawn["holdout"] is None:
            first, offers = drawn["slots"][0], json.loads(slate)["offers"]
            found.setdefault(channel, []).append(offers["value"][first] + offers["fatigue"][first])
    return found
