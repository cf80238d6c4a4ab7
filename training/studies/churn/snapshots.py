"""The product's customer features of an order log, at the judged dates and at the weeks before them; answers apart.

The history is written as a warehouse that ends with the last judged date, so that nothing later can reach a feature, and the product's own
views are built on it for the rows that are used. Of a large shop so many customers × weeks are drawn as the product's fit would draw.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build import customer_spine
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.engine import open_engine, open_shop
from features.feature_sets import CUSTOMER
from features.import_consent import ImportConsent
from features.offline import OfflineFeatures
from features.settings import FeatureSettings
from features.warehouse import Warehouse, write_warehouse
from training.datasets.hazard_rows import Snapshots
from training.datasets.splits import STEP


@dataclass(frozen=True)
class Dates:
    """When is trained and when judged.

    Attributes:
        until: training labels end no later.
        judged: as-of dates, oldest first.
        training: weekly dates before, a whole number of weeks from the first judged one, none after `until`.
    """

    until: datetime
    judged: tuple[datetime, ...]
    training: tuple[datetime, ...]

    @classmethod
    def back_from(cls, judged: Sequence[datetime], *, until: datetime, first: datetime) -> Dates:
        """Weekly training dates back from the first judged date to a week after the shop's first order."""
        steps = range(int((judged[0] - first) / STEP))
        weeks = [judged[0] - STEP * i for i in steps]
        return cls(until, tuple(judged), tuple(sorted(date for date in weeks if date <= until)))


def truncated(settings: FeatureSettings, orders: pl.DataFrame, until: datetime) -> Warehouse:
    """A warehouse of the orders up to a moment and of nothing else."""
    known = orders.filter(pl.col("ordered_at") <= until)
    # Whoever hands a file in to be judged answers for it; it is read into a folder of its own that vanishes with the study.
    return write_warehouse(settings, {"orders": known}, {"source": "study"}, inputs="study", consent=ImportConsent.GRANTED)


def build_snapshots(
    settings: FeatureSettings, warehouse: Warehouse, dates: Dates, *, most: int, seed: int, tell: Callable[[str], None]
) -> tuple[pl.DataFrame, int]:
    """Features of every judged row, of the newest training date, and of about `most` others.

    Args:
        settings: engine, threads.
        warehouse: the history; what it knows of later moments is not looked at.
        dates: when.
        most: rows of earlier training dates.
        seed: of the draw.
        tell: progress.

    Returns:
        `customer_id`, `as_of`, the features of `CUSTOMER`, sorted by date and customer; and the number of training rows there were.
    """
    spine = customer_spine(warehouse, sorted({*dates.training, *dates.judged}))
    whole = pl.col("as_of").is_in([*dates.judged, dates.training[-1]])
    others = int(spine.select((~whole).sum()).item())
    drawn = pl.Series(np.random.default_rng(seed).random(spine.height) < most / max(others, 1))
    spine = spine.filter(drawn | whole)
    shop = open_shop(open_engine(settings), warehouse)
    with tempfile.TemporaryDirectory(prefix="huitou-views-") as aside:
        for view in CUSTOMER_VIEWS:
            tell(f"features: {view.name}, {spine.height:,} rows")
            view.build(shop, ibis.memtable(spine)).to_parquet(Path(aside) / f"{view.name}.parquet")
        return OfflineFeatures(Path(aside)).feature_set(CUSTOMER), others


def write_snapshots(path: Path, snapshots: Snapshots) -> None:
    """Keep for the contenders; `wait` as far as it is known to them."""
    np.savez(
        path,
        allow_pickle=False,
        stored=snapshots.stored,
        as_of=snapshots.as_of,
        customer=snapshots.customer,
        customer_id=snapshots.customer_id,
        wait=snapshots.wait,
    )


def snapshots_of(arrays: dict[str, NDArray[np.generic]]) -> Snapshots:
    """From the arrays that `write_snapshots` kept."""
    return Snapshots(**arrays)  # type: ignore[arg-type]
