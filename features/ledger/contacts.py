"""Contacts: messages that went, or are about to go, to a customer. What the contact policy counts.

A decision that leads to a message is a contact from the moment it is made; the shop's own `message_sent` confirms it, its outcome
`not_sent` gives it back. What is shown to somebody who comes by themselves is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, String, Table, Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from features.ledger.columns import METADATA, Id, Moment

CONTACTS = Table(
    "contacts",
    METADATA,
    Column("contact_id", Id, primary_key=True),  # of a decision's contact the decision's id, else the message's: told twice, it is one
    Column("recorded_as", Id, nullable=False),
    Column("channel", Id),  # null: the sender did not say
    Column("offer_type", String(32)),
    Column("offer_id", Id),
    Column("also", Text),  # JSON: [type, id] of what else the same message offers
    Column("decision_id", Id),
    Column("message_id", Id),  # the sender's name of the message that went; null: not heard of yet
    Column("at", Moment, nullable=False),
    Index(None, "recorded_as", "at"),
    Index(None, "offer_id"),
)
NOT_SENT = "not_sent"  # the outcome that gives a contact back
_AT_ONCE = 500  # below SQLite's limit of variables
_LEARNED = ("at", "channel", "offer_type", "offer_id", "also", "message_id")
_REWRITTEN = (
    update(CONTACTS)
    .where(CONTACTS.c.contact_id == bindparam("new_contact_id"))
    .values({name: bindparam(f"new_{name}") for name in _LEARNED})
)
_BY_ID = select(CONTACTS).where(CONTACTS.c.contact_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True)
class Contact:
    """One message.

    Attributes:
        contact_id: the id of the decision that led to it, else of the event that told of it.
        recorded_as: id of the customer as asked with, or as the sender knows them.
        channel: None where the sender did not say.
        offer_type, offer_id: of what it offers first; None where that is not known.
        decision_id: None when no decision of ours led to it.
        at: by the decision's clock, UTC; when it went, if that was later.
        message_id: the sender's name of the message; None until one is heard of.
        also: type and id of what else the same message offers.
    """

    contact_id: str
    recorded_as: str
    channel: str | None
    offer_type: str | None
    offer_id: str | None
    decision_id: str | None
    at: datetime
    message_id: str | None = None
    also: tuple[tuple[str, str], ...] = ()

    @property
    def types(self) -> frozenset[str]:
        """Types of everything it offers, as far as they are known."""
        return frozenset(told for told in (self.offer_type, *(kind for kind, _ in self.also)) if told is not None)


def record_contacts(connection: Connection, contacts: Iterable[Contact]) -> None:
    """Write contacts; one that is here already, because its message was told of first, only learns what is offered."""
    rows = [_row(contact) for contact in contacts]
    if not rows:
        return
    made = postgresql_insert(CONTACTS) if connection.dialect.name == "postgresql" else sqlite_insert(CONTACTS)
    learned = {name: func.coalesce(CONTACTS.c[name], made.excluded[name]) for name in ("channel", "offer_type", "offer_id", "message_id")}
    connection.execute(made.on_conflict_do_update(index_elements=["contact_id"], set_=learned), rows)


def rewrite_contacts(connection: Connection, contacts: Iterable[Contact]) -> None:
    """Write what was learned of contacts that are here: where, when and what was sent."""
    rows = [{f"new_{name}": row[name] for name in ("contact_id", *_LEARNED)} for row in map(_row, contacts)]
    if rows:
        connection.execute(_REWRITTEN, rows)


def give_back(connection: Connection, contact_ids: Iterable[str]) -> int:
    """Take contacts away whose message did not go; returns how many there were."""
    ids, gone = sorted(set(contact_ids)), 0
    for start in range(0, len(ids), _AT_ONCE):
        gone += connection.execute(delete(CONTACTS).where(CONTACTS.c.contact_id.in_(ids[start : start + _AT_ONCE]))).rowcount
    return gone


def find(connection: Connection, contact_ids: Iterable[str]) -> dict[str, Contact]:
    """Contact id → contact, of those that are here."""
    ids, found = sorted(set(contact_ids)), dict[str, Contact]()
    for start in range(0, len(ids), _AT_ONCE):
        for row in connection.execute(_BY_ID, {"ids": ids[start : start + _AT_ONCE]}):
            found[row.contact_id] = contact_of(row)
    return found


def read_contacts(connection: Connection, recorded_as: Iterable[str], *, since: datetime) -> list[Contact]:
    """Contacts recorded under these ids from a moment on, the oldest first."""
    ids, found = sorted(set(recorded_as)), list[Contact]()
    for start in range(0, len(ids), _AT_ONCE):
        theirs = CONTACTS.c.recorded_as.in_(ids[start : start + _AT_ONCE])
        found += [contact_of(row) for row in connection.execute(select(CONTACTS).where(theirs, CONTACTS.c.at >= since))]
    return sorted(found, key=lambda contact: (contact.at, contact.contact_id))


def contact_of(row: Row[Any]) -> Contact:
    """A row of the table."""
    also = () if row.also is None else also_of(row.also)
    return Contact(
        row.contact_id,
        row.recorded_as,
        row.channel,
        row.offer_type,
        row.offer_id,
        row.decision_id,
        row.at,
        row.message_id,
        also,
    )


def also_of(told: str) -> tuple[tuple[str, str], ...]:
    """Type and id of what else a message offers, as the table keeps them."""
    return tuple((str(kind), str(offer)) for kind, offer in json.loads(told))


def _row(contact: Contact) -> dict[str, object]:
    return {**vars(contact), "also": json.dumps(contact.also, ensure_ascii=False) if contact.also else None}
