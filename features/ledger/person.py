"""What a decision asks of one person before anything else: their ids, what they consented to, what they were sent and what displeased them.

One statement, which sees one state of the ledger. Most people have one id: then nothing is built that would be thrown away, and the whole
look costs what one query of the general readers does. Of everybody else those readers answer, and a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.ledger import consents, identities
from features.ledger.columns import EPOCH, micros, moment
from features.ledger.consents import State, Statement
from features.ledger.contact_history import NO_HISTORY, ContactHistory, negative_of, read_history
from features.ledger.contacts import Contact, also_of
from features.ledger.database import LedgerDatabase
from features.ledger.events import NEGATIVE_KINDS

_KINDS = ", ".join(f"'{kind}'" for kind in NEGATIVE_KINDS)  # its very words are those of the partial index
_LINKS, _SAID, _SENT, _DISPLEASED = range(4)
_NONE = "CAST(NULL AS TEXT)"
_LOOK = f"""
SELECT {_LINKS}, 0, 0, {_NONE}, {_NONE}, {_NONE}, {_NONE}, {_NONE}, {_NONE}, {_NONE}
FROM (SELECT 1 FROM links WHERE undone_at IS NULL AND (alias = ? OR customer_id = ?) LIMIT 1) AS linked
UNION ALL
SELECT {_SAID}, stated_at, consent_id, {_NONE}, purpose, channel, state, source, {_NONE}, {_NONE} FROM consents WHERE recorded_as = ?
UNION ALL
SELECT {_SENT}, at, 0, contact_id, channel, offer_type, offer_id, decision_id, message_id, also
FROM contacts WHERE recorded_as = ? AND at >= ?
UNION ALL
SELECT {_DISPLEASED}, occurred_at, seq, {_NONE}, kind, properties, {_NONE}, {_NONE}, {_NONE}, {_NONE}
FROM events WHERE recorded_as = ? AND occurred_at >= ? AND kind IN ({_KINDS})
ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - constants only
_NEVER = 2**62  # microseconds: nothing is that late


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


def read_person(database: LedgerDatabase, recorded_as: str, *, since: datetime | None) -> Person:
    """Look somebody up.

    Args:
        database: the ledger's.
        recorded_as: any of their ids.
        since: how far back the history goes, UTC; None: it is not read.

    Raises:
        LedgerAway, LedgerBroken: it cannot be read.
    """
    one, after = recorded_as, _NEVER if since is None else max(micros(since), micros(EPOCH))
    rows = database.rows(_LOOK, (one, one, one, one, after, one, after))
    if rows and rows[0][0] == _LINKS:
        return _with_their_other_ids(database, recorded_as, since)
    said = [
        Statement(recorded_as, purpose, channel, State(state), moment(at), source)
        for part, at, _, _, purpose, channel, state, source, *_ in rows
        if part == _SAID
    ]
    return Person(recorded_as, said, NO_HISTORY if since is None else _history(recorded_as, rows))


def _with_their_other_ids(database: LedgerDatabase, recorded_as: str, since: datetime | None) -> Person:
    with database.reading() as connection:
        behind = identities.resolve(connection, recorded_as)
        ids = identities.ids_of(connection, behind)
        history = NO_HISTORY if since is None else read_history(connection, ids, since=since)
        return Person(behind, consents.history(connection, ids), history)


def _history(recorded_as: str, rows: Iterable[Any]) -> ContactHistory:
    contacts: list[Contact] = []
    negatives = []
    for part, at, _, contact_id, first, second, third, decision, message, also in rows:
        if part == _SENT:
            told = () if also is None else also_of(also)
            contacts.append(Contact(contact_id, recorded_as, first, second, third, decision, moment(at), message, told))
        elif part == _DISPLEASED:
            negatives.append(negative_of(first, second, moment(at)))
    return ContactHistory(frozenset((recorded_as,)), tuple(contacts), tuple(one for one in negatives if one is not None))
