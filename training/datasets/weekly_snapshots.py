"""Weekly snapshots of every customer from the offline features, with what came after; of a large shop a sample."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from features.errors import StateMissing
from features.feature_sets import CUSTOMER
from features.offline import open_offline
from training.datasets.hazard_rows import Snapshots
from training.datasets.splits import weekly_grid
from training.recipe import TrainingData


def weekly_snapshots(
    data: TrainingData, events: pl.DataFrame, *, time: str, whole: tuple[datetime, ...], most: int
) -> tuple[Snapshots, list[str]]:
    """Snapshots of the dates in `whole` and at most about `most` others, and a note when that left some out.

    Args:
        data: settings, clock and seed.
        events: what is waited for: `customer_id` and the column `time`.
        time: when it happened.
        whole: as-of dates of which nobody is left out.
        most: customers × weeks that a fit reads.

    Raises:
        StateMissing: the features end before the clock.
    """
    offline = open_offline(data.settings)
    rows = offline.keys().filter(pl.col("as_of") <= data.now).sort("as_of", "customer_id")
    grid = weekly_grid(data.warehouse.first_event, data.now)
    if grid and not (rows["as_of"] >= grid[-1]).any():
        raise StateMissing(f"The features end before {grid[-1].date()}, the clock is at {data.now}; run `huitou build` again first.")
    note = []
    if rows.height > most:
        note = [f"Fitted on a sample of {most:,} of {rows.height:,} customers × weeks; the judged weeks are whole."]
        drawn = np.random.default_rng(data.seed).random(rows.height) < most / rows.height
        rows = rows.filter(pl.Series(drawn) | pl.col("as_of").is_in(list(whole)))
    return Snapshots.from_frames(offline.feature_set(CUSTOMER, rows=rows), events, time=time), note
