"""Repurchase: one LightGBM learns the chance that a customer buys a category in the next 7 days; longer horizons and the due date follow.

The return hazard's method (`training.models.return_hazard`) at the level of customer × category (a unit of `features.units`). As-of dates
every second week, a sample of the pairs, and leads above 0 of pairs that were not bought meanwhile. Pairs that were looked at lately and
never bought are learned from too: to the trees they are pairs of no purchase. They are not judged, as no baseline speaks of them.

Chosen on Complete Journey with training labels before 2017-08-13, calibration to 09-10, judged at the as-of dates 09-10 and 10-08 on half
of the customers. Log loss of the 28-day probability:

* leaves × rounds at the learning rate: 31 × 100 at .1 .4337, 24 × 100 at .1 .4339, 15 × 150 at .1 .4345, 12 × 150 at .08 .4331: all alike,
  so small and slow; twice the pairs .4342 against .4345;
* leads 1–3 sampled at .6, .3, .1, 0: .4329, .4339, .4349, .4355;
* without the category's demand .4414, without the customer's own features .4378, against .4345;
* a truncated SVD of customer × category (16 factors of decayed counts, customers folded in) .4327 against .4339, PR-AUC .5994 against
  .5984: too little for factors that the service would have to hold and fold in, so it is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.errors import TooLittleHistory
from features.units import read_units
from features.warehouse import Warehouse
from training.artifacts.calibration import fit_logit_map
from training.artifacts.category_path import CATEGORY_INPUTS, STEP_DAYS, TREE_INPUTS
from training.artifacts.folder import Manifest
from training.artifacts.repurchase import FEATURE_SET_HASH, HORIZONS, KIND, RepurchaseHeader, RepurchaseModel
from training.code_version import git_commit
from training.datasets.category_features import category_features, category_pairs
from training.datasets.category_labels import category_purchases
from training.datasets.category_rows import CategorySnapshots, category_rows
from training.datasets.splits import RepurchaseDates, repurchase_judged, weekly_grid
from training.evaluation.repurchase import judge_repurchase
from training.models.repurchase_baselines import fit_repurchase_baselines
from training.recipe import Evaluation, TrainingData

Array = NDArray[np.float64]

_STEP = timedelta(days=STEP_DAYS)
_PURCHASES = CATEGORY_INPUTS.index("purchase_count")
_MINIMUM_ROWS = 400  # below, two leaves of `min_data_in_leaf` rows do not fit
CALIBRATED_LEADS = tuple((lead, 1.0) for lead in range(4))  # the four steps of the 28-day label, as they will be asked for


class RepurchaseConfig(BaseModel):
    """Settings of the fit; provenance in the module's docstring.

    Attributes:
        training_dates: as-of dates trained on, `training_spacing_days` apart.
        pairs_per_date: pairs sampled at every training and calibration date, about; all of them where there are fewer.
        near_lead_share: share of the surviving rows sampled at the leads 1–3, which the 28-day answer uses.
        far_lead_share: the same at the leads 4 to `max_lead`, which only due dates use.
        excluded_categories: categories that are no merchandise (coupons scanned as products, …).
    """

    model_config = ConfigDict(frozen=True)

    num_leaves: int = 15
    learning_rate: float = 0.08
    rounds: int = 150
    min_data_in_leaf: int = 200
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.7
    lambda_l2: float = 10.0
    training_dates: int = 8
    training_spacing_days: int = 14
    pairs_per_date: int = 25_000  # Complete Journey has 130,000 to 205,000, Online Retail 30,000 to 48,000
    near_lead_share: float = 0.6
    far_lead_share: float = 0.05
    max_lead: int = 12
    excluded_categories: frozenset[str] = frozenset()


class RepurchaseRecipe:
    """How the repurchase model comes to be."""

    name = "repurchase"

    def __init__(self, config: RepurchaseConfig | None = None) -> None:
        self.config = config or RepurchaseConfig()

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Fit without the last weeks, judge on every pair bought before, beside counts, intervals, popularity and a logistic regression.

        Raises:
            TooLittleHistory: too few weeks, customers, categories or repeated purchases.
        """
        started = time.perf_counter()
        judged_dates = repurchase_judged(data.warehouse.first_event, data.now)
        dates = self.judged_fit_dates(data)
        snapshots = self._labelled(data, dates, whole=judged_dates)
        data.tell("fitting on the past")
        model = self._fit(snapshots, data, dates)
        model.save(folder, self._manifest(data, dates.until, {}))
        data.tell("judging on the unseen weeks")
        judged, past = _bought(snapshots.at(judged_dates)), _bought(snapshots.at([dates.calibration]))
        peers = fit_repurchase_baselines(past)
        batch = replace(model, num_threads=data.settings.threads)
        own = batch.probabilities(judged.category, judged.customer, HORIZONS)
        evaluation = judge_repurchase(
            self.name,
            dict(zip(HORIZONS, own.T, strict=True)),
            judged,
            probable=peers.probabilities(judged.category),
            ranked=peers.scores(judged.category),
            seed=data.seed,
        )
        shown = ", ".join(date.date().isoformat() for date in judged_dates)
        return evaluation.model_copy(
            update={
                "protocol": f"As-of dates {shown}; labels of the judged fit end by {dates.until.date()}; all categories bought before.",
                "parameters": self._parameters()
                | {"slope": model.header.calibration.slope, "intercept": model.header.calibration.intercept},
                "seconds": time.perf_counter() - started,
            }
        )

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on every closed label up to the last weekly date; the calibration map comes from the newest 28 days."""
        dates = self.final_fit_dates(data)
        model = self._fit(self._labelled(data, dates, whole=()), data, dates)
        return model.save(folder, self._manifest(data, dates.until, evaluation.metrics))

    def snapshots(self, data: TrainingData, as_ofs: Iterable[datetime], *, whole: Iterable[datetime] = ()) -> pl.DataFrame:
        """Features of the pairs at as-of dates, computed from the history in one pass.

        Args:
            data: history and settings.
            as_ofs: dates of which `pairs_per_date` pairs are sampled.
            whole: dates of which every pair is wanted.

        Returns:
            `customer_id`, `product_category`, `as_of`, the category inputs and, with the prefix `customer_`, the customer inputs.
        """
        wanted, excluded = self._wanted(as_ofs, whole), self.config.excluded_categories
        return category_features(data.settings, data.warehouse, wanted, excluded_categories=excluded, seed=data.seed)

    def pairs(self, data: TrainingData, as_ofs: Iterable[datetime], *, whole: Iterable[datetime] = ()) -> pl.DataFrame:
        """The very rows of `snapshots` without their features: `customer_id`, `product_category`, `as_of`."""
        wanted, excluded = self._wanted(as_ofs, whole), self.config.excluded_categories
        return category_pairs(data.settings, data.warehouse, wanted, excluded_categories=excluded, seed=data.seed)

    def _wanted(self, as_ofs: Iterable[datetime], whole: Iterable[datetime]) -> dict[datetime, int | None]:
        return {**dict.fromkeys(as_ofs, self.config.pairs_per_date), **dict.fromkeys(whole, None)}

    def judged_fit_dates(self, data: TrainingData) -> RepurchaseDates:
        """Dates of the fit that is judged: its labels end where the judged dates begin; raises as `RepurchaseDates.ending`."""
        judged = repurchase_judged(data.warehouse.first_event, data.now)
        return self._dates(data, judged[0] if judged else data.now)

    def final_fit_dates(self, data: TrainingData) -> RepurchaseDates:
        """Dates of the fit that will serve: its labels end with the last weekly date; raises as `RepurchaseDates.ending`."""
        grid = weekly_grid(data.warehouse.first_event, data.now)
        return self._dates(data, grid[-1] if grid else data.now)

    def _dates(self, data: TrainingData, until: datetime) -> RepurchaseDates:
        spacing = timedelta(days=self.config.training_spacing_days)
        return RepurchaseDates.ending(
            until, first_event=data.warehouse.first_event, now=data.now, dates=self.config.training_dates, spacing=spacing
        )

    def _labelled(self, data: TrainingData, dates: RepurchaseDates, *, whole: tuple[datetime, ...]) -> CategorySnapshots:
        purchases = read_purchases(data.warehouse)
        data.tell("computing category features")
        features = self.snapshots(data, (*dates.training, dates.calibration), whole=whole)
        return CategorySnapshots.from_frame(features, purchases, until=data.now)

    def _fit(self, snapshots: CategorySnapshots, data: TrainingData, dates: RepurchaseDates) -> RepurchaseModel:
        inputs, label = category_rows(snapshots.at(dates.training), until=dates.calibration, leads=self.leads(), seed=data.seed)
        late, late_label = category_rows(snapshots.at([dates.calibration]), until=dates.until, leads=CALIBRATED_LEADS, seed=data.seed)
        require_learnable(label, late_label)
        parameters = {
            "objective": "binary",
            "num_leaves": self.config.num_leaves,
            "learning_rate": self.config.learning_rate,
            "min_data_in_leaf": self.config.min_data_in_leaf,
            "feature_fraction": self.config.feature_fraction,
            "bagging_fraction": self.config.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": self.config.lambda_l2,
            "seed": data.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": data.settings.threads,
            "verbose": -1,
        }
        booster = lgb.train(parameters, lgb.Dataset(inputs, label, feature_name=list(TREE_INPUTS)), num_boost_round=self.config.rounds)
        calibration = fit_logit_map(np.asarray(booster.predict(late, num_threads=data.settings.threads)), late_label)
        # Leads that no training row could have are not asked of the trees.
        longest = (dates.calibration - min(dates.training)) // _STEP - 1
        return RepurchaseModel(booster, RepurchaseHeader(calibration=calibration, max_lead=min(self.config.max_lead, longest)))

    def leads(self) -> list[tuple[int, float]]:
        """Leads of the training rows, each with the share of its rows that is sampled."""
        near, far = self.config.near_lead_share, self.config.far_lead_share
        shares = ((lead, near if lead < len(CALIBRATED_LEADS) else far) for lead in range(1, self.config.max_lead + 1))
        return [(0, 1.0), *shares]

    def _parameters(self) -> dict[str, str | int | float]:
        settings = self.config.model_dump(exclude={"excluded_categories"})
        return {**settings, "excluded_categories": ", ".join(sorted(self.config.excluded_categories))}

    def _manifest(self, data: TrainingData, until: datetime, metrics: dict[str, float]) -> Manifest:
        return Manifest(
            name=self.name,
            kind=KIND,
            feature_set_hash=FEATURE_SET_HASH,
            data_from=data.warehouse.first_event,
            data_until=until,
            input_hash=data.warehouse.version,
            git_commit=git_commit(),
            settings={**self._parameters(), "step_days": STEP_DAYS, "seed": data.seed},
            metrics=metrics,
        )


def _bought(snapshots: CategorySnapshots) -> CategorySnapshots:
    """Without what was only looked at, of which no baseline says anything."""
    return snapshots.pick(snapshots.category[:, _PURCHASES] > 0)


def read_purchases(warehouse: Warehouse) -> pl.DataFrame:
    """Purchases of categories, as `category_purchases`.

    Raises:
        TooLittleHistory: there is none.
    """
    warehouse.require_lines()
    purchases = category_purchases(warehouse.read("order_lines"), read_units(warehouse).table)
    if purchases.is_empty():
        raise TooLittleHistory("No order line has both a customer and a product of the catalogue; the repurchase model needs both.")
    return purchases


def require_learnable(training: Array, calibration: Array) -> None:
    """Refuse a fit whose trees or whose calibration would have too few rows or one outcome only.

    Args:
        training: labels of the rows of the trees.
        calibration: labels of the rows of the calibration map.

    Raises:
        TooLittleHistory: says which, and what there is.
    """
    for label, what in ((training, "training"), (calibration, "calibration")):
        if len(label) < _MINIMUM_ROWS or label.min() == label.max():
            raise TooLittleHistory(
                f"The repurchase model needs at least {_MINIMUM_ROWS} {what} rows (customer × category × week) with and without "
                f"a repeated purchase; this history gives {len(label)}, {int(label.sum())} of them with one."
            )
