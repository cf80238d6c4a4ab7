"""Return hazard: one LightGBM learns the chance of an order in the next 7 days; churn at every horizon follows from it.

Trained on every weekly as-of date whose label step is closed, at the lead 0 and, sampled, at later leads of customers who stayed away. The
settings below were chosen on Complete Journey with labels before 2017-07-02 and as-of dates 2017-07-02 and 07-30: fewer leads and small
trees won, by less than the interval.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.errors import TooLittleHistory
from features.feature_sets import CUSTOMER
from training.artifacts.calibration import LogitMap
from training.artifacts.folder import Manifest
from training.artifacts.hazard_path import STEP_DAYS, HazardPath
from training.artifacts.pareto_nbd import ParetoNbd
from training.artifacts.return_hazard import HORIZONS, KIND, HazardHeader, ReturnHazard
from training.artifacts.value import purchase_history
from training.code_version import git_commit
from training.datasets.hazard_rows import HazardRows, Snapshots, hazard_rows
from training.datasets.splits import STEP, last_unseen_weeks, weekly_grid
from training.datasets.weekly_snapshots import weekly_snapshots
from training.evaluation.churn import closed_label, is_measurable, judge_churn
from training.evaluation.explanations import agreement_with_treeshap
from training.evaluation.groups import by_group, profile_groups
from training.models.bgnbd import fit_bgnbd
from training.models.churn_baselines import fit_churn_baselines
from training.models.pareto_nbd import fit_pareto_nbd
from training.models.trees import Task, TreeConfig, grow
from training.recipe import Evaluation, GroupFigures, TrainingData

Array = NDArray[np.float64]

_EXPLAINED = 200  # a customer takes a few milliseconds; the shares are then known within 7 points
_TAIL_CUSTOMERS = 20_000  # four parameters need no more, and the search takes a second per ten thousand histories
_ORDER_DAYS = CUSTOMER.columns.index("order_day_count")
_GROUPS_HORIZON = 28  # days; the horizon of campaigns
_MINIMUM_ROWS = 500  # below, a 7-leaf tree has nothing to split on (min_data_in_leaf 300)


class ReturnHazardConfig(TreeConfig):
    """Settings of the fit; provenance in the module's docstring.

    Attributes:
        max_lead: greatest lead of a training row, in steps.
        lead_share: share of the survivors sampled at each lead above 0.
        max_snapshots: customers × weeks that a fit reads; of more, so many are drawn. Judged weeks are never sampled.
    """

    learning_rate: float = 0.025  # half of TreeConfig's over twice the rounds: as good as the mean of four seeds (docs/evidence.md)
    rounds: int = 600
    max_lead: int = 12
    lead_share: float = 0.1
    max_snapshots: int = 400_000  # with their leads about 1.5 GB; Complete Journey has 125,000, Online Retail 140,000


class ReturnHazardRecipe:
    """How the return hazard comes to be."""

    name = "return_hazard"

    def __init__(self, config: ReturnHazardConfig | None = None) -> None:
        self.config = config or ReturnHazardConfig()

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Fit without the last weeks, judge on them beside recency, RFM logistic, direct LightGBM and BG/NBD.

        Raises:
            TooLittleHistory: too few weeks, customers or returns.
            StateMissing: the features end before the clock.
        """
        started = time.perf_counter()
        split = last_unseen_weeks(data.warehouse.first_event, data.now)
        snapshots, note = self._snapshots(data, whole=split.evaluation)
        data.tell("fitting on the past")
        model = self._fit(snapshots, data, until=split.training_until)
        model.save(folder, self._manifest(data, split.training_until, {}))
        data.tell("fitting the baselines")
        judged = snapshots.at(list(split.evaluation))
        baselines = fit_churn_baselines(
            snapshots, until=split.training_until, config=self.config, seed=data.seed, threads=data.settings.threads
        )
        data.tell("judging on the unseen weeks")
        evaluation = judge_churn(self.name, model, baselines, judged, now=data.now, seed=data.seed)
        groups = self._groups(model, judged, data)
        agreement = agreement_with_treeshap(model, _few(judged.newest().stored))
        dates = ", ".join(d.date().isoformat() for d in split.evaluation)
        return evaluation.model_copy(
            update={
                "protocol": f"As-of dates {dates}; labels of the judged fit end by {split.training_until.date()}; all seen before.",
                "parameters": {**self.config.model_dump()},
                "groups": groups,
                "notes": [*evaluation.notes, *note, str(agreement)],
                "seconds": time.perf_counter() - started,
            }
        )

    def _groups(self, model: ReturnHazard, judged: Snapshots, data: TrainingData) -> dict[str, GroupFigures]:
        """Churn within 28 days, group by group, where the shop knows anything of its customers."""
        closed, label = closed_label(judged.as_of, judged.wait, _GROUPS_HORIZON, now=data.now)
        stored = judged.stored[closed]
        groups = profile_groups(stored)
        if not groups or not is_measurable(label):
            return {}
        return by_group(label, model.churn_probability(stored, _GROUPS_HORIZON), judged.customer[closed], groups, seed=data.seed)

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on every closed label up to now."""
        snapshots, _ = self._snapshots(data, whole=())
        model = self._fit(snapshots, data, until=data.now)
        closed = max(d for d in weekly_grid(data.warehouse.first_event, data.now) if d <= data.now)
        return model.save(folder, self._manifest(data, closed, evaluation.metrics))

    def _snapshots(self, data: TrainingData, *, whole: tuple[datetime, ...]) -> tuple[Snapshots, list[str]]:
        """Snapshots of the dates in `whole` and at most about `max_snapshots` others, and a note when that left some out."""
        orders, most = data.warehouse.read("orders"), self.config.max_snapshots
        return weekly_snapshots(data, orders, time="ordered_at", whole=whole, most=most)

    def _fit(self, snapshots: Snapshots, data: TrainingData, *, until: datetime) -> ReturnHazard:
        known = snapshots.at(weekly_grid(data.warehouse.first_event, until))
        return fit_return_hazard(known, until=until, config=self.config, seed=data.seed)

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


def fit_return_hazard(snapshots: Snapshots, *, until: datetime, config: ReturnHazardConfig, seed: int) -> ReturnHazard:
    """Fit on every snapshot whose label is closed.

    Args:
        snapshots: weekly as-of dates, every customer of the newest that is no later than `until` among them.
        until: last moment a label may look at.
        config: settings.
        seed: of the sampled leads and the trees.

    Raises:
        TooLittleHistory: too few rows or one outcome only.
    """
    known = snapshots.until(until)
    last = known.newest()
    path = HazardPath(CUSTOMER, fit_bgnbd(*purchase_history(last.stored)))
    rows = hazard_rows(known, until=until, max_lead=config.max_lead, lead_share=config.lead_share, seed=seed, path=path)
    require_learnable(rows.label)
    (booster,) = grow([Task(rows.inputs, rows.label)], config, names=path.inputs, seed=seed, workers=1)
    return _assemble(booster, rows, last, path)


def _assemble(booster: lgb.Booster, rows: HazardRows, last: Snapshots, path: HazardPath) -> ReturnHazard:
    header = HazardHeader(
        calibration=LogitMap(),  # the identity: docs/adr/0004
        habits=path.habits,
        tail=_fit_tail(last.stored),
        longest_silence=float(rows.inputs[:, path.inputs.index("days_since_last_order")].max()) + STEP_DAYS,
        reference=[_median(values) for values in last.stored.T],
        churn_quantiles={},
    )
    model = ReturnHazard(booster, header)
    churn = model.survival(last.stored, np.array(HORIZONS, dtype=np.float64))
    grid = np.linspace(0, 1, 101)
    quantiles = {h: np.quantile(churn[:, i], grid).tolist() for i, h in enumerate(HORIZONS)}
    return ReturnHazard(booster, header.model_copy(update={"churn_quantiles": quantiles}))


def _few(stored: Array) -> Array:
    """Enough customers to compare explanations on, evenly from all."""
    return np.asarray(stored[np.linspace(0, len(stored) - 1, min(len(stored), _EXPLAINED)).astype(int)])


def _fit_tail(stored: Array) -> ParetoNbd:
    few = np.linspace(0, len(stored) - 1, min(len(stored), _TAIL_CUSTOMERS)).astype(int)
    drawn = stored[few]
    return fit_pareto_nbd(*purchase_history(drawn if (drawn[:, _ORDER_DAYS] > 1).any() else stored))


def require_learnable(label: Array) -> None:
    """Refuse a fit that would have too few rows or one outcome only.

    Args:
        label: (m,) of the rows of the fit.

    Raises:
        TooLittleHistory: too few rows, or none with or none without an order.
    """
    if len(label) < _MINIMUM_ROWS or label.min() == label.max():
        raise TooLittleHistory(
            f"The return hazard needs at least {_MINIMUM_ROWS} training rows (customer × week) with and without an order; "
            f"this history gives {len(label)}, {int(label.sum())} of them with an order."
        )


def _median(values: Array) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None  # a shop that mails nobody knows no days since the last mailing
