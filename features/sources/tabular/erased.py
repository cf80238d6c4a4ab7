"""A staged file without the lines of people who asked to be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import polars as pl

from features.sources.tabular.raw_file import LINE
from features.sources.tabular.staging import Staged

_COLUMN = "customer_id"


def customers_in(staged: Staged) -> set[str]:
    """Every customer's id in the good rows."""
    rows = staged.rows()
    return set(rows[_COLUMN].drop_nulls().unique()) if _COLUMN in rows.columns else set()


def drop_lines_of(staged: Staged, ids: Collection[str], *, until: Mapping[str, datetime] | None = None) -> int:
    """Drop people's lines: good ones, as they stood in the file, and what was wrong with them. Returns how many went.

    Args:
        staged: the file.
        ids: whose.
        until: id → time up to which lines go; one without a time goes. By default every line goes.
    """
    if not ids:
        return 0
    rows, raw = staged.rows(), staged.raw()
    good = _theirs(rows, ids, until)
    column = staged.part.columns.get(_COLUMN)
    stood = pl.col("huitou_raw").str.split("\t").list.eval(pl.element().str.strip_chars().is_in(list(ids))).list.any()
    if column in raw.columns:
        stood = stood.fill_null(value=False) | pl.col(column).str.strip_chars().is_in(list(ids))
    key = ["origin", LINE]
    bad = raw.filter(stood.fill_null(value=False)).select(key).join(rows.select(key), on=key, how="anti")
    lines = pl.concat([rows.filter(good).select(key), bad]).unique()
    if lines.is_empty():
        return 0
    for name, frame in (("rows", rows), ("raw", raw), ("faults", staged.faults())):
        aside = staged.folder / f".{name}.writing"
        frame.join(lines, on=key, how="anti", maintain_order="left").write_parquet(aside)
        aside.replace(staged.folder / f"{name}.parquet")
    return lines.height


def _theirs(rows: pl.DataFrame, ids: Collection[str], until: Mapping[str, datetime] | None) -> pl.Expr:
    if _COLUMN not in rows.columns:
        return pl.lit(value=False)
    theirs = pl.col(_COLUMN).is_in(list(ids))
    timed = next((name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)), None)
    if until is None or timed is None:
        return theirs
    limit = pl.col(_COLUMN).replace_strict(dict(until), default=None, return_dtype=rows.schema[timed])
    return theirs & (pl.col(timed).is_null() | (pl.col(timed) <= limit))
