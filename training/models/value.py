"""Value: what customers are worth in a year; how the model comes to be from a shop's history and is judged on what has closed."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.errors import StateMissing, TooLittleHistory
from features.feature_sets import CUSTOMER
from features.offline import open_offline
from training.artifacts.folder import Manifest
from training.artifacts.value import KIND, ValueModel
from training.code_version import git_commit
from training.datasets.hazard_rows import Snapshots
from training.datasets.order_periods import OrderDays
from training.datasets.splits import weekly_grid
from training.evaluation.value import judge_value
from training.models.value_fit import ValueConfig, fit_value
from training.recipe import Evaluation, TrainingData

HORIZONS = (182, 91, 28)  # days: the longest that leaves enough history before it, and those shorter, are judged
_LEAST_DAYS = 70  # of history before the judged as-of date: ten weekly labels, as the return hazard asks


class ValueRecipe:
    """How the value model comes to be."""

    name = KIND

    def __init__(self, config: ValueConfig | None = None) -> None:
        self.config = config or ValueConfig()

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Fit up to an as-of date, judge orders and spend after it beside BG/NBD with gamma–gamma and the mean of the past.

        Raises:
            TooLittleHistory: too few weeks, customers or returns.
            StateMissing: the features end before the clock.
        """
        started = time.perf_counter()
        as_of, horizons = judged_date(data.warehouse.first_event, data.now)
        snapshots = self._snapshots(data, until=as_of)
        data.tell("fitting on the past")
        model = self._fit(data, snapshots, until=as_of)
        model.save(folder, self._manifest(data, as_of, {}))
        data.tell("judging orders and spend since")
        later = OrderDays.of(data.warehouse.read("orders"), until=data.now)
        evaluation = judge_value(self.name, model, snapshots.newest(), later, horizons=horizons, seed=data.seed)
        days = " and ".join(str(h) for h in horizons)
        return evaluation.model_copy(
            update={
                "protocol": f"Every customer as of {as_of.date()}; no later label was fitted on; judged on the {days} days after it.",
                "parameters": self.config.model_dump(exclude={"hazard"}),
                "notes": ["A year ahead has not closed: the twelve months of predicted_orders and predicted_clv are not judged as such."],
                "seconds": time.perf_counter() - started,
            }
        )

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on every closed label up to now."""
        model = self._fit(data, self._snapshots(data, until=data.now), until=data.now)
        return model.save(folder, self._manifest(data, data.now, evaluation.metrics))

    def _fit(self, data: TrainingData, snapshots: Snapshots, *, until: datetime) -> ValueModel:
        order_days = OrderDays.of(data.warehouse.read("orders"), until=until)
        return fit_value(snapshots, order_days, until=until, config=self.config, seed=data.seed)

    def _snapshots(self, data: TrainingData, *, until: datetime) -> Snapshots:
        """Snapshots of the weekly dates up to a moment: all of the last date's, and about `max_snapshots` of the others."""
        offline, grid = open_offline(data.settings), weekly_grid(data.warehouse.first_event, until)
        rows = offline.keys().filter(pl.col("as_of").is_in(grid)).sort("as_of", "customer_id")
        if not grid or rows.filter(pl.col("as_of") == grid[-1]).is_empty():
            raise StateMissing(f"The features end before {until.date()}; run `huitou build` again first.")
        most = self.config.max_snapshots
        drawn = np.random.default_rng(data.seed).random(rows.height) < most / max(rows.height, 1)
        rows = rows.filter(pl.Series(drawn) | (pl.col("as_of") == grid[-1]))
        orders = data.warehouse.read("orders").filter(pl.col("ordered_at") <= until)
        return Snapshots.from_frames(offline.feature_set(CUSTOMER, rows=rows), orders)

    def _manifest(self, data: TrainingData, until: datetime, metrics: dict[str, float]) -> Manifest:
        return Manifest(
            name=self.name,
            kind=KIND,
            feature_set_hash=CUSTOMER.hash,
            data_from=data.warehouse.first_event,
            data_until=until,
            input_hash=data.warehouse.version,
            git_commit=git_commit(),
            settings={**self.config.model_dump(), "seed": data.seed},
            metrics=metrics,
        )


def judged_date(first_event: datetime, now: datetime) -> tuple[datetime, tuple[int, ...]]:
    """The weekly as-of date the model is judged at, and the horizons that have closed since, longest first.

    Raises:
        TooLittleHistory: not even four weeks can be judged after ten of history.
    """
    grid = weekly_grid(first_event, now)
    for horizon in HORIZONS:
        dates = [date for date in grid if date <= now - timedelta(days=horizon)]
        if dates and (dates[-1] - grid[0]).days >= _LEAST_DAYS:
            return dates[-1], tuple(h for h in HORIZONS if h <= horizon)
    needed = _LEAST_DAYS + 7 + HORIZONS[-1]
    raise TooLittleHistory(
        f"The history covers {(now - first_event).days} days; judging a value model on unseen weeks needs about {needed}."
    )
