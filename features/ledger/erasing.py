"""Forgetting a person in the ledger, in one transaction: rows gone, tombstones set, and a note of what is left to do elsewhere.

The ids stay in the note until every place is done, and go with it; what remains is a pseudonym, times and counts.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError

from features.ledger import audit, identities
from features.ledger.answers import ANSWERS
from features.ledger.consents import CONSENTS
from features.ledger.contacts import CONTACTS
from features.ledger.database import LedgerDatabase
from features.ledger.decisions import DECISIONS, OUTCOMES
from features.ledger.erasures import ERASURES
from features.ledger.errors import LedgerAway, LedgerFull
from features.ledger.events import EVENTS
from features.ledger.exposures import EXPOSURES
from features.ledger.identities import LINKS
from features.ledger.ledger import Ledger
from features.ledger.slates import SLATES
from features.ledger.tombstones import TOMBSTONES, pseudonym, pseudonym_key
from features.room import is_full

# After a VACUUM the log is as long as the file. A writer may be the one who copies it back, at its commit; SQLite does not wait for that,
# and writing the file anew once more would cost more.
_COPYING_SECONDS, _AGAIN_SECONDS = 60.0, 0.1
_AT_ONCE = 500  # below SQLite's limit of variables
_TOUCHED = (EVENTS, LINKS, CONSENTS, CONTACTS, DECISIONS, SLATES, ANSWERS, OUTCOMES, EXPOSURES, ERASURES)
LEDGER = "ledger"
Removed = dict[str, int]


@dataclass(frozen=True)
class Erasure:
    """One wish to be forgotten.

    Attributes:
        erasure_id: unique.
        ids: what is searched for; empty once every place is done.
        asked_at: UTC.
        finished_at: when every place was done; None before.
        receipt: place → what was removed there; a place that is missing is not done yet.
    """

    erasure_id: str
    ids: tuple[str, ...]
    asked_at: datetime
    finished_at: datetime | None
    receipt: dict[str, Removed]


def begin(ledger: Ledger, asked: str, *, actor: str) -> Erasure:
    """Erase a person from the ledger and note what is left to do; asking again goes on with what was begun.

    Args:
        ledger: open.
        asked: any of the person's ids; every id linked to it goes too.
        actor: who asked, for the audit log.

    Raises:
        LedgerAway, LedgerFull, LedgerBroken: nothing was erased.
    """
    now = ledger.clock()
    with ledger.database.writing() as connection:
        ids = identities.ids_of(connection, identities.resolve(connection, asked))
        key = pseudonym_key(connection)
        open_one = next((e for e in unfinished(connection) if set(ids) & set(e.ids)), None)
        ids = sorted({*ids, *(open_one.ids if open_one else ())})
        removed = _remove(connection, ids)
        _bury(connection, [pseudonym(key, one) for one in ids], now)
        if open_one is None:
            found = Erasure(str(uuid.uuid4()), tuple(ids), now, None, {LEDGER: removed})
            row = {"erasure_id": found.erasure_id, "subject_hash": pseudonym(key, asked), "asked_at": now, "asked_by": actor}
            connection.execute(insert(ERASURES).values(**row, ids=json.dumps(ids), receipt=json.dumps(found.receipt)))
        else:
            # Nothing is done elsewhere yet for an id that was linked since: every place is gone through again.
            receipt = {LEDGER: _summed(open_one.receipt.get(LEDGER, {}), removed)}
            found = Erasure(open_one.erasure_id, tuple(ids), open_one.asked_at, None, receipt)
            _write(connection, found)
        detail = {"erasure_id": found.erasure_id, "ids": len(ids), "removed": removed}
        audit.record(connection, "customer_erasure_asked", at=now, actor=actor, subject=pseudonym(key, asked), detail=detail)
    return found


def settle(ledger: Ledger, erasure: Erasure, done: Mapping[str, Removed]) -> Erasure:
    """Add the places that were gone through, and take from the ledger what came since the wish. No writer of files may be at work.

    What is told of the person while the wish is carried out goes with the rest, and is counted; what happened up to now is refused from now
    on. The note of the ids goes in the same transaction, so that nothing can come in between.

    Returns:
        The erasure without ids: every row is gone. With ids when more of them were linked to the person meanwhile: those have to be looked
        for in every place, too.
    """
    now = ledger.clock()
    with ledger.database.writing() as connection:
        present = find(connection, erasure.erasure_id) or erasure
        theirs = {one for known in {*erasure.ids, *present.ids} for one in identities.ids_of(connection, known)}
        key = pseudonym_key(connection)
        removed = _remove(connection, sorted(theirs))
        _bury(connection, [pseudonym(key, one) for one in theirs], now)
        receipt = _merged(present.receipt, {LEDGER: removed, **done})
        found = replace(present, ids=tuple(sorted(theirs)) if theirs - set(erasure.ids) else (), receipt=receipt)
        _write(connection, found)
    return found


def note(ledger: Ledger, erasure: Erasure, done: Mapping[str, Removed]) -> Erasure:
    """Add places that are done to the receipt."""
    with ledger.database.writing() as connection:
        present = find(connection, erasure.erasure_id) or erasure
        found = replace(present, receipt=_merged(present.receipt, done))
        _write(connection, found)
    return found


def finish(ledger: Ledger, settled: Iterable[Erasure], *, actor: str) -> list[Erasure]:
    """Leave no bytes of what settled erasures deleted, once for all of them; only then they count as finished: a crash resumes that too.

    Raises:
        LedgerAway, LedgerFull: the ledger does not answer, is used without a pause, or lacks room for a second copy; try again.
    """
    wipe(ledger.database)
    now, finished = ledger.clock(), []
    with ledger.database.writing() as connection:
        for erasure in settled:
            present = find(connection, erasure.erasure_id) or erasure
            if present.finished_at is None:
                connection.execute(update(ERASURES).where(ERASURES.c.erasure_id == present.erasure_id).values(finished_at=now))
                detail = {"erasure_id": present.erasure_id, "removed": present.receipt}
                audit.record(connection, "customer_erased", at=now, actor=actor, detail=detail)
            finished.append(replace(present, finished_at=present.finished_at or now))
    return finished


def find(connection: Connection, erasure_id: str) -> Erasure | None:
    """One erasure; None when there is none of that id."""
    row = connection.execute(select(ERASURES).where(ERASURES.c.erasure_id == erasure_id)).first()
    return None if row is None else _erasure(row)


def unfinished(connection: Connection) -> list[Erasure]:
    """Erasures that some place is still missing of, the oldest first."""
    return [
        _erasure(row) for row in connection.execute(select(ERASURES).where(ERASURES.c.finished_at.is_(None)).order_by(ERASURES.c.asked_at))
    ]


def wipe(database: LedgerDatabase, *, thorough: bool = True) -> None:
    """Leave no bytes of deleted rows in the database's files.

    SQLite overwrites what it deletes (secure_delete), but pages that were joined keep copies (found by searching the file), and its log
    holds pages as they were: the file is written anew and the log emptied. PostgreSQL keeps dead rows until a vacuum; its own log and its
    backups keep them for as long as they are set to.

    Args:
        database: of the ledger.
        thorough: also write SQLite's file anew, during which writers wait: 1.8 s for 205 MB, the longest write 1.3 s.

    Raises:
        LedgerAway: others use the database without a pause; try again.
        LedgerFull: there is no room for a second copy; free some space and try again.
    """
    if database.is_sqlite:
        _wipe_file(database, thorough=thorough)
        return
    try:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))  # a large table takes its time
            for table in _TOUCHED:
                connection.execute(text(f"VACUUM {table.name}"))
            connection.execute(text("RESET statement_timeout"))  # the connection goes back to the others
    except SQLAlchemyError as error:
        raise LedgerAway("The ledger's tables cannot be vacuumed now: what was erased is not gone yet; it is tried again.") from error


def _wipe_file(database: LedgerDatabase, *, thorough: bool) -> None:
    raw = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        if thorough:
            cursor.execute("VACUUM")
        until = time.monotonic() + (_COPYING_SECONDS if thorough else 0)
        while busy := cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() >= until:
                break
            time.sleep(_AGAIN_SECONDS)
        cursor.close()
    except sqlite3.Error as error:
        if is_full(error):
            raise LedgerFull(
                "There is no room for a second copy of the ledger's file, which overwriting needs; it is tried again."
            ) from error
        raise LedgerAway("The ledger's file is in use, so that what was erased cannot be overwritten yet; it is tried again.") from error
    finally:
        raw.close()
    if busy:
        raise LedgerAway("The ledger's log is in use, so that what was erased cannot be overwritten yet; it is tried again.")


def _remove(connection: Connection, ids: list[str]) -> Removed:
    removed = dict.fromkeys(("events", "links", "consents", "contacts", "decisions", "slates", "answers", "outcomes", "exposures"), 0)
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        theirs = select(DECISIONS.c.decision_id).where(DECISIONS.c.recorded_as.in_(part))
        removed["outcomes"] += connection.execute(delete(OUTCOMES).where(OUTCOMES.c.decision_id.in_(theirs))).rowcount
        removed["decisions"] += connection.execute(delete(DECISIONS).where(DECISIONS.c.recorded_as.in_(part))).rowcount
        removed["slates"] += connection.execute(delete(SLATES).where(SLATES.c.recorded_as.in_(part))).rowcount
        removed["answers"] += connection.execute(delete(ANSWERS).where(ANSWERS.c.recorded_as.in_(part))).rowcount
        removed["exposures"] += connection.execute(delete(EXPOSURES).where(EXPOSURES.c.recorded_as.in_(part))).rowcount
        removed["events"] += connection.execute(delete(EVENTS).where(EVENTS.c.recorded_as.in_(part))).rowcount
        removed["consents"] += connection.execute(delete(CONSENTS).where(CONSENTS.c.recorded_as.in_(part))).rowcount
        removed["contacts"] += connection.execute(delete(CONTACTS).where(CONTACTS.c.recorded_as.in_(part))).rowcount
        either = or_(LINKS.c.alias.in_(part), LINKS.c.customer_id.in_(part))
        removed["links"] += connection.execute(delete(LINKS).where(either)).rowcount
    return removed


def _bury(connection: Connection, hashes: Iterable[str], now: datetime) -> None:
    made = postgresql_insert(TOMBSTONES) if connection.dialect.name == "postgresql" else sqlite_insert(TOMBSTONES)
    statement = made.on_conflict_do_update(index_elements=["subject_hash"], set_={"erased_at": made.excluded.erased_at})
    connection.execute(statement, [{"subject_hash": one, "erased_at": now} for one in hashes])


def _write(connection: Connection, erasure: Erasure) -> None:
    values = {"ids": json.dumps(list(erasure.ids)) if erasure.ids else None, "receipt": json.dumps(erasure.receipt)}
    connection.execute(update(ERASURES).where(ERASURES.c.erasure_id == erasure.erasure_id).values(**values))


def _merged(receipt: Mapping[str, Removed], done: Mapping[str, Removed]) -> dict[str, Removed]:
    return {**receipt, **{place: _summed(receipt.get(place, {}), removed) for place, removed in done.items()}}


def _summed(first: Removed, second: Removed) -> Removed:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


def _erasure(row: Row[tuple[object, ...]]) -> Erasure:
    told = row._mapping
    ids = tuple(json.loads(told["ids"])) if told["ids"] else ()
    return Erasure(told["erasure_id"], ids, told["asked_at"], told["finished_at"], json.loads(told["receipt"] or "{}"))
