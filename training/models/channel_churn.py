"""Channel churn: one LightGBM learns the chance of leaving the owned channel in each of the next weeks.

Unsubscribed, left the group, deleted the contact: whichever comes first, of customers who are in the channel. Made as the return hazard is
(`training.models.return_hazard`), on steps of seven days and sampled leads, without a calibration map for the same reason (docs/adr/0004).
No public history holds such events: the settings are the return hazard's with fewer rounds, as leaving is rare, and are not tuned.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import TooLittleHistory
from features.feature_sets import CUSTOMER
from features.ledger.kinds import LEAVING
from features.schema import ACTIVITIES, ORDERS
from features.warehouse import Warehouse
from training.artifacts.channel_churn import KIND, ChannelChurn, ChannelHeader, StandingStill
from training.artifacts.folder import Manifest
from training.code_version import git_commit
from training.datasets.hazard_rows import Snapshots, hazard_rows
from training.datasets.splits import STEP, last_unseen_weeks, weekly_grid
from training.datasets.weekly_snapshots import weekly_snapshots
from training.evaluation.churn import CHANNEL, judge_churn
from training.models.channel_baselines import fit_channel_baselines
from training.models.trees import Task, TreeConfig, grow
from training.recipe import Evaluation, TrainingData

Array = NDArray[np.float64]

_LEFT = CUSTOMER.columns.index("channel_left")
MINIMUM_LEAVERS = 50  # below, ten trees of seven leaves would have more leaves than leavers to tell apart


class ChannelChurnConfig(TreeConfig):
    """Settings of the fit.

    Attributes:
        max_lead: greatest lead of a training row, in steps.
        lead_share: share of those still there sampled at each lead above 0.
        max_snapshots: customers × weeks that a fit reads; of more, so many are drawn. Judged weeks are never sampled.
    """

    learning_rate: float = 0.05
    rounds: int = 100
    min_data_in_leaf: int = 100
    max_lead: int = 12
    lead_share: float = 0.1
    max_snapshots: int = 400_000


class ChannelChurnRecipe:
    """How the channel-churn model comes to be."""

    name = KIND

    def __init__(self, config: ChannelChurnConfig | None = None) -> None:
        self.config = config or ChannelChurnConfig()

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Fit without the last weeks, judge on them beside the overall rate, recency of contact and a logistic of contacts.

        Raises:
            TooLittleHistory: too few weeks, or too few customers who left the channel.
            StateMissing: the features end before the clock.
        """
        started = time.perf_counter()
        split = last_unseen_weeks(data.warehouse.first_event, data.now)
        require_leavers(data.warehouse, split.training_until)
        snapshots, note = self._snapshots(data, whole=split.evaluation)
        data.tell("fitting on the past")
        model = self._fit(snapshots, data, until=split.training_until)
        model.save(folder, self._manifest(data, split.training_until, {}))
        data.tell("fitting the baselines")
        baselines = fit_channel_baselines(snapshots, until=split.training_until)
        data.tell("judging on the unseen weeks")
        judged = snapshots.at(list(split.evaluation))
        evaluation = judge_churn(self.name, model, baselines, judged, now=data.now, seed=data.seed, of=CHANNEL)
        dates = ", ".join(d.date().isoformat() for d in split.evaluation)
        return evaluation.model_copy(
            update={
                "protocol": f"As-of dates {dates}, who was in the channel; labels of the judged fit end by {split.training_until.date()}.",
                "parameters": {**self.config.model_dump()},
                "notes": [*evaluation.notes, *note, f"{model.header.leavers} customers had left the channel when the judged fit ended."],
                "seconds": time.perf_counter() - started,
            }
        )

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on every closed label up to now.

        Raises:
            TooLittleHistory: too few customers who left the channel by now.
        """
        require_leavers(data.warehouse, data.now)
        snapshots, _ = self._snapshots(data, whole=())
        model = self._fit(snapshots, data, until=data.now)
        closed = max(d for d in weekly_grid(data.warehouse.first_event, data.now) if d <= data.now)
        return model.save(folder, self._manifest(data, closed, evaluation.metrics))

    def _snapshots(self, data: TrainingData, *, whole: tuple[datetime, ...]) -> tuple[Snapshots, list[str]]:
        """Snapshots of customers who are in the channel, with the days until they leave it."""
        most = self.config.max_snapshots
        snapshots, note = weekly_snapshots(data, leavings(data.warehouse), time="occurred_at", whole=whole, most=most)
        return snapshots.where(~(snapshots.stored[:, _LEFT] > 0)), note

    def _fit(self, snapshots: Snapshots, data: TrainingData, *, until: datetime) -> ChannelChurn:
        known, config, path = snapshots.until(until), self.config, StandingStill()
        rows = hazard_rows(known, until=until, max_lead=config.max_lead, lead_share=config.lead_share, seed=data.seed, path=path)
        if not len(rows.label) or rows.label.min() == rows.label.max():
            raise TooLittleHistory(
                "The channel churn model needs weeks in which customers left the channel, and weeks in which they did not."
            )
        (booster,) = grow([Task(rows.inputs, rows.label)], config, names=path.inputs, seed=data.seed, workers=1)
        return ChannelChurn(booster, ChannelHeader(longest_lead=config.max_lead, leavers=count_leavers(data.warehouse, until)))

    def _manifest(self, data: TrainingData, until: datetime, metrics: dict[str, float]) -> Manifest:
        return Manifest(
            name=self.name,
            kind=KIND,
            feature_set_hash=CUSTOMER.hash,
            data_from=data.warehouse.first_event,
            data_until=until,
            input_hash=data.warehouse.version,
            git_commit=git_commit(),
            settings={**self.config.model_dump(), "step_days": STEP.days, "seed": data.seed},
            metrics=metrics,
        )


def leavings(warehouse: Warehouse) -> pl.DataFrame:
    """Events of leaving the channel: `customer_id`, `occurred_at`."""
    found = pl.scan_parquet(warehouse.path(ACTIVITIES.name)).filter(pl.col("kind").is_in(LEAVING))
    return found.select("customer_id", "occurred_at").collect()


def count_leavers(warehouse: Warehouse, until: datetime) -> int:
    """Customers who left the channel after their first order and by a moment."""
    orders = pl.scan_parquet(warehouse.path(ORDERS.name)).drop_nulls("customer_id")
    firsts = orders.group_by("customer_id").agg(first=pl.col("ordered_at").min()).collect()
    left = (
        leavings(warehouse)
        .join(firsts, on="customer_id")
        .filter((pl.col("occurred_at") > pl.col("first")) & (pl.col("occurred_at") <= until))
    )
    return left["customer_id"].n_unique()


def require_leavers(warehouse: Warehouse, until: datetime) -> None:
    """Refuse a fit that would have too few customers to learn from.

    Raises:
        TooLittleHistory: as said.
    """
    found = count_leavers(warehouse, until)
    if found < MINIMUM_LEAVERS:
        raise TooLittleHistory(
            f"The channel churn model needs {MINIMUM_LEAVERS} customers who left the channel by {until.date()} (events Unsubscribed, "
            f"Group Left, Contact Deleted); this history has {found}. Everything else works without it."
        )
