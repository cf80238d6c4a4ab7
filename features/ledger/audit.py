"""Who did what, in an append-only chain: every entry's hash covers the entry before it, so that none can be changed or taken out unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, Text, insert, select

from features.ledger.columns import METADATA, Moment, Sequence, micros

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Sequence, primary_key=True, autoincrement=False),  # without a gap: a missing entry shows
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(64)),  # pseudonym of the customer it was about
    Column("detail", Text, nullable=False),  # JSON, never with an id of a customer
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
_START = "0" * 64


@dataclass(frozen=True)
class Verified:
    """Result of `verify`.

    Attributes:
        entries: read.
        broken_at: number of the first entry that does not fit; None when all do.
        head: hash of the last entry: written down elsewhere, it proves later that the end was not cut off.
    """

    entries: int
    broken_at: int | None
    head: str


def record(
    connection: Connection, action: str, *, at: datetime, actor: str, subject: str | None = None, detail: Mapping[str, object] | None = None
) -> str:
    """Add an entry in a writing transaction; returns its hash."""
    last = connection.execute(select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)).first()
    seq, previous = (1, _START) if last is None else (int(last.seq) + 1, str(last.hash))
    told = json.dumps(detail or {}, sort_keys=True, ensure_ascii=False)
    made = _hash(seq, at, actor, action, subject, told, previous)
    row = {"seq": seq, "at": at, "actor": actor, "action": action, "subject": subject, "detail": told}
    connection.execute(insert(AUDIT).values(**row, previous_hash=previous, hash=made))
    return made


def verify(connection: Connection) -> Verified:
    """Go through the whole chain."""
    previous, entries = _START, 0
    for row in connection.execute(select(AUDIT).order_by(AUDIT.c.seq)):
        expected = _hash(entries + 1, row.at, row.actor, row.action, row.subject, row.detail, previous)
        if row.seq != entries + 1 or row.previous_hash != previous or row.hash != expected:
            return Verified(entries, int(row.seq), previous)
        previous, entries = row.hash, entries + 1
    return Verified(entries, None, previous)


def holds(connection: Connection, made: str) -> bool:
    """Whether an entry of this hash is in the log."""
    return connection.execute(select(AUDIT.c.seq).where(AUDIT.c.hash == made)).first() is not None


@dataclass(frozen=True)
class Entry:
    """One entry, as written; `detail` is JSON."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str | None
    detail: str
    hash: str


def newest(connection: Connection, limit: int) -> list[Entry]:
    """The last entries, the newest last."""
    columns = (AUDIT.c.seq, AUDIT.c.at, AUDIT.c.actor, AUDIT.c.action, AUDIT.c.subject, AUDIT.c.detail, AUDIT.c.hash)
    rows = connection.execute(select(*columns).order_by(AUDIT.c.seq.desc()).limit(limit)).all()
    return [Entry(*row) for row in reversed(rows)]


def _hash(seq: int, at: datetime, *told_of_it: str | None) -> str:
    told = json.dumps([seq, micros(at), *told_of_it], ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()
