"""What a history allows the repurchase model: the recipe's own rules, asked with labels alone; no feature is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.allowances.allowance import Allowance, Horizon, weeks_until
from training.allowances.customer_sample import refusal
from training.artifacts.repurchase import HORIZONS
from training.datasets.category_labels import next_purchases
from training.datasets.category_rows import closed_steps, naive
from training.datasets.splits import RepurchaseDates, repurchase_judged
from training.models.repurchase import CALIBRATED_LEADS, RepurchaseRecipe, read_purchases, require_learnable
from training.recipe import TrainingData

Array = NDArray[np.float64]


def repurchase_allowance(recipe: RepurchaseRecipe, data: TrainingData, some: TrainingData | None = None) -> Allowance:
    """Ask what `evaluate` and `refit` would ask, in their order. Every horizon closes with the longest, as they are judged together."""
    weeks = weeks_until(lambda clock: bool(recipe.judged_fit_dates(replace(data, now=clock)).training), data.now)
    reason = refusal(lambda shop: _require(recipe, shop), data, some)
    dates = repurchase_judged(data.warehouse.first_event, data.now) if weeks == 0 else ()
    horizons = tuple(Horizon(days=days, dates=dates, measured=not reason, more_weeks=weeks) for days in HORIZONS)
    return Allowance(model=recipe.name, allowed=not reason, reason=reason, horizons=horizons, more_weeks=weeks)


def _require(recipe: RepurchaseRecipe, data: TrainingData) -> None:
    judged_fit = recipe.judged_fit_dates(data)
    data.tell("purchases of categories")
    purchases = read_purchases(data.warehouse)
    judged = repurchase_judged(data.warehouse.first_event, data.now)
    require_learnable(*_labels(recipe, data, judged_fit, purchases, whole=judged))
    require_learnable(*_labels(recipe, data, recipe.final_fit_dates(data), purchases, whole=()))


def _labels(
    recipe: RepurchaseRecipe, data: TrainingData, dates: RepurchaseDates, purchases: pl.DataFrame, *, whole: tuple[datetime, ...]
) -> tuple[Array, Array]:
    """Labels of the trees and of the calibration map."""
    pairs = recipe.pairs(data, (*dates.training, dates.calibration), whole=whole)
    as_of = pairs["as_of"].dt.replace_time_zone(None).dt.cast_time_unit("us").to_numpy()
    wait = next_purchases(pairs, purchases, until=data.now)["wait"].to_numpy()

    def labels(chosen: Iterable[datetime], until: datetime, leads: Iterable[tuple[int, float]]) -> Array:
        rows = np.isin(as_of, [naive(date) for date in chosen])
        steps = closed_steps(as_of[rows], wait[rows], until=until, leads=leads, seed=data.seed)
        return np.concatenate([np.empty(0), *(label for _, _, label in steps)])

    return labels(dates.training, dates.calibration, recipe.leads()), labels([dates.calibration], dates.until, CALIBRATED_LEADS)
