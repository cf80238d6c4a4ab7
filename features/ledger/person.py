"""What a decision asks of one person before anything else: their ids, what they consented to, what they were sent and what displeased them.

One statement, which sees one state of the ledger. Most people have one id: then nothing is built that would be thrown away, and the whole
look costs what one query of the general readers does. Of everybody else those readers answer, and a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.ledger import consents, identities
from features.ledger.columns import EPOCH, micros, moment
from features.ledger.consents import State, Statement
from features.ledger.contact_history import NO_HISTORY, ContactHistory, Negative, negative_of, read_history
from features.ledger.contacts import Contact, also_of
from features.ledger.database import LedgerDatabase
from features.ledger.events import NEGATIVE_KINDS

_KINDS = ", ".join(f"'{kind}'" for kind in NEGATIVE_KINDS)  # its very words are those of the partial index
_LINKS, _SAID, _SENT, _DISPLEASED = range(4)
_NONE = "CAST(NULL AS TEXT)"
_SIZES = (1, 8, 32)  # ids of one statement: few different ones, so that they stay prepared; the last id fills the rest


def _look(size: int) -> str:
    ids, nothing = f"({', '.join('?' * size)})", ", ".join([_NONE] * 7)
    return f"""
SELECT {_LINKS}, 0, 0, {nothing}, alias FROM links WHERE undone_at IS NULL AND alias IN {ids}
UNION ALL
SELECT {_LINKS}, 0, 0, {nothing}, customer_id FROM links WHERE undone_at IS NULL AND customer_id IN {ids}
UNION ALL
SELECT {_SAID}, stated_at, consent_id, {_NONE}, purpose, channel, state, source, {_NONE}, {_NONE}, recorded_as
FROM consents WHERE recorded_as IN {ids}
UNION ALL
SELECT {_SENT}, at, 0, contact_id, channel, offer_type, offer_id, decision_id, message_id, also, recorded_as
FROM contacts WHERE recorded_as IN {ids} AND at >= ?
UNION ALL
SELECT {_DISPLEASED}, occurred_at, seq, {_NONE}, kind, properties, {_NONE}, {_NONE}, {_NONE}, {_NONE}, recorded_as
FROM events WHERE recorded_as IN {ids} AND occurred_at >= ? AND kind IN ({_KINDS})
"""  # noqa: S608 - constants only


_LOOKS = {size: _look(size) for size in _SIZES}
_NEVER = 2**62  # microseconds: nothing is that late


@dataclass(frozen=True)
class Person:
    """What the ledger has of one person.

    Attributes:
        customer_id: the customer behind the id asked with.
        statements: of consent, the oldest first.
        history: messages and negatives; empty where it was not asked for.
        only_id: whether they are known by the id asked with alone.
    """

    customer_id: str
    statements: list[Statement]
    history: ContactHistory
    only_id: bool = False


def read_person(database: LedgerDatabase, recorded_as: str, *, since: datetime | None) -> Person:
    """Look somebody up.

    Args:
        database: the ledger's.
        recorded_as: any of their ids.
        since: how far back the history goes, UTC; None: it is not read.

    Raises:
        LedgerAway, LedgerBroken: it cannot be read.
    """
    return read_people(database, (recorded_as,), since=since)[recorded_as]


def read_people(database: LedgerDatabase, recorded_as: Iterable[str], *, since: datetime | None) -> dict[str, Person]:
    """The same of several ids, one statement for some dozens.

    Args:
        database: the ledger's.
        recorded_as: any ids; those of one person are looked up each by itself.
        since: as of `read_person`.

    Returns:
        Id → who is behind it, in the order of the ids, each once.

    Raises:
        LedgerAway, LedgerBroken: one of them cannot be read.
    """
    asked, found = list(dict.fromkeys(recorded_as)), dict[str, Person]()
    after = _NEVER if since is None else max(micros(since), micros(EPOCH))
    for start in range(0, len(asked), _SIZES[-1]):
        part = asked[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(part))
        ids = (*part, *part[-1:] * (size - len(part)))
        found |= _told(database, part, database.rows(_LOOKS[size], (*ids, *ids, *ids, *ids, after, *ids, after)), since)
    return found


def _told(database: LedgerDatabase, asked: Sequence[str], rows: Iterable[Any], since: datetime | None) -> dict[str, Person]:
    known: dict[str, tuple[list[Statement], list[Contact], list[Negative]]] = {one: ([], [], []) for one in asked}
    linked: set[str] = set()
    # In order of time, then of number or name. Not by the statement: to merge its parts would cost SQLite more than to read them.
    for part, at, _, contact_id, first, second, third, fourth, message, also, whose in sorted(rows):
        if part == _SAID:
            known[whose][0].append(Statement(whose, first, second, State(third), moment(at), fourth))
        elif part == _SENT:
            told = () if also is None else also_of(also)
            known[whose][1].append(Contact(contact_id, whose, first, second, third, fourth, moment(at), message, told))
        elif part == _LINKS:
            linked.add(whose)
        elif (negative := negative_of(first, second, moment(at))) is not None:
            known[whose][2].append(negative)
    found: dict[str, Person] = {}
    for one, (said, sent, displeased) in known.items():
        if one in linked:
            found[one] = _with_their_other_ids(database, one, since)
        else:
            history = NO_HISTORY if since is None else ContactHistory(frozenset((one,)), tuple(sent), tuple(displeased))
            found[one] = Person(one, said, history, only_id=True)
    return found


def _with_their_other_ids(database: LedgerDatabase, recorded_as: str, since: datetime | None) -> Person:
    with database.reading() as connection:
        behind = identities.resolve(connection, recorded_as)
        ids = identities.ids_of(connection, behind)
        history = NO_HISTORY if since is None else read_history(connection, ids, since=since)
        return Person(behind, consents.history(connection, ids), history)
