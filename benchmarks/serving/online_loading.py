"""How long a build's last step takes: a million customers' packed rows into the online store, ours beside Feast's `materialize`."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.child_process import cost_of
from benchmarks.serving.figures import Figures, ratio_of
from features.feature_sets import CATEGORY, RECENT
from features.packing import Block
from features.settings import FeatureSettings
from features.store import PACKED_FILE
from features.versions import current_folder

FEAST_AT_MOST = 50_000  # customers; of more it takes many gigabytes
_GOAL_SECONDS, _GOAL_MB = 60.0, 2048.0
_PART = 50_000  # customers made at a time


def measure_loading(data_dir: Path, work: Path, figures: Figures, *, customers: int) -> None:
    """Time and peak memory of a process that registers the views and writes the rows; figures and ratios go into `figures`.

    Args:
        data_dir: the prepared shop, whose packed rows are copied under new ids.
        work: an empty folder.
        figures: gets them.
        customers: how many; Feast is given at most `FEAST_AT_MOST` of them.
    """
    offline = current_folder(FeatureSettings(data_dir=data_dir).features_dir, remedy="prepare the shop again.")
    packed = pl.read_parquet(offline / PACKED_FILE)
    as_of: datetime = packed["event_timestamp"][0]
    fewer = min(customers, FEAST_AT_MOST)
    for name, count in (("all", customers), ("fewer", fewer)):
        folder = copied_offline(offline, work / name)
        many_customers(numbers_only(packed), count, folder / PACKED_FILE)
        (work / f"online-{name}").mkdir()
    (work / "online-feast").mkdir()
    ours = cost_of(_ours, work / "online-all", work / "all")
    small = cost_of(_ours, work / "online-fewer", work / "fewer")
    theirs = cost_of(_feasts, work / "online-feast", work / "fewer", as_of)
    figures.measured["online load"] = {
        "customers": customers,
        "huitou": asdict(ours),
        f"huitou, {fewer} customers": asdict(small),
        f"feast materialize, {fewer} customers": asdict(theirs),
    }
    note = f"{customers:,} customers, every feature of the customer set; process start and imports not counted in time."
    figures.ratios["online load, seconds"] = ratio_of([ours.seconds], [1.0], goal=_GOAL_SECONDS, at_least=False, note=note)
    figures.ratios["online load, CPU seconds"] = ratio_of([ours.cpu_seconds], [1.0], goal=_GOAL_SECONDS, at_least=False, note=note)
    figures.ratios["online load, peak MB"] = ratio_of([ours.peak_mb], [1.0], goal=_GOAL_MB, at_least=False, note=note)
    figures.ratios["online load: Feast ÷ huitou, CPU seconds"] = ratio_of([theirs.cpu_seconds], [small.cpu_seconds])


def numbers_only(packed: pl.DataFrame) -> pl.DataFrame:
    """Customers with the customer set's features alone: what a table of plain features would hold; no categories, no purchases."""
    as_of: datetime = packed["event_timestamp"][0]
    empty = {
        "categories": Block(CATEGORY.hash, as_of, (), _nothing(len(CATEGORY.columns))).pack(),
        "recent": Block(RECENT.hash, as_of, ("",), _nothing(2, rows=1)).pack(),
    }
    return packed.with_columns(pl.lit(value).alias(name) for name, value in empty.items())


def _nothing(columns: int, *, rows: int = 0) -> Any:  # noqa: ANN401 - an array of float64
    import numpy as np

    return np.zeros((rows, columns))


def many_customers(packed: pl.DataFrame, customers: int, path: Path) -> None:
    """Write packed rows again and again under new ids, some at a time: the file may be larger than memory."""
    from pyarrow import parquet

    writer = None
    for start in range(0, customers, _PART):
        places = pl.Series(range(start, min(start + _PART, customers)))
        part = packed[(places % packed.height).to_numpy()]
        part = part.with_columns(customer_id=pl.Series([f"m{i:08d}" for i in places.to_list()]))
        table = part.to_arrow()
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def copied_offline(offline: Path, folder: Path) -> Path:
    """A folder with links to every offline file but the packed one."""
    folder.mkdir(parents=True)
    for path in offline.iterdir():
        if path.name != PACKED_FILE:
            (folder / path.name).symlink_to(path.resolve())
    return folder


def _ours(online: Path, offline: Path) -> Callable[[], None]:
    import features.feast_repo.repo  # noqa: F401 - Feast's import is not what is measured
    from features.online import materialize

    return lambda: materialize(online, offline)


def _feasts(online: Path, offline: Path, as_of: datetime) -> Callable[[], None]:
    from features.feast_repo.repo import open_store, registered_objects

    def work() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            store = open_store(online)
            store.apply(registered_objects(offline))
            store.materialize(start_date=as_of - timedelta(days=1), end_date=as_of + timedelta(seconds=1))

    return work
