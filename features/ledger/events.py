"""Events: what customers did, as they came, each once. The order of `seq` is the order in which they were committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, String, Table, Text, bindparam, func, insert, select, text

from features.ledger.columns import METADATA, Id, Moment, Sequence
from features.ledger.sent_messages import count_messages
from features.ledger.tombstones import erased_since

# Kinds after which nobody is written to for a while; written out, because a database uses a partial index for its very words only.
NEGATIVE_KINDS = ("complaint_opened", "contact_deleted", "group_left", "order_refunded", "product_reviewed", "unsubscribed")
NEGATIVE = text("kind IN (" + ", ".join(f"'{kind}'" for kind in NEGATIVE_KINDS) + ")")
EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("message_id", Id, nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("recorded_as", Id, nullable=False),  # the id that the sender used; whose it is, `identities` says
    Column("occurred_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("source", String(32), nullable=False),
    Column("properties", Text, nullable=False),  # JSON, as sent
    Index(None, "recorded_as", "seq"),
    Index("ix_events_negative", "recorded_as", "occurred_at", sqlite_where=NEGATIVE, postgresql_where=NEGATIVE),
    sqlite_autoincrement=True,  # an erased event's number is not given again: what was folded up to it stays folded
)
_LOOKED_UP_AT_ONCE = 500  # below SQLite's limit of variables


class Fate(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"  # this message was here already; nothing changed
    ERASED = "erased"  # tells of a time before the customer asked to be forgotten


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        message_id: the sender's own id of it; a repeat is harmless.
        kind: of `features.ledger.kinds`.
        recorded_as: id of the customer as the sender knows them; an anonymous one starts with `anonymous:`.
        occurred_at: UTC.
        source: which form it came in.
        properties: JSON object, as sent.
    """

    message_id: str
    kind: str
    recorded_as: str
    occurred_at: datetime
    source: str
    properties: str


@dataclass(frozen=True, slots=True)
class StoredEvent(Event):
    """An event in the ledger: with its number, and when it came."""

    seq: int
    received_at: datetime


def append(connection: Connection, events: Many[Event], *, received_at: datetime) -> list[Fate]:
    """Write events that are not here yet; a message that was sent is a contact too, in the same transaction.

    Args:
        connection: of `LedgerDatabase.writing`: alone, so that what was looked up stays true until the commit.
        events: any number, any order.
        received_at: the clock, UTC.

    Returns:
        The fate of each, in their order.
    """
    fates = judge(connection, events)
    rows = [
        {
            "message_id": event.message_id,
            "kind": event.kind,
            "recorded_as": event.recorded_as,
            "occurred_at": event.occurred_at,
            "received_at": received_at,
            "source": event.source,
            "properties": event.properties,
        }
        for event, fate in zip(events, fates, strict=True)
        if fate is Fate.ACCEPTED
    ]
    if rows:
        connection.execute(insert(EVENTS), rows)
        count_messages(connection, [event for event, fate in zip(events, fates, strict=True) if fate is Fate.ACCEPTED])
    return fates


def judge(connection: Connection, events: Many[Event]) -> list[Fate]:
    """What would become of each event, in their order, were they appended now."""
    known = _known(connection, [event.message_id for event in events])
    erased = erased_since(connection, {event.recorded_as for event in events})
    fates: list[Fate] = []
    for event in events:
        gone = erased.get(event.recorded_as)
        if event.message_id in known:
            fates.append(Fate.DUPLICATE)
        elif gone is not None and event.occurred_at <= gone:
            fates.append(Fate.ERASED)
        else:
            known.add(event.message_id)
            fates.append(Fate.ACCEPTED)
    return fates


_BY_MESSAGE = select(EVENTS.c.message_id).where(EVENTS.c.message_id.in_(bindparam("ids", expanding=True)))


def _known(connection: Connection, message_ids: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(message_ids), _LOOKED_UP_AT_ONCE):
        part = message_ids[start : start + _LOOKED_UP_AT_ONCE]
        found.update(connection.execute(_BY_MESSAGE, {"ids": part}).scalars())
    return found


def read(
    connection: Connection, *, after: int = 0, until: int | None = None, limit: int = 10_000, kind: str | None = None
) -> list[StoredEvent]:
    """Events by number.

    Args:
        connection: any of the ledger.
        after: number of the last event seen.
        until: number of the last event wanted; None for all.
        limit: most events.
        kind: of this kind only.
    """
    query = select(EVENTS).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(limit)
    if kind is not None:
        query = query.where(EVENTS.c.kind == kind)
    if until is not None:
        query = query.where(EVENTS.c.seq <= until)
    return [_stored(row) for row in connection.execute(query)]


def read_of(connection: Connection, recorded_as: Iterable[str], *, after: int = 0) -> Iterator[StoredEvent]:
    """Every event recorded under one of these ids, by number."""
    query = select(EVENTS).where(EVENTS.c.recorded_as.in_(list(recorded_as)), EVENTS.c.seq > after).order_by(EVENTS.c.seq)
    for row in connection.execute(query):
        yield _stored(row)


def count(connection: Connection) -> int:
    """Events held."""
    return int(connection.execute(select(func.count()).select_from(EVENTS)).scalar_one())


def newest(connection: Connection) -> int:
    """Number of the last event committed; 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(EVENTS.c.seq), 0))).scalar_one())


def last_given(connection: Connection) -> int:
    """The highest number ever given to an event, whether or not it is still there; 0 before the first."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'")
    else:
        query = text("SELECT pg_sequence_last_value(pg_get_serial_sequence('events', 'seq')::regclass)")
    return int(connection.execute(query).scalar_one() or 0)


@dataclass(frozen=True, slots=True)
class Head:
    """Of an event, what says whom it touches and when: without its properties, which may be megabytes."""

    seq: int
    kind: str
    recorded_as: str
    occurred_at: datetime


def heads(connection: Connection, *, after: int, limit: int) -> list[Head]:
    """Heads of the events after a number, by number."""
    columns = (EVENTS.c.seq, EVENTS.c.kind, EVENTS.c.recorded_as, EVENTS.c.occurred_at)
    query = select(*columns).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(limit)
    return [Head(*row) for row in connection.execute(query)]


def newest_since(connection: Connection, after: int) -> tuple[int, datetime | None]:
    """Number of the last event, and the latest time of what happened among the events after a number; what was seen is not read again."""
    found = connection.execute(
        select(func.coalesce(func.max(EVENTS.c.seq), after), func.max(EVENTS.c.occurred_at)).where(EVENTS.c.seq > after)
    ).one()
    return int(found[0]), found[1]


def people_between(connection: Connection, after: int, until: int, *, most: int) -> list[str]:
    """Ids under which events numbered above `after` and up to `until` were recorded, each once."""
    numbered = (EVENTS.c.seq > after) & (EVENTS.c.seq <= until)
    return list(connection.execute(select(EVENTS.c.recorded_as).where(numbered).distinct().limit(most)).scalars())


def first_after(connection: Connection, after: int) -> datetime | None:
    """When the first event after a number came in; None when there is none."""
    found: datetime | None = connection.execute(
        select(EVENTS.c.received_at).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(1)
    ).scalar_one_or_none()
    return found


def last_occurred(connection: Connection) -> datetime | None:
    """Time of the latest thing that happened; None without events."""
    found: datetime | None = connection.execute(select(func.max(EVENTS.c.occurred_at))).scalar_one()
    return found


def _stored(row: Row[Any]) -> StoredEvent:
    return StoredEvent(
        message_id=row.message_id,
        kind=row.kind,
        recorded_as=row.recorded_as,
        occurred_at=row.occurred_at,
        source=row.source,
        properties=row.properties,
        seq=row.seq,
        received_at=row.received_at,
    )
