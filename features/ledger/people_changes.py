"""Whether anything that a decision asks of a person has changed since somebody looked: one number instead of five tables.

Triggers of the ledger's file draw the number of a person's place anew whenever a row about them comes, goes or changes in the tables that
`features.ledger.person` reads, whoever writes it, in the same transaction (but for SQL's `REPLACE`, of which SQLite tells triggers half).
Drawn, not counted: a table made anew or a backup brought back comes to no number that was there before. A place is shared by one person of
a thousand, so that nobody's id stands here. Of a server nothing is told: to ask it for a number takes as long as for what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import BigInteger, Column, Integer, Table

from features.ledger.columns import METADATA
from features.ledger.database import LedgerDatabase

_Told = TypeVar("_Told")
PEOPLE_CHANGES = Table(
    "people_changes",
    METADATA,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("changes", BigInteger, nullable=False),
)
# What the triggers are called, and by what they find the place of an id: the migration has the same, and a test holds both together.
TRIGGERS = "people_changes_"
WATCHED = ("links", "consents", "contacts", "events")
# Letters of an id by their place from its beginning or its end, each with a weight: what ids of a shop differ in is somewhere there.
_WEIGHTS = (7, 61, 257, 41, 1009, 173, 521, 29, 811, 353, 97, 673, 439, 131, 919, 227)  # of the first letters
_AT = {**dict(enumerate(_WEIGHTS, 1)), -1: 2, -2: 30, -3: 960, -4: 88}
_PLACE = "(({})%1024)".format("+".join(f"{weight}*ifnull(unicode(substr({{id}},{at},1)),0)" for at, weight in _AT.items()))
_SIZES = (1, 8, 32)  # places or ids of one statement: few different ones, so that they stay prepared
_PLACES = 1024


def place_of(identifier: str) -> str:
    """SQL of the place of an id, which is not empty.

    Args:
        identifier: SQL of the id.
    """
    return _PLACE.format(id=identifier)


def _asked(size: int) -> str:
    return ", ".join(f"(?{number})" for number in range(1, size + 1))


_WHERE = {size: f"WITH asked(id) AS (VALUES {_asked(size)}) SELECT {place_of('asked.id')} FROM asked" for size in _SIZES}  # noqa: S608 - constants only
_LOOK = "SELECT changes FROM people_changes WHERE place = ?"
_LOOKS = {size: f"SELECT place, changes FROM people_changes WHERE place IN ({', '.join('?' * size)})" for size in _SIZES}  # noqa: S608 - the same


def are_told(database: LedgerDatabase) -> bool:
    """Whether the ledger tells changes: a file, all of whose triggers and places are there.

    Raises:
        LedgerAway, LedgerBroken: it cannot be found out.
    """
    if not database.is_sqlite:
        return False
    found = database.rows("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, ?) = ?", (len(TRIGGERS), TRIGGERS))
    return bool(found[0][0] == len(WATCHED) * 3 and len(all_changes(database)) == _PLACES)


def places_of(database: LedgerDatabase, recorded_as: Sequence[str]) -> list[int]:
    """The places of some ids: always the same.

    Args:
        database: of which `are_told` is true.
        recorded_as: ids.

    Raises:
        LedgerAway, LedgerBroken: it cannot be read.
    """
    return [int(place) for part, size in _parts(recorded_as) for (place,) in database.rows(_WHERE[size], _filled(part, size))[: len(part)]]


def changes_at(database: LedgerDatabase, places: Sequence[int]) -> list[int | None]:
    """The numbers of some places: while one stays, nothing has changed about whoever has that place. None: it is gone.

    Arguments and errors as `places_of`.
    """
    if len(places) == 1:
        rows = database.rows(_LOOK, (places[0],))
        return [rows[0][0] if rows else None]
    found: dict[int, int] = {}
    for part, size in _parts(places):
        found.update(database.rows(_LOOKS[size], _filled(part, size)))
    return [found.get(place) for place in places]


def all_changes(database: LedgerDatabase) -> dict[int, int]:
    """The numbers of all places; raises as `places_of`."""
    return dict(database.rows("SELECT place, changes FROM people_changes", ()))


def _parts(told: Sequence[_Told]) -> Iterator[tuple[Sequence[_Told], int]]:
    """A few at a time, and of how many their statement is."""
    for start in range(0, len(told), _SIZES[-1]):
        part = told[start : start + _SIZES[-1]]
        yield part, next(size for size in _SIZES if size >= len(part))


def _filled(part: Sequence[_Told], size: int) -> tuple[_Told, ...]:
    """The last fills the rest."""
    return (*part, *(part[-1],) * (size - len(part)))
