"""What was decided, and what came of it. An outcome may come before its decision, or twice; both are kept as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, Connection, Index, String, Table, Text, bindparam, insert, select

from features.ledger.answers import ANSWERS, KeptAnswer, record_answers, whole_answer
from features.ledger.by_driver import add_rows, known_ids
from features.ledger.columns import METADATA, Amount, Id, Moment, Sequence, micros
from features.ledger.contacts import NOT_SENT, Contact, give_back, record_contacts
from features.ledger.exposures import Exposure, record_exposures
from features.ledger.slates import SLATES, KeptSlate, record_slates, whole_record
from features.ledger.tombstones import erased_since

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("decision_id", Id, primary_key=True),
    Column("recorded_as", Id),  # null: for nobody in particular
    Column("decided_at", Moment, nullable=False),
    Column("body", Text, nullable=False),  # JSON: the answer; empty: as `answer_id` says
    Column("record", Text),  # JSON of `features.decisions.record.DecisionRecord`, without its slate; null: of a version that kept none
    Column("slate_id", Id),  # of `slates`; null: the record stands by itself
    Column("answer_id", Id),  # of `answers`; null: the answer stands here
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
    Index(None, "offer_id"),
)
_BY_OUTCOME = select(OUTCOMES.c.outcome_id).where(OUTCOMES.c.outcome_id.in_(bindparam("ids", expanding=True)))
_COLUMNS = ("decision_id", "recorded_as", "decided_at", "body", "record", "slate_id", "answer_id")
_WITH_SLATE = DECISIONS.outerjoin(SLATES, DECISIONS.c.slate_id == SLATES.c.slate_id)
_WHOLE = _WITH_SLATE.outerjoin(ANSWERS, DECISIONS.c.answer_id == ANSWERS.c.answer_id)
_NOT_SENT = select(OUTCOMES.c.decision_id).where(
    OUTCOMES.c.decision_id.in_(bindparam("ids", expanding=True)), OUTCOMES.c.outcome == NOT_SENT
)


@dataclass(frozen=True)
class Decided:
    """One decision, as answered.

    Attributes:
        decision_id: unique.
        recorded_as: the customer's id as asked with, None where nothing personal was used; the body then names nobody either.
        decided_at: the ledger's clock, UTC: when it was said; as of when it knew the customer stands in the answer.
        body: JSON of the answer; empty where it repeats one that is kept.
        record: JSON of the `DecisionRecord`: everything that led to it, but for the slate.
        contact: the message it leads to on an outbound channel, None when none goes.
        exposures: experiments that the customer met by it; the ledger keeps the first of each.
        slate: what it was drawn from; None: the record says all of it.
        answer: what it repeats; None: `body` is its own.
    """

    decision_id: str
    recorded_as: str | None
    decided_at: datetime
    body: str
    record: str | None = None
    contact: Contact | None = None
    exposures: tuple[Exposure, ...] = ()
    slate: KeptSlate | None = None
    answer: KeptAnswer | None = None


@dataclass(frozen=True)
class Outcome:
    """What the customer then did.

    Attributes:
        outcome_id: the sender's own id of it; a repeat is harmless.
        decision_id: the decision it answers, known or not.
        offer_id: the offer of that decision.
        outcome: viewed, clicked, converted, refunded, unsubscribed, not_sent, …
        value: in currency, None when it has none.
        occurred_at: UTC.
    """

    outcome_id: str
    decision_id: str
    offer_id: str
    outcome: str
    value: Decimal | None
    occurred_at: datetime


def record_decisions(connection: Connection, decided: Iterable[Decided]) -> int:
    """Write decisions that are not here yet, the contacts they lead to, and who met which experiment; returns how many were new.

    What is about somebody who was erased since, while it waited to be written, is not kept.
    """
    given = list(decided)
    known = known_decisions(connection, (one.decision_id for one in given))
    waiting = [one for one in given if one.decision_id not in known] if known else given
    erased = erased_since(connection, (who for one in waiting for who in people_of(one)))
    told = [one for one in waiting if all(one.decided_at > erased[who] for who in people_of(one) if who in erased)] if erased else waiting
    if not told:
        return len(waiting)
    said = record_answers(connection, ((one.answer, one.recorded_as) for one in told if one.answer is not None))
    # Decisions of one answer are of one slate, and whoever deletes one deletes the other: a slate is there where its answer was.
    unsaid = (one for one in told if one.answer is None or one.answer.answer_id not in said)
    record_slates(connection, ((one.slate, one.recorded_as) for one in unsaid if one.slate is not None))
    add_rows(connection, DECISIONS, _COLUMNS, [_row(one) for one in told])
    led = [one.contact for one in told if one.contact is not None]
    if led:
        # The outcome may have come first.
        given_back = set(connection.execute(_NOT_SENT, {"ids": [one.contact_id for one in led]}).scalars())
        record_contacts(connection, [one for one in led if one.contact_id not in given_back])
    record_exposures(connection, [exposure for one in told for exposure in one.exposures])
    return len(waiting)


def _row(one: Decided) -> tuple[object, ...]:
    slate, answer = None if one.slate is None else one.slate.slate_id, None if one.answer is None else one.answer.answer_id
    return one.decision_id, one.recorded_as, micros(one.decided_at), one.body, one.record, slate, answer


def people_of(one: Decided) -> set[str]:
    """Ids whose decision, message or experiment it is."""
    named = (one.recorded_as, one.contact.recorded_as if one.contact else None, *(exposure.recorded_as for exposure in one.exposures))
    return {who for who in named if who is not None}


def record_outcomes(connection: Connection, outcomes: list[Outcome], *, received_at: datetime) -> list[bool]:
    """Write outcomes that are not here yet; returns, in their order, whether each was new. A message that did not go counts no longer."""
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
        give_back(connection, [str(row["decision_id"]) for row in rows if row["outcome"] == NOT_SENT])
    return fresh


@dataclass(frozen=True)
class Recorded:
    """A decision about a person, with its record."""

    decision_id: str
    recorded_as: str
    body: str
    record: str


def recorded_decisions(connection: Connection, *, since: datetime | None = None, at_once: int = 2000) -> Iterator[list[Recorded]]:
    """Decisions about persons of which a record was kept, in pages, by id.

    Args:
        connection: any of the ledger.
        since: leave out what was said before, UTC.
        at_once: most on a page.
    """
    columns = (DECISIONS.c.decision_id, DECISIONS.c.recorded_as, DECISIONS.c.body, ANSWERS.c.body, DECISIONS.c.record, SLATES.c.body)
    query = select(*columns).select_from(_WHOLE).where(DECISIONS.c.record.is_not(None), DECISIONS.c.recorded_as.is_not(None))
    query = (query if since is None else query.where(DECISIONS.c.decided_at >= since)).order_by(DECISIONS.c.decision_id).limit(at_once)
    last = ""
    while rows := connection.execute(query.where(DECISIONS.c.decision_id > last)).all():
        page = [
            Recorded(one, whose, whole_answer(one, body, answer), whole_record(record, slate))
            for one, whose, body, answer, record, slate in rows
        ]
        yield page
        last = page[-1].decision_id


def known_decisions(connection: Connection, decision_ids: Iterable[str]) -> set[str]:
    """Which of these decisions are in the ledger."""
    return known_ids(connection, DECISIONS, decision_ids)


def decision_record(connection: Connection, decision_id: str) -> str | None:
    """JSON of the record of a decision; None where there is none."""
    query = select(DECISIONS.c.record, SLATES.c.body).select_from(_WITH_SLATE).where(DECISIONS.c.decision_id == decision_id)
    row = connection.execute(query).one_or_none()
    return None if row is None or row[0] is None else whole_record(*row)


def whole_records(connection: Connection, *, at_once: int) -> Iterator[list[tuple[str, str]]]:
    """Decisions about persons of which a record was kept, the oldest first, in groups: whose, and the JSON of the whole record."""
    query = select(DECISIONS.c.recorded_as, DECISIONS.c.record, SLATES.c.body).select_from(_WITH_SLATE)
    query = query.where(DECISIONS.c.record.is_not(None), DECISIONS.c.recorded_as.is_not(None))
    query = query.order_by(DECISIONS.c.decided_at, DECISIONS.c.decision_id).execution_options(yield_per=at_once)
    for rows in connection.execute(query).partitions():
        yield [(whose, whole_record(record, slate)) for whose, record, slate in rows]
