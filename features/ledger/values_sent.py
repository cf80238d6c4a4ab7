"""What messages that were chosen lately were believed to bring, as their decisions say."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from features.ledger.contacts import CONTACTS
from features.ledger.decisions import DECISIONS


def values_sent(connection: Connection, *, most: int) -> dict[str, list[float]]:
    """Channel → values of its last messages, the oldest first, in the currency of the answers.

    A message is one that a decision of ours led to; the value is that of the offer that came first, less all its costs. Where chance chose
    the offer, to find something out or for a control, nothing is said of what would be chosen: those are left out.

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
        select(latest.c.channel, DECISIONS.c.body, DECISIONS.c.record)
        .join(DECISIONS, DECISIONS.c.decision_id == latest.c.contact_id)
        .where(DECISIONS.c.record.is_not(None))
        .order_by(latest.c.at, latest.c.contact_id)
    )
    found: dict[str, list[float]] = {}
    for channel, body, record in connection.execute(query):
        drawn, offers = json.loads(record), json.loads(body).get("offers")
        if offers and not drawn.get("explored", True) and drawn.get("holdout") is None:
            found.setdefault(channel, []).append(float(offers[0]["expected_value"]))
    return found
