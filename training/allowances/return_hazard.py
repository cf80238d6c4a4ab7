"""What a history allows the return hazard: the recipe's own rules, asked with labels alone; no feature is computed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build import customer_spine
from training.allowances.allowance import Allowance, Horizon, weeks_until
from training.allowances.customer_sample import refusal
from training.artifacts.return_hazard import HORIZONS
from training.datasets.hazard_rows import closed_steps, naive
from training.datasets.labels import days_until_next_order
from training.datasets.splits import last_unseen_weeks, weekly_grid
from training.evaluation.churn import closed_label, is_measurable
from training.models.bgnbd import require_repeats
from training.models.return_hazard import ReturnHazardRecipe, require_learnable
from training.recipe import TrainingData

Array = NDArray[np.float64]
Moments = NDArray[np.datetime64]
Labels = Callable[[TrainingData], tuple[Moments, Array]]


def return_hazard_allowance(recipe: ReturnHazardRecipe, data: TrainingData) -> Allowance:
    """Ask what `evaluate` and `refit` would ask, in their order."""

    def check(shop: TrainingData, as_of: Moments, wait: Array) -> None:
        _require(recipe, shop, as_of, wait)

    return hazard_allowance(recipe.name, data, weekly_labels, check)


def hazard_allowance(name: str, data: TrainingData, labels: Labels, check: Callable[[TrainingData, Moments, Array], None]) -> Allowance:
    """What a model of the weeks until something happens is allowed.

    Args:
        name: the model.
        data: the whole shop.
        labels: as-of date and days until it happens, of every customer and week.
        check: the rules of the recipe beside its dates; raises `TooLittleHistory`.
    """
    first, now = data.warehouse.first_event, data.now

    def longest(clock: datetime) -> int:
        return (clock - last_unseen_weeks(first, clock).evaluation[0]).days

    wanted = weeks_until(lambda clock: longest(clock) > 0, now)
    if wanted != 0:
        later = tuple(Horizon(days=h, more_weeks=weeks_until(lambda c, h=h: longest(c) >= h, now)) for h in HORIZONS)  # type: ignore[misc]
        reason = refusal(lambda shop: _dates(first, shop.now), data, None)
        return Allowance(model=name, allowed=False, reason=reason, horizons=later, more_weeks=wanted)
    data.tell("labels of every customer and week")
    as_of, wait = labels(data)
    evaluation = last_unseen_weeks(first, now).evaluation
    judged = np.isin(as_of, [naive(date) for date in evaluation])
    horizons = []
    for days in sorted({*HORIZONS, longest(now)}):
        _, label = closed_label(as_of[judged], wait[judged], days, now=now)
        dates = tuple(date for date in evaluation if closed_label(np.array([naive(date)]), np.zeros(1), days, now=now)[0].all())
        weeks = weeks_until(lambda clock, days=days: longest(clock) >= days, now)  # type: ignore[misc]
        horizons.append(Horizon(days=days, dates=dates, measured=is_measurable(label), longest=days == longest(now), more_weeks=weeks))
    reason = refusal(lambda shop: check(shop, as_of, wait), data, None)
    return Allowance(model=name, allowed=not reason, reason=reason, horizons=tuple(horizons), more_weeks=0)


def _dates(first: datetime, now: datetime) -> None:
    last_unseen_weeks(first, now)


def weekly_labels(data: TrainingData) -> tuple[NDArray[np.datetime64], Array]:
    """As-of date and days until the next order of every customer and week, in the order of the offline features.

    Of a large shop the recipe draws as many as its fit may hold: what is asked for is then there many times over, sampled or not.
    """
    spine = customer_spine(data.warehouse, weekly_grid(data.warehouse.first_event, data.now))
    wait = days_until_next_order(spine, data.warehouse.read("orders"))
    return spine["as_of"].dt.replace_time_zone(None).to_numpy(), wait


def _require(recipe: ReturnHazardRecipe, data: TrainingData, as_of: NDArray[np.datetime64], wait: Array) -> None:
    split = last_unseen_weeks(data.warehouse.first_event, data.now)
    for until in (split.training_until, data.now):
        grid = weekly_grid(data.warehouse.first_event, until)
        rows = np.isin(as_of, [naive(date) for date in grid])
        steps = list(
            closed_steps(
                as_of[rows],
                wait[rows],
                until=until,
                max_lead=recipe.config.max_lead,
                lead_share=recipe.config.lead_share,
                seed=data.seed,
            )
        )
        # In the order of the fit: BG/NBD's beliefs are inputs of the trees.
        require_repeats(order_repeats(data.warehouse.read("orders"), grid[-1]), "BG/NBD")
        require_learnable(np.concatenate([step[1] for step in steps]))


def order_repeats(orders: pl.DataFrame, as_of: datetime) -> Array:
    """Days on which each customer ordered again, (n,): what the feature `order_day_count` says, less one."""
    known = orders.filter(pl.col("customer_id").is_not_null() & (pl.col("ordered_at") <= as_of))
    days = known.group_by("customer_id").agg(pl.col("ordered_at").dt.date().n_unique())
    return days["ordered_at"].to_numpy().astype(np.float64) - 1.0
