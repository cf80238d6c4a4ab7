"""What each customer consented to, by purpose and channel, with its history: the newest statement that covers a question answers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Connection, Index, String, Table, insert, select

from features.ledger.columns import METADATA, Id, Moment, Sequence

CONSENTS = Table(
    "consents",
    METADATA,
    Column("consent_id", Sequence, primary_key=True, autoincrement=True),
    Column("recorded_as", Id, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("stated_at", Moment, nullable=False),
    Column("source", String(64), nullable=False),
    Index(None, "recorded_as"),
)
ANY = "*"  # every purpose, or every channel


class Purpose(StrEnum):
    """What personal data may be used for."""

    PERSONALISATION = "personalisation"  # answers made from what is known of the person
    MARKETING = "marketing"  # being contacted
    PROFILING = "profiling"  # features and scores computed at all
    CHILD = "child"  # facts about a child's age: asked of the guardian, covered by no statement about "every purpose"


class State(StrEnum):
    """What was said."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Statement:
    """One thing a customer said, or an import said of them.

    Attributes:
        recorded_as: id of the customer as the sender knows them.
        purpose: of `Purpose`, or `*` for every one but the child's.
        channel: `*` for every one.
        state: granted or withdrawn.
        stated_at: UTC.
        source: where it was said.
    """

    recorded_as: str
    purpose: str
    channel: str
    state: State
    stated_at: datetime
    source: str


def state(connection: Connection, statements: Iterable[Statement]) -> int:
    """Add statements; nothing is ever overwritten. Returns how many."""
    rows = [vars(statement) for statement in statements]
    if rows:
        connection.execute(insert(CONSENTS), rows)
    return len(rows)


def history(connection: Connection, ids: list[str]) -> list[Statement]:
    """Every statement recorded under these ids, oldest first."""
    query = select(CONSENTS).where(CONSENTS.c.recorded_as.in_(ids)).order_by(CONSENTS.c.stated_at, CONSENTS.c.consent_id)
    return [_statement(row) for row in connection.execute(query)]


def granted(statements: Iterable[Statement], purpose: Purpose, channel: str | None = None) -> bool:
    """Whether a purpose, on a channel, is consented to by the newest statement that covers it; silence is no consent.

    Args:
        statements: of one customer, oldest first.
        purpose: what the data would be used for.
        channel: None: whether on any channel at all.
    """
    covering = [s for s in statements if s.purpose == purpose or (s.purpose == ANY and purpose is not Purpose.CHILD)]
    if channel is not None:
        newest = next((s for s in reversed(covering) if s.channel in {ANY, channel}), None)
        return newest is not None and newest.state == State.GRANTED
    channels = {s.channel for s in covering}
    return any(granted(covering, purpose, c) for c in channels)


def _statement(row: object) -> Statement:
    return Statement(
        row.recorded_as,  # type: ignore[attr-defined]
        row.purpose,  # type: ignore[attr-defined]
        row.channel,  # type: ignore[attr-defined]
        State(row.state),  # type: ignore[attr-defined]
        row.stated_at,  # type: ignore[attr-defined]
        row.source,  # type: ignore[attr-defined]
    )
