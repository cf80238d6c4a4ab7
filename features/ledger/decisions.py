"""What was decided, and what came of it. An outcome may come before its decision, or twice; both are kept as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, Connection, Index, String, Table, Text, bindparam, insert, select

from features.ledger.columns import METADATA, Amount, Id, Moment, Sequence

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("decision_id", Id, primary_key=True),
    Column("recorded_as", Id),  # null: for nobody in particular
    Column("decided_at", Moment, nullable=False),
    Column("body", Text, nullable=False),  # JSON: the answer
    Index(None, "recorded_as"),
)
OUTCOMES = Table(
    "outcomes",
    METADATA,
    Column("outcome_seq", Sequence, primary_key=True, autoincrement=True),
    Column("outcome_id", Id, nullable=False, unique=True),
    Column("decision_id", Id, nullable=False),
    Column("offer_id", Id, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("value", Amount),
    Column("occurred_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Index(None, "decision_id"),
)
_BY_OUTCOME = select(OUTCOMES.c.outcome_id).where(OUTCOMES.c.outcome_id.in_(bindparam("ids", expanding=True)))
_BY_DECISION = select(DECISIONS.c.decision_id).where(DECISIONS.c.decision_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True)
class Decided:
    """One decision, as answered.

    Attributes:
        decision_id: unique.
        recorded_as: the customer's id as asked with, None where nothing personal was used; the body then names nobody either.
        decided_at: the ledger's clock, UTC: when it was said; as of when it knew the customer stands in the answer.
        body: JSON of the answer.
    """

    decision_id: str
    recorded_as: str | None
    decided_at: datetime
    body: str


@dataclass(frozen=True)
class Outcome:
    """What the customer then did.

    Attributes:
        outcome_id: the sender's own id of it; a repeat is harmless.
        decision_id: the decision it answers, known or not.
        offer_id: the offer of that decision.
        outcome: viewed, clicked, converted, refunded, unsubscribed, …
        value: in currency, None when it has none.
        occurred_at: UTC.
    """

    outcome_id: str
    decision_id: str
    offer_id: str
    outcome: str
    value: Decimal | None
    occurred_at: datetime


def record_decisions(connection: Connection, decided: Iterable[Decided]) -> None:
    """Write decisions; their ids are ours and new."""
    rows = [vars(one) for one in decided]
    if rows:
        connection.execute(insert(DECISIONS), rows)


def record_outcomes(connection: Connection, outcomes: list[Outcome], *, received_at: datetime) -> list[bool]:
    """Write outcomes that are not here yet; returns, in their order, whether each was new."""
    ids = [outcome.outcome_id for outcome in outcomes]
    known = set(connection.execute(_BY_OUTCOME, {"ids": ids}).scalars()) if ids else set()
    fresh: list[bool] = []
    rows: list[dict[str, object]] = []
    for outcome in outcomes:
        fresh.append(outcome.outcome_id not in known)
        if fresh[-1]:
            known.add(outcome.outcome_id)
            rows.append({**vars(outcome), "received_at": received_at})
    if rows:
        connection.execute(insert(OUTCOMES), rows)
    return fresh


def known_decisions(connection: Connection, decision_ids: Iterable[str]) -> set[str]:
    """Which of these decisions are in the ledger."""
    ids = sorted(set(decision_ids))
    return set(connection.execute(_BY_DECISION, {"ids": ids}).scalars()) if ids else set()
