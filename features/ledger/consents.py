"""What each customer consented to, by purpose and channel, with its history: the newest statement that covers a question answers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, String, Table, insert, select

from features.ledger import identities
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


def granted(statements: Iterable[Statement], purpose: Purpose, channel: str = ANY) -> bool:
    """Whether a purpose is consented to by the newest statement that covers it; silence is no consent.

    Args:
        statements: of one customer, oldest first.
        purpose: what the data would be used for.
        channel: for marketing, where; the other purposes know no channels.
    """
    return allowed(((one.purpose, one.channel, one.state) for one in statements), purpose, channel)


def allowed(said: Iterable[tuple[str, str, State]], purpose: Purpose, channel: str = ANY) -> bool:
    """As `granted`, of purpose, channel and state of each statement, the oldest first."""
    newest = None
    for of, on, state_said in said:
        if _covers(of, on, purpose, channel):
            newest = state_said
    return newest == State.GRANTED


def granted_ids(connection: Connection, purpose: Purpose, channel: str = ANY) -> set[str]:
    """Everybody who consents to a purpose, by the customer's own id; what a person said under any of their ids counts."""
    owner = identities.standing(connection)
    covering = select(CONSENTS.c.recorded_as, CONSENTS.c.purpose, CONSENTS.c.channel, CONSENTS.c.state)
    newest: dict[str, str] = {}
    for recorded_as, of, on, said in connection.execute(covering.order_by(CONSENTS.c.stated_at, CONSENTS.c.consent_id)):
        if _covers(of, on, purpose, channel):
            newest[owner.get(recorded_as, recorded_as)] = said
    return {customer_id for customer_id, said in newest.items() if said == State.GRANTED}


def _covers(of: str, on: str, purpose: Purpose, channel: str) -> bool:
    if purpose is Purpose.MARKETING:
        return of in {purpose, ANY} and on in {ANY, channel}
    return on == ANY and (of == purpose or (of == ANY and purpose is not Purpose.CHILD))


def stated_ids(connection: Connection) -> set[str]:
    """Every id under which anything was ever stated."""
    return set(connection.execute(select(CONSENTS.c.recorded_as).distinct()).scalars())


def _statement(row: Row[Any]) -> Statement:
    return Statement(
        row.recorded_as,
        row.purpose,
        row.channel,
        State(row.state),
        row.stated_at,
        row.source,
    )
