"""Writes a build's packed rows into Feast's own online table, all at once.

Feast's `materialize` took minutes and gigabytes for a million customers (docs/benchmarks.md): it makes a data frame, a protobuf message and
an upsert of every value. Feast still makes the table and keeps the registry; the rows it would have written are written here as they stand
in the packed file, which a test holds equal to what Feast writes, column by column and index by index.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.feast_bytes import PROJECT, VIEW, entity_key, feast_value

_TABLE = f"{PROJECT}_{VIEW}"
_BATCH = 2_000  # customers in memory at a time: at 10 kB each 20 MB
# The file is new and nobody reads it: a crash leaves a folder that is thrown away, and whoever publishes the folder syncs it.
_PRAGMAS = ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -131072", "locking_mode = EXCLUSIVE")

Row = tuple[bytes, str, bytes, int, int]


def load_packed(database: Path, packed: Path) -> int:
    """Write every customer's packed values.

    Args:
        database: SQLite file in which Feast has made the view's table; nothing is in it yet.
        packed: Parquet of `features.online.pack_customers`, one row a customer.

    Returns:
        How many customers were written.

    Raises:
        sqlite3.IntegrityError: a customer stands in the file twice, or in the table already; nothing is written.
    """
    insert = f'INSERT INTO "{_TABLE}" (entity_key, feature_name, value, event_ts, created_ts) VALUES (?, ?, ?, ?, ?)'  # noqa: S608
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")  # of its own accord sqlite3 begins at the first insert only, and the indexes must come back
        with _without_indexes(connection):
            customers = 0
            for columns in packed_batches(packed):
                customers += len(columns["customer_id"])
                connection.executemany(insert, _rows(columns))
    return customers


@contextlib.contextmanager
def _without_indexes(connection: sqlite3.Connection) -> Iterator[None]:
    """Take away the indexes that are not part of the table, and make them again as they were: one sort is cheaper than a million places."""
    told = connection.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND type = 'index' AND sql IS NOT NULL", (_TABLE,))
    indexes = told.fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    for _, sql in indexes:
        connection.execute(sql)


def packed_batches(packed: Path) -> Iterator[dict[str, list[Any]]]:
    """Columns of packed rows, some customers at a time: the whole file may be larger than memory."""
    from pyarrow import parquet

    with parquet.ParquetFile(packed) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            yield {name: batch.column(name).to_pylist() for name in batch.schema.names}


def _rows(columns: dict[str, list[Any]]) -> Iterator[Row]:
    keys = [entity_key(str(customer)) for customer in columns.pop("customer_id")]
    stamps = [_stamp(at) for at in columns.pop("event_timestamp")]
    created = [_stamp(at) for at in columns.pop("created")]
    for place, key in enumerate(keys):
        for name, values in columns.items():
            yield key, name, feast_value(values[place]), stamps[place], created[place]


def _stamp(at: datetime) -> int:
    """As Feast's adapter writes it: whole seconds of the UTC clock's face read as local time, which its reading undoes."""
    return int(at.astimezone(UTC).replace(tzinfo=None).timestamp())
