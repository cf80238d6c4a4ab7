"""Looks for an id wherever a data folder or a database could hold it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import redis
from sqlalchemy import column, select

from features.ledger.ledger import Ledger
from features.ledger.tables import METADATA
from features.online_place import projects_of
from features.settings import FeatureSettings


def places_of(data_dir: Path, customer_id: str) -> list[str]:
    """Files whose bytes, or whose decoded columns, hold the id."""
    return [str(path.relative_to(data_dir)) for path in sorted(data_dir.rglob("*")) if path.is_file() and _holds(path, customer_id)]


def _holds(path: Path, customer_id: str) -> bool:
    if customer_id.encode() in path.read_bytes():
        return True
    return path.suffix == ".parquet" and any(customer_id in cell for cell in _cells(pl.read_parquet(path)))


def _cells(frame: pl.DataFrame) -> Iterator[str]:
    for row in frame.iter_rows():
        yield from (cell if isinstance(cell, str) else repr(cell) for cell in row if cell is not None)


def keys_of(settings: FeatureSettings, customer_id: str) -> list[str]:
    """Keys of the data folder's rows in a Redis that hold the id, themselves or in a value."""
    if settings.online_url is None:
        return []
    beginning, _ = projects_of(settings.online_dir)
    with contextlib.closing(redis.Redis.from_url(settings.online_url, protocol=2)) as client:
        keys = list(client.scan_iter(match=f"*{beginning}*", count=1000))
        assert keys, "a search that looks at nothing finds nothing"
        return [repr(key) for key in keys if customer_id.encode() in key + repr(client.hgetall(key)).encode()]


def tables_of(ledger: Ledger, customer_id: str) -> list[str]:
    """Tables of the ledger with a row that holds the id."""
    found = []
    with ledger.database.reading() as connection:
        for table in METADATA.sorted_tables:
            rows = connection.execute(select(*(column(c.name) for c in table.columns)).select_from(table)).all()
            if customer_id in json.dumps([list(map(str, row)) for row in rows], ensure_ascii=False):
                found.append(table.name)
    return found
