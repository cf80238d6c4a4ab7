"""The churn question: of the customers seen before an as-of date, who orders nothing within the horizon after it?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from features.errors import TooLittleHistory
from features.settings import FeatureSettings
from features.warehouse import Warehouse, current_warehouse
from training.datasets.hazard_rows import Snapshots
from training.evaluation.churn import closed_label, is_measurable
from training.studies.churn.contenders import HISTORY, JUDGED, OWN, PLAN, Plan
from training.studies.churn.judgement import judge_answers
from training.studies.churn.snapshots import Dates, build_snapshots, truncated, write_snapshots
from training.studies.order_log import OrderColumns, read_order_log
from training.studies.study import Arrays, Judgement, Prepared, StudyRefused, Tell

MOST_SNAPSHOTS = 400_000  # the product's own bound: ReturnHazardConfig.max_snapshots


@dataclass(frozen=True)
class Source:
    """Where the orders are: a file and its columns, or a history that was imported.

    Attributes:
        path: of the file, or the data folder.
        columns: None: `path` is a data folder, whose contacts and profiles are features too.
    """

    path: Path
    columns: OrderColumns | None = None


@dataclass
class ChurnStudy:
    """Asked of an order log.

    Attributes:
        source: the orders.
        as_of: judged dates, oldest first, UTC; an order at the date itself is seen.
        horizons: days.
        train_until: training labels end no later; the first judged date when None.
        settings: engine and threads; its data folder is not written to.
        seed: of the draw of training rows.
        most: customers × weeks trained on, about.
    """

    name: ClassVar[str] = "churn"
    own: ClassVar[str] = OWN
    contenders: ClassVar[str] = "training.studies.churn.contenders"

    source: Source
    as_of: tuple[datetime, ...]
    horizons: tuple[int, ...]
    train_until: datetime | None
    settings: FeatureSettings
    seed: int
    most: int = MOST_SNAPSHOTS
    _judged: Snapshots | None = field(default=None, init=False)
    _end: datetime | None = field(default=None, init=False)

    @property
    def headline(self) -> tuple[str, ...]:
        """Metrics the terminal shows."""
        return tuple(f"{metric}_{h}d" for h in self.horizons for metric in ("auc", "average_precision", "log_loss", "accuracy", "ece"))

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """See `training.studies.study.Study`.

        Raises:
            HuitouError: what is wrong with file, columns or dates, and the remedy.
        """
        with tempfile.TemporaryDirectory(prefix="huitou-churn-") as aside:
            history = self.open_history(Path(aside), tell)
            dates = self.choose_dates(history)
            warehouse = history.warehouse(dates.judged[-1])
            features, others = build_snapshots(history.settings, warehouse, dates, most=self.most, seed=self.seed, tell=tell)
        tell("labels")
        until = pl.lit(dates.until)
        training = Snapshots.from_frames(features.filter(pl.col("as_of") <= until), history.orders.filter(pl.col("ordered_at") <= until))
        judged = Snapshots.from_frames(features.filter(pl.col("as_of").is_in(list(dates.judged))), history.orders)
        write_snapshots(folder / f"{HISTORY}.npz", training)
        write_snapshots(folder / f"{JUDGED}.npz", Snapshots(**{**judged.__dict__, "wait": np.full(len(judged.wait), np.nan)}))
        (folder / PLAN).write_text(Plan(until=dates.until, horizons=self.horizons).model_dump_json(), encoding="utf-8")
        self._judged, self._end = judged, history.last
        self._require_both_outcomes(judged, history.last)
        notes = list(history.notes)
        if others > self.most:
            notes.append(f"Fitted on a draw of {self.most:,} of {others:,} customers × weeks and the newest week; judged rows are whole.")
        return Prepared(history.name, self._protocol(dates, history.last), self._facts(history.orders, training, judged), notes)

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """See `training.studies.study.Study`."""
        assert self._judged is not None  # noqa: S101 - the runner prepares first
        assert self._end is not None  # noqa: S101
        return judge_answers(answers, self._judged, self.horizons, own=self.own, end=self._end, seed=seed)

    def open_history(self, aside: Path, tell: Tell) -> History:
        """Read the orders.

        Args:
            aside: folder for what has to be written.
            tell: progress.

        Raises:
            HuitouError: what is wrong with file or columns.
        """
        if self.source.columns is None:
            settings = self.settings.model_copy(update={"data_dir": self.source.path})
            warehouse = current_warehouse(settings)  # without whoever withdrew their consent
            orders = warehouse.read("orders").drop_nulls("customer_id")
            # The history is written to by nobody from here on: its views read past orders only, whatever the warehouse holds.
            return History(self.source.path.name, orders, [], settings, lambda _: warehouse)
        log = read_order_log(self.source.path, self.source.columns, tell)
        settings = self.settings.model_copy(update={"data_dir": aside})
        return History(log.name, log.orders, log.notes, settings, lambda until: truncated(settings, log.orders, until))

    def choose_dates(self, history: History) -> Dates:
        """The judged dates and the weeks before them.

        Raises:
            StudyRefused: they do not lie within the history, or look past it.
            TooLittleHistory: fewer than two weeks to learn from.
        """
        first, last, as_of = history.first, history.last, tuple(sorted(self.as_of))
        outside = [date for date in as_of if not first < date <= last]
        if outside:
            raise StudyRefused(
                f"--as-of {outside[0]:%Y-%m-%d}: the orders in {history.name} run from {first:%Y-%m-%d} to {last:%Y-%m-%d}; "
                "choose a date between."
            )
        for horizon in self.horizons:
            if as_of[0] + timedelta(days=horizon) > last:
                known = (last - as_of[0]).days
                raise StudyRefused(
                    f"--horizon {horizon}d: {horizon} days after {as_of[0]:%Y-%m-%d} lie beyond the last order ({last:%Y-%m-%d}), so "
                    f"nobody knows who returned; at most {known}d fit."
                )
        until = self.train_until or as_of[0]
        if until > as_of[0]:
            raise StudyRefused(
                f"--train-until {until:%Y-%m-%d} is a leak: training labels would look past the first judged date ({as_of[0]:%Y-%m-%d}); "
                "choose that date or an earlier one."
            )
        dates = Dates.back_from(as_of, until=until, first=first)
        if len(dates.training) < 2:  # one week to look back on and one to learn from
            raise TooLittleHistory(
                f"Between the first order ({first:%Y-%m-%d}) and the end of the training labels ({until:%Y-%m-%d}) there are fewer than "
                "two whole weeks to learn from; choose a later --as-of or --train-until."
            )
        return dates

    def _require_both_outcomes(self, judged: Snapshots, last: datetime) -> None:
        for horizon in self.horizons:
            _, label = closed_label(judged.as_of, judged.wait, horizon, now=last)
            if not is_measurable(label):
                what = "ordered" if len(label) and not label.max() else "ordered nothing"
                raise StudyRefused(
                    f"--horizon {horizon}d: every one of the {len(label):,} judged rows {what} within it, so there is nothing to tell "
                    "apart; choose another horizon."
                )

    def _protocol(self, dates: Dates, last: datetime) -> str:
        parts = []
        for horizon in self.horizons:
            closed = [d for d in dates.judged if d + timedelta(days=horizon) <= last]
            parts.append(f"{horizon} days after {', '.join(f'{d:%Y-%m-%d}' for d in closed)}")
        return (
            f"Churn: no order within {'; within '.join(parts)}. Judged: all customers with an order by that date. "
            f"Training labels end by {dates.until:%Y-%m-%d}; features know only what came before their date; orders of one day count once "
            "in frequencies. Positive class: churn. Intervals: 200 bootstrap draws of whole customers."
        )

    @staticmethod
    def _facts(orders: pl.DataFrame, training: Snapshots, judged: Snapshots) -> dict[str, int | float | str]:
        return {
            "customers": int(orders["customer_id"].n_unique()),
            "orders": orders.height,
            "training rows": len(training.wait),
            "judged rows": len(judged.wait),
            "first order": str(orders["ordered_at"].dt.date().min()),
            "last order": str(orders["ordered_at"].dt.date().max()),
        }


@dataclass(frozen=True)
class History:
    """An order log, read.

    Attributes:
        name: of the file or folder.
        orders: rows of `orders` with a customer.
        notes: what was odd.
        settings: engine, threads, folder.
        warehouse: moment → the history up to it.
    """

    name: str
    orders: pl.DataFrame
    notes: Sequence[str]
    settings: FeatureSettings
    warehouse: Callable[[datetime], Warehouse]

    @property
    def first(self) -> datetime:
        """Time of the first order."""
        return self.orders["ordered_at"].min()  # type: ignore[return-value]

    @property
    def last(self) -> datetime:
        """Time of the last order."""
        return self.orders["ordered_at"].max()  # type: ignore[return-value]
