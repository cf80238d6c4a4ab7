"""What messages that were chosen lately were believed to bring, as their decisions say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from features.ledger.contacts import CONTACTS
from features.ledger.decisions import DECISIONS
from features.ledger.slates import SLATES

_AT_ONCE = 300  # below SQLite's limit of variables
_LOOKED_AT = 10  # times as many as are wanted: some were chosen by chance
_CHOSEN = (
    select(DECISIONS.c.decision_id, DECISIONS.c.record, SLATES.c.body)
    .join(SLATES, SLATES.c.slate_id == DECISIONS.c.slate_id)
    .where(DECISIONS.c.decision_id.in_(bindparam("ids", expanding=True)))
)


def values_sent(
    connection: Connection, channels: Iterable[str], *, policy: Mapping[str, Any], since: datetime, most: int
) -> dict[str, list[tuple[datetime, float]]]:
    """Channel → when its last messages were chosen and what each brings, the oldest first, in the shop's currency.

    A message is one that a decision of ours led to; what it brings is the value of the offer that came first, before what the message may
    cost the channel. Left out is what says nothing of messages to come: where chance chose the offer, to find something out or for a
    control, where nobody in particular was decided on, and what another policy chose, an arm's or the one before.

    Args:
        connection: any of the ledger.
        channels: that are asked about.
        policy: that decides, as records keep it.
        since: messages before count no longer, UTC.
        most: of a channel that are told.
    """
    # One pass over the contacts of a channel, which are kept for months; asked when a service begins.
    found: dict[str, list[tuple[datetime, float]]] = {}
    for channel in channels:
        query = (
            select(CONTACTS.c.contact_id, CONTACTS.c.at)
            .where(CONTACTS.c.channel == channel, CONTACTS.c.at >= since, CONTACTS.c.decision_id == CONTACTS.c.contact_id)
            .order_by(CONTACTS.c.at.desc(), CONTACTS.c.contact_id.desc())
            .limit(_LOOKED_AT * most)
        )
        sent = [(contact_id, at) for contact_id, at in connection.execute(query)]
        told: list[tuple[datetime, float]] = []
        for start in range(0, len(sent), _AT_ONCE):
            part = dict(sent[start : start + _AT_ONCE])
            brought = _brought(connection, list(part), policy)
            told += [(at, brought[contact_id]) for contact_id, at in part.items() if contact_id in brought]
            if len(told) >= most:
                break
        if told:
            found[channel] = told[:most][::-1]
    return found


def _brought(connection: Connection, decision_ids: list[str], policy: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for decision_id, record, slate in connection.execute(_CHOSEN, {"ids": decision_ids}):
        drawn, laid_out = json.loads(record), json.loads(slate)
        if drawn["explored"] or drawn["holdout"] is not None or laid_out["policy"] != policy or laid_out["customer_id"] is None:
            continue
        first, offers = drawn["slots"][0], laid_out["offers"]
        value, fatigue = offers["value"][first], offers["fatigue"][first]
        if value is not None and fatigue is not None and math.isfinite(value + fatigue):
            found[decision_id] = value + fatigue
    return found
