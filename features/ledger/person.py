"""What a decision asks of one person before anything else: their ids, what they consented to, what they were sent and what displeased them.

Four plain statements in one transaction. Most people have one id: then nothing is built that would be thrown away, and the whole look costs
what one query of the general readers does. Of everybody else those readers answer, and a test holds both together.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.ledger import consents, identities
from features.ledger.columns import micros, moment
from features.ledger.consents import State, Statement
from features.ledger.contact_history import NO_HISTORY, ContactHistory, negative_of, read_history
from features.ledger.contacts import Contact, also_of
from features.ledger.events import NEGATIVE_KINDS

_KINDS = ", ".join(f"'{kind}'" for kind in NEGATIVE_KINDS)  # its very words are those of the partial index
_CONTACT = ("contact_id", "recorded_as", "channel", "offer_type", "offer_id", "decision_id", "at", "message_id", "also")
_CONTACTS = f"SELECT {', '.join(_CONTACT)} FROM contacts WHERE recorded_as = ? AND at >= ? ORDER BY at, contact_id"  # noqa: S608 - constants only
_NEGATIVES = f"SELECT kind, properties, occurred_at FROM events WHERE recorded_as = ? AND occurred_at >= ? AND kind IN ({_KINDS}) ORDER BY occurred_at"  # noqa: S608, E501 - constants only
_LINKED = "SELECT 1 FROM links WHERE undone_at IS NULL AND (alias = ? OR customer_id = ?) LIMIT 1"
_SAID = "SELECT purpose, channel, state, stated_at, source FROM consents WHERE recorded_as = ? ORDER BY stated_at, consent_id"


@dataclass(frozen=True)
class Person:
    """What the ledger has of one person.

    Attributes:
        customer_id: the customer behind the id asked with.
        statements: of consent, the oldest first.
        history: messages and negatives; empty where it was not asked for.
    """

    customer_id: str
    statements: list[Statement]
    history: ContactHistory


def read_person(connection: Connection, recorded_as: str, *, since: datetime | None) -> Person:
    """Look somebody up.

    Args:
        connection: of `LedgerDatabase.reading`.
        recorded_as: any of their ids.
        since: how far back the history goes, UTC; None: it is not read.
    """
    if _rows(connection, _LINKED, recorded_as, recorded_as):
        behind = identities.resolve(connection, recorded_as)
        ids = identities.ids_of(connection, behind)
        history = NO_HISTORY if since is None else read_history(connection, ids, since=since)
        return Person(behind, consents.history(connection, ids), history)
    said = [
        Statement(recorded_as, purpose, channel, State(state), moment(stated_at), source)
        for purpose, channel, state, stated_at, source in _rows(connection, _SAID, recorded_as)
    ]
    return Person(recorded_as, said, NO_HISTORY if since is None else _history(connection, recorded_as, micros(since)))


def _history(connection: Connection, recorded_as: str, since: int) -> ContactHistory:
    contacts = tuple(
        Contact(contact_id, whose, channel, kind, offer, decision, moment(at), message, () if also is None else also_of(also))
        for contact_id, whose, channel, kind, offer, decision, at, message, also in _rows(connection, _CONTACTS, recorded_as, since)
    )
    found = (negative_of(kind, told, moment(at)) for kind, told, at in _rows(connection, _NEGATIVES, recorded_as, since))
    return ContactHistory(frozenset((recorded_as,)), contacts, tuple(one for one in found if one is not None))


def _rows(connection: Connection, statement: str, *values: object) -> Sequence[Any]:
    """What a statement finds; its places are written `?` for SQLite, as PostgreSQL's driver wants them elsewhere."""
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(statement.replace("?", "%s"), values).fetchall()
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        # Straight to the driver: what SQLAlchemy makes around a few rows costs ten times what they do.
        with contextlib.suppress(sqlite3.Error):  # safe: asked again below, where the ledger's own words for it are found
            return driver.execute(statement, values).fetchall()
    return connection.exec_driver_sql(statement, values).fetchall()
