"""Parquet files without some people: each rewritten aside and renamed, so that a crash leaves the file before or the file after."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import polars as pl

from features.errors import StateBroken
from features.folding.compose import REPORT, described
from features.room import is_full
from features.settings import FeatureSettings

_ID_COLUMNS = ("customer_id", "recorded_as")


def forget_in_tables(settings: FeatureSettings, ids: Collection[str]) -> int:
    """Drop people's rows from every version of the imported, folded and composed tables and of the offline features.

    Returns:
        Rows dropped.

    Raises:
        StateBroken: a file cannot be read.
    """
    removed = 0
    for root in (settings.imported_dir, settings.folded_dir, settings.warehouse_dir, settings.features_dir, settings.online_dir):
        for folder in sorted(root.glob("v-*")):
            gone = sum(drop_rows(path, ids) for path in sorted(folder.rglob("*.parquet")))
            if gone and (folder / REPORT).is_file() and root != settings.folded_dir:
                _describe(folder)
            removed += gone
    return removed


def drop_rows(path: Path, ids: Collection[str]) -> int:
    """Rewrite one file without the rows of some people; returns how many went.

    Raises:
        StateBroken: the file cannot be read.
    """
    try:
        schema = pl.read_parquet_schema(path)
        columns = [name for name in _ID_COLUMNS if schema.get(name) == pl.String]
        if not columns:
            return 0
        theirs = pl.any_horizontal(pl.col(name).is_in(list(ids)).fill_null(value=False) for name in columns)
        gone = int(pl.scan_parquet(path).filter(theirs).select(pl.len()).collect().item())
        if gone:
            replace_parquet(path, pl.read_parquet(path).filter(~theirs))
    except pl.exceptions.PolarsError as error:
        if is_full(error):
            raise  # nothing is wrong with the file
        raise StateBroken(f"{path} cannot be read ({error}); delete it or make it anew, then run `huitou erase --resume`.") from error
    return gone


def replace_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a file in the place of another at once; one that is linked to elsewhere is parted from it."""
    aside = path.with_name(f".{path.name}.writing")
    frame.write_parquet(aside, statistics=True)
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)


def _describe(folder: Path) -> None:
    report = json.loads((folder / REPORT).read_text(encoding="utf-8")) | described(folder)
    aside = folder / f".{REPORT}.writing"
    aside.write_text(json.dumps(report, indent=2), encoding="utf-8")
    aside.replace(folder / REPORT)
