"""What the contact policy looks at of one person: the messages that went, and what lately displeased them. One indexed query."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Connection, bindparam, literal_column, null, select, union_all

from features.ledger.columns import micros
from features.ledger.contacts import CONTACTS, Contact, contact_of
from features.ledger.events import EVENTS, NEGATIVE
from features.ledger.kinds import LEAVING

BAD_RATING = 2.0  # stars of a review, of five, up to which it is a bad one
_AT_ONCE = 200  # ids; each stands twice in the query, below SQLite's limit of variables


@dataclass(frozen=True)
class Negative:
    """Something after which nobody is written to for a while.

    Attributes:
        kind: the event's.
        channel: of an unsubscription, None elsewhere.
        at: UTC.
    """

    kind: str
    channel: str | None
    at: datetime


@dataclass(frozen=True)
class ContactHistory:
    """One person's.

    Attributes:
        ids: every id the person is known by.
        contacts: messages, the oldest first.
        negatives: complaints, refunds, bad reviews, unsubscriptions, the oldest first.
    """

    ids: frozenset[str] = frozenset()
    contacts: tuple[Contact, ...] = ()
    negatives: tuple[Negative, ...] = ()

    def since(self, moment: datetime) -> ContactHistory:
        """What of it happened from a moment on, UTC."""
        contacts = tuple(one for one in self.contacts if one.at >= moment)
        return replace(self, contacts=contacts, negatives=tuple(one for one in self.negatives if one.at >= moment))

    def joined(self, more: Iterable[Contact]) -> ContactHistory:
        """With contacts that may not be in the ledger yet; of one that is, what the ledger says counts."""
        known = {contact.contact_id for contact in self.contacts}
        fresh = [contact for contact in more if contact.contact_id not in known]
        return replace(self, contacts=tuple(sorted((*self.contacts, *fresh), key=lambda one: one.at))) if fresh else self


NO_HISTORY = ContactHistory()
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_SINCE: BindParameter[Any] = bindparam("since")
_NOTHING = [null().label(name) for name in ("contact_id", "recorded_as", "channel")]
_QUERY: CompoundSelect[Any] = union_all(
    select(literal_column("1").label("sent"), *CONTACTS.columns).where(CONTACTS.c.recorded_as.in_(_IDS), CONTACTS.c.at >= _SINCE),
    select(
        literal_column("0"),
        *_NOTHING,
        EVENTS.c.kind,
        null(),
        EVENTS.c.properties,
        null(),
        null(),
        EVENTS.c.occurred_at,
    ).where(EVENTS.c.recorded_as.in_(_IDS), EVENTS.c.occurred_at >= _SINCE, NEGATIVE),
)


def read_history(connection: Connection, ids: Iterable[str], *, since: datetime) -> ContactHistory:
    """Read the history of one person.

    Args:
        connection: any of the ledger.
        ids: every id they are known by.
        since: how far back, UTC.
    """
    wanted = sorted(set(ids))
    contacts: list[Contact] = []
    negatives: list[Negative] = []
    for start in range(0, len(wanted), _AT_ONCE):
        for row in connection.execute(_QUERY, {"ids": wanted[start : start + _AT_ONCE], "since": since}):
            if row.sent:
                contacts.append(contact_of(row))
            elif (negative := negative_of(row.offer_type, row.also, row.at)) is not None:  # in the places of the columns above
                negatives.append(negative)
    return ContactHistory(
        frozenset(wanted),
        tuple(sorted(contacts, key=lambda one: (micros(one.at), one.contact_id))),
        tuple(sorted(negatives, key=lambda one: one.at)),
    )


def negative_of(kind: str, properties: str, at: datetime) -> Negative | None:
    """An event of `NEGATIVE_KINDS` as a negative; None for a review that is good, or says no stars.

    Args:
        kind: the event's.
        properties: JSON, as sent.
        at: UTC.
    """
    told = json.loads(properties)
    told = told if isinstance(told, dict) else {}
    if kind == "product_reviewed":
        rating = told.get("rating")
        if isinstance(rating, bool) or not isinstance(rating, int | float) or rating > BAD_RATING:
            return None
    channel = told.get("channel")
    return Negative(kind, channel if kind in LEAVING and isinstance(channel, str) else None, at)
