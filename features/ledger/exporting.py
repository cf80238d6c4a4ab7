"""Everything the ledger holds of a person, for the person."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Table, select

from features.ledger import identities
from features.ledger.consents import CONSENTS
from features.ledger.contacts import CONTACTS
from features.ledger.decisions import DECISIONS, OUTCOMES
from features.ledger.events import EVENTS
from features.ledger.exposures import EXPOSURES
from features.ledger.identities import LINKS

Section = list[dict[str, Any]]
_JSON = ("properties", "body", "record", "also")


def everything_of(connection: Connection, asked: str) -> tuple[list[str], dict[str, Section]]:
    """The person's ids, and table → rows recorded under any of them.

    Args:
        connection: any of the ledger.
        asked: any of the person's ids.
    """
    ids = identities.ids_of(connection, identities.resolve(connection, asked))
    sections = {table.name: _rows(connection, table, ids) for table in (EVENTS, CONSENTS, CONTACTS, DECISIONS, EXPOSURES)}
    sections[LINKS.name] = [{**vars(link)} for link in identities.log_of(connection, ids)]
    theirs = select(DECISIONS.c.decision_id).where(DECISIONS.c.recorded_as.in_(ids))
    sections[OUTCOMES.name] = [dict(row._mapping) for row in connection.execute(select(OUTCOMES).where(OUTCOMES.c.decision_id.in_(theirs)))]
    return ids, sections


def _rows(connection: Connection, table: Table, ids: list[str]) -> Section:
    found = connection.execute(select(table).where(table.c.recorded_as.in_(ids)).order_by(*table.primary_key.columns))
    return [{name: _told(name, value) for name, value in row._mapping.items()} for row in found]


def _told(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    return json.loads(value) if name in _JSON and value is not None else value
