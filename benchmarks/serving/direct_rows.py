"""Online rows by the million, made by the database itself: one customer's packed values under as many ids as wanted."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import polars as pl

from benchmarks.serving.online_loading import numbers_only
from features.feast_bytes import PROJECT, VIEW, entity_key, feast_value
from features.redis_rows import FEATURES
from features.store import DATABASE

_TABLE = f"{PROJECT}_{VIEW}"
_ID = "m%08d"  # all of one length, so that keys differ in their last bytes only


def direct_rows(online: Path, packed: Path, target: Path, customers: int) -> None:
    """Write a store of so many customers, called m00000000 and so on, with the customer set's features and nothing else.

    Args:
        online: version folder of an online state, whose table is made again.
        packed: Parquet of packed rows, of which the first is copied.
        target: a folder without a store.
        customers: how many.
    """
    row = numbers_only(pl.read_parquet(packed).head(1)).row(0, named=True)
    with contextlib.closing(sqlite3.connect(online / DATABASE)) as connection:
        (schema,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone()
    prefix = entity_key(_ID % 0)[: -len(_ID % 0)]
    with contextlib.closing(sqlite3.connect(target / DATABASE)) as connection, connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(schema)
        connection.execute("CREATE TEMP TABLE packed (feature_name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        connection.executemany("INSERT INTO packed VALUES (?, ?)", [(name, feast_value(row[name])) for name in FEATURES])
        # In the order of the key: every row is put at the end.
        connection.execute(
            f'INSERT INTO "{_TABLE}" (entity_key, feature_name, value, event_ts, created_ts) '  # noqa: S608 - constants only
            "WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i + 1 < ?) "
            "SELECT CAST(? || CAST(printf(?, i) AS BLOB) AS BLOB), feature_name, value, 0, 0 FROM number CROSS JOIN packed",
            (customers, prefix, _ID),
        )
