"""Rows in the driver's own words, for what every decision writes: all that SQLAlchemy makes around a statement costs more than the rows.

They are part of the connection's transaction. The statements are those of both databases; the names in them are our own tables'. Values
are bound, and are what the columns hold: a `Moment` is its microseconds (`columns.micros`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

# Ids of one statement, below SQLite's limit of variables: few different statements, so that they stay prepared; the last id fills the rest.
_SIZES = (4, 16, 64, 128, 256, 500)


def any_row(connection: Connection, table: Table) -> bool:
    """Whether a table holds anything."""
    with driver_of(connection) as driver:
        return driver.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() is not None  # noqa: S608 - our own names


def known_ids(connection: Connection, table: Table, ids: Iterable[str]) -> set[str]:
    """Which of these ids are in a table's primary key, a column of text."""
    wanted, found, (key,) = sorted(set(ids)), set[str](), table.primary_key.columns
    for start in range(0, len(wanted), _SIZES[-1]):
        part = wanted[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(part))
        query = f"SELECT {key.name} FROM {table.name} WHERE {key.name} IN ({_places(connection, size)})"  # noqa: S608 - our own names
        with driver_of(connection) as driver:
            found.update(one for (one,) in driver.execute(query, (*part, *part[-1:] * (size - len(part)))).fetchall())
    return found


def add_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows, none of which may be here yet; of another column its default, else null."""
    if rows:
        places = _places(connection, len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own names
        with driver_of(connection) as driver:
            driver.cursor().executemany(statement, rows)


def _places(connection: Connection, number: int) -> str:
    return ", ".join(["?" if connection.dialect.paramstyle == "qmark" else "%s"] * number)


@contextlib.contextmanager
def driver_of(connection: Connection) -> Iterator[Any]:
    """The connection of `sqlite3` or psycopg; what it objects to is raised as SQLAlchemy would, without what was bound."""
    objection = connection.dialect.loaded_dbapi.Error
    try:
        yield connection.connection.driver_connection
    except objection as error:
        lost = connection.dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if lost:
            connection.invalidate(error)  # else the rollback fails as well, and its words replace these
        raise DBAPIError.instance(
            None, None, error, objection, hide_parameters=True, connection_invalidated=lost, dialect=connection.dialect
        ) from error
