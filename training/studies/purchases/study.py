"""The purchases question: how many days with an order, and how much spend, of each customer within the horizon after an as-of date?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import polars as pl

from features.feature_sets import CUSTOMER
from features.settings import FeatureSettings
from training.datasets.hazard_rows import Snapshots
from training.datasets.order_periods import OrderDays
from training.evaluation.quantities import Judged, customer_draws, decile_curves, judge_quantity, past_order_curves, past_order_metrics
from training.recipe import Curve
from training.studies.churn.contenders import HISTORY, JUDGED, PLAN, Plan
from training.studies.churn.snapshots import build_snapshots, write_snapshots
from training.studies.churn.study import ChurnStudy, Source
from training.studies.purchases.contenders import OWN, QUANTITIES, answer_key, write_order_days
from training.studies.study import Arrays, Interval, Judgement, Prepared, StudyRefused, Tell

MOST_SNAPSHOTS = 60_000  # the product's own bound: ValueConfig.max_snapshots
Figure = TypeVar("Figure")
_PAST = CUSTOMER.columns.index("order_day_count")


@dataclass
class PurchasesStudy:
    """Asked of an order log.

    Attributes:
        source: the orders.
        as_of: judged date, UTC; an order at the date itself is seen.
        horizons: days.
        settings: engine and threads; its data folder is not written to.
        seed: of the draw of training rows.
        most: customers × weeks trained on, about.
    """

    name: ClassVar[str] = "purchases"
    own: ClassVar[str] = OWN
    contenders: ClassVar[str] = "training.studies.purchases.contenders"

    source: Source
    as_of: datetime
    horizons: tuple[int, ...]
    settings: FeatureSettings
    seed: int
    most: int = MOST_SNAPSHOTS
    _judged: Snapshots | None = field(default=None, init=False)
    _outcomes: dict[str, np.ndarray] = field(default_factory=dict, init=False)

    @property
    def headline(self) -> tuple[str, ...]:
        """Metrics the terminal shows."""
        figures = ("mae", "rmse", "correlation", "bias")
        return tuple(f"{quantity}_{figure}_{h}d" for h in self.horizons for quantity in QUANTITIES for figure in figures)

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """See `training.studies.study.Study`.

        Raises:
            HuitouError: what is wrong with file, columns or dates, and the remedy.
        """
        # The same logs, dates and features as the churn question, by the same rules.
        question = ChurnStudy(self.source, (self.as_of,), self.horizons, None, self.settings, self.seed, self.most)
        with tempfile.TemporaryDirectory(prefix="huitou-purchases-") as aside:
            history = question.open_history(Path(aside), tell)
            dates = question.choose_dates(history)
            features, others = build_snapshots(
                history.settings, history.warehouse(self.as_of), dates, most=self.most, seed=self.seed, tell=tell
            )
        tell("orders and spend")
        past = history.orders.filter(pl.col("ordered_at") <= self.as_of)
        training = Snapshots.from_frames(features.filter(pl.col("as_of") <= self.as_of), past)
        judged = Snapshots.from_frames(features.filter(pl.col("as_of") == self.as_of), past)
        write_snapshots(folder / f"{HISTORY}.npz", training)
        write_snapshots(folder / f"{JUDGED}.npz", judged)
        write_order_days(folder, OrderDays.of(past, until=self.as_of))
        (folder / PLAN).write_text(Plan(until=self.as_of, horizons=self.horizons).model_dump_json(), encoding="utf-8")
        later = OrderDays.of(history.orders, until=history.last)
        for horizon in self.horizons:
            for quantity, values in zip(QUANTITIES, later.within(judged.customer_id, judged.as_of, horizon), strict=True):
                self._outcomes[answer_key(quantity, horizon)] = values
        self._judged = judged
        notes = [*history.notes, *self._unjudged()]
        if others > self.most:
            notes.append(
                f"Learned from a draw of {self.most:,} of {others:,} customers × weeks and the newest week; judged rows are whole."
            )
        if not float(past["amount"].sum()):
            notes.append("No order has an amount (--amount): spend is not judged.")
        facts: dict[str, int | float | str] = {
            "customers judged": len(judged.wait),
            "orders before": past.height,
            "training rows": len(training.wait),
            **{f"mean {key}": round(float(values.mean()), 4) for key, values in self._outcomes.items()},
        }
        return Prepared(history.name, self._protocol(), facts, notes)

    def _unjudged(self) -> list[str]:
        """A note for each horizon within which nobody ordered.

        Raises:
            StudyRefused: nobody did within any.
        """
        empty = [f"{h}d" for h in self.horizons if not self._outcomes[answer_key(QUANTITIES[0], h)].any()]
        if len(empty) == len(self.horizons):
            raise StudyRefused(
                f"--horizon {','.join(empty)}: no customer with an order by {self.as_of.date()} ordered within it, so there is nothing to "
                "judge; choose another --as-of or a longer --horizon."
            )
        return [f"Nobody ordered within {h}: that horizon is not judged." for h in empty]

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """See `training.studies.study.Study`."""
        assert self._judged is not None  # noqa: S101 - the runner prepares first
        past = self._judged.stored[:, _PAST]
        draws = customer_draws(len(past), seed=seed)
        metrics: dict[str, dict[str, float]] = {name: {} for name in answers}
        intervals: dict[str, dict[str, Interval]] = {name: {} for name in answers}
        differences: dict[str, dict[str, Interval]] = {name: {} for name in answers if name != self.own}
        curves: list[Curve] = []
        for key, outcome in self._outcomes.items():
            if not outcome.any():
                continue
            quantity, _, days = key.partition("_")
            judged = {name: judge_quantity(outcome, arrays[key], draws) for name, arrays in answers.items() if key in arrays}
            for name, found in judged.items():
                metrics[name] |= _named(quantity, days, found.metrics)
                intervals[name] |= _named(quantity, days, found.intervals)
                metrics[name] |= {f"{m}_{days}": v for m, v in past_order_metrics(quantity, past, outcome, answers[name][key]).items()}
                curves += decile_curves(f"Calibration of {quantity}, {days}, by tenth", name, outcome, answers[name][key])
                if name != self.own and self.own in judged:
                    differences[name] |= _named(quantity, days, _sharper(judged[self.own], found))
            series = {"observed": outcome, **{name: answers[name][key] for name in judged}}
            curves += past_order_curves(f"Mean {quantity}, {days}, by order days so far", past, series)
        for name, arrays in answers.items():
            metrics[name] |= self._coverage(arrays)
        return Judgement(metrics=metrics, intervals=intervals, differences=differences, curves=curves)

    def _coverage(self, arrays: Arrays) -> dict[str, float]:
        """Share of customers whose spend lies in the row's 80 % interval, where it gives one."""
        found = {}
        for horizon in self.horizons:
            spend, low = self._outcomes[answer_key("spend", horizon)], arrays.get(f"spend_low_{horizon}d")
            if low is not None and spend.any():
                found[f"spend_coverage_{horizon}d"] = float(((spend >= low) & (spend <= arrays[f"spend_high_{horizon}d"])).mean())
        return found

    def _protocol(self) -> str:
        days = " and ".join(f"{h} days" for h in self.horizons)
        return (
            f"Days with an order, and spend, within {days} after {self.as_of:%Y-%m-%d}, of all customers with an order by that date; "
            "nothing later was seen by any model. Orders of one day count once. Intervals: 400 bootstrap draws of customers. "
            "orders_ratio_n: predicted ÷ observed among customers with n order days so far (1, 2, 3–4, 5–8, 9–16, 17 and more)."
        )


def _named(quantity: str, days: str, figures: Mapping[str, Figure]) -> dict[str, Figure]:
    return {f"{quantity}_{figure}_{days}": value for figure, value in figures.items()}


def _sharper(own: Judged, other: Judged) -> dict[str, Interval]:
    # A smaller signed bias is not a better one: its difference would say nothing.
    return {figure: bounds for figure, bounds in own.differences(other).items() if figure != "bias"}
