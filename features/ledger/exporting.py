"""Everything the ledger holds of a person, for the person: noted in the audit log, then read in small groups.

Nothing is held open between two groups: a long answer to a slow caller keeps no writer waiting and no erasure from overwriting what it
deleted. What is erased meanwhile is simply no longer given; events that come meanwhile are left out.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, Text, func, literal, select, tuple_

from features.ledger import audit, events, identities
from features.ledger.answers import ANSWERS
from features.ledger.consents import CONSENTS
from features.ledger.contacts import CONTACTS
from features.ledger.database import LedgerDatabase
from features.ledger.decisions import DECISIONS, OUTCOMES
from features.ledger.events import EVENTS
from features.ledger.exposures import EXPOSURES
from features.ledger.identities import LINKS
from features.ledger.ledger import Ledger
from features.ledger.slates import SLATES
from features.ledger.tombstones import pseudonym, pseudonym_key

Row = dict[str, Any]
Key = tuple[Any, ...]
_TABLES = (EVENTS, CONSENTS, CONTACTS, DECISIONS, SLATES, ANSWERS, EXPOSURES, OUTCOMES)
_SECTIONS = (EVENTS, CONSENTS, CONTACTS, DECISIONS, SLATES, ANSWERS, EXPOSURES, LINKS, OUTCOMES)  # in the order of the document
_JSON = ("properties", "body", "record", "also")
_KEYS_AT_ONCE = 2000  # of one id's events; of what a person has few of all keys are read at once
_ROWS_AT_ONCE = 500  # below SQLite's limit of variables
_CHARACTERS_AT_ONCE = 500_000  # of JSON in one group: one event may hold 262,144 bytes of it


@dataclass(frozen=True)
class Export:
    """What a person asked for.

    Attributes:
        ids: the person's own id first.
        counts: table → rows held when it was noted.
        until: number of the last event then.
    """

    ids: tuple[str, ...]
    counts: dict[str, int]
    until: int


def note_export(ledger: Ledger, asked: str, *, actor: str) -> Export:
    """Find a person and note in the audit log that their data is given out.

    Args:
        ledger: open.
        asked: any of the person's ids.
        actor: who asks.

    Raises:
        LedgerAway, LedgerBroken, LedgerFull: the ledger does not answer, or cannot note it: then nothing may be given out.
    """
    with ledger.database.writing() as connection:
        ids = identities.ids_of(connection, identities.resolve(connection, asked))
        until = events.newest(connection)
        counts = {table.name: sum(_count(connection, table, one, until) for one in ids) for table in _TABLES}
        counts[LINKS.name] = len(identities.log_of(connection, ids))
        subject = pseudonym(pseudonym_key(connection), ids[0])
        audit.record(connection, "customer_data_exported", at=ledger.clock(), actor=actor, subject=subject, detail=counts)
    return Export(tuple(ids), counts, until)


def sections_of(database: LedgerDatabase, export: Export) -> Iterator[tuple[str, Iterator[Row]]]:
    """Table → the person's rows, by primary key; each section is to be gone through before the next is asked for.

    Raises:
        LedgerAway, LedgerBroken: while the rows are read; what was given by then is incomplete.
    """
    for table in _SECTIONS:
        yield table.name, _links_of(database, export) if table is LINKS else _rows_of(database, table, export)


def _links_of(database: LedgerDatabase, export: Export) -> Iterator[Row]:
    with database.reading() as connection:
        found = identities.log_of(connection, list(export.ids))
    yield from ({**vars(link)} for link in found)


def _rows_of(database: LedgerDatabase, table: Table, export: Export) -> Iterator[Row]:
    primary = list(table.primary_key.columns)
    place: ColumnElement[Any] = primary[0] if len(primary) == 1 else tuple_(*primary)
    for group in _groups(heapq.merge(*(_keys_of(database, table, one, export.until) for one in export.ids))):
        wanted = [key if len(primary) > 1 else key[0] for key in group]
        with database.reading() as connection:
            # The driver's rows as they are; each is made JSON's when it is asked for, and let go.
            found = connection.execute(select(table).where(place.in_(wanted)).order_by(*primary)).all()
        yield from ({name: _told(name, value) for name, value in row._mapping.items()} for row in found)


def _groups(keys: Iterator[tuple[Key, int]]) -> Iterator[list[Key]]:
    """Keys in their order, so many that their rows fit into memory."""
    group: list[Key] = []
    characters = 0
    for key, size in keys:
        if group and (len(group) >= _ROWS_AT_ONCE or characters + size > _CHARACTERS_AT_ONCE):
            yield group
            group, characters = [], 0
        group.append(key)
        characters += size
    if group:
        yield group


def _keys_of(database: LedgerDatabase, table: Table, recorded_as: str, until: int) -> Iterator[tuple[Key, int]]:
    """Primary key of each row under one id, in order, and how many characters of JSON it holds."""
    primary = list(table.primary_key.columns)
    texts = [func.coalesce(func.length(column), 0) for column in table.columns if isinstance(column.type, Text)]
    size = sum(texts[1:], texts[0]) if texts else literal(0)
    query = _theirs(select(*primary, size), table, recorded_as, until).order_by(*primary)
    if table is not EVENTS:
        yield from _read_keys(database, query)
        return
    last = 0
    while page := _read_keys(database, query.where(EVENTS.c.seq > last).limit(_KEYS_AT_ONCE)):
        yield from page
        ((last,), _) = page[-1]


def _read_keys(database: LedgerDatabase, query: Select[Any]) -> list[tuple[Key, int]]:
    with database.reading() as connection:
        return [(tuple(row[:-1]), int(row[-1])) for row in connection.execute(query)]


def _count(connection: Connection, table: Table, recorded_as: str, until: int) -> int:
    return int(connection.execute(_theirs(select(func.count()).select_from(table), table, recorded_as, until)).scalar_one())


def _theirs(query: Select[Any], table: Table, recorded_as: str, until: int) -> Select[Any]:
    if table is OUTCOMES:
        return query.where(OUTCOMES.c.decision_id.in_(select(DECISIONS.c.decision_id).where(DECISIONS.c.recorded_as == recorded_as)))
    query = query.where(table.c.recorded_as == recorded_as)
    return query.where(EVENTS.c.seq <= until) if table is EVENTS else query


def _told(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if name in _JSON:
        return json.loads(value) if value else None
    return value
