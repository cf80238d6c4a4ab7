"""What a history allows the value model: the recipe's own rules, asked with labels alone; no feature is computed."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from training.allowances.allowance import Allowance, Horizon, weeks_until
from training.allowances.customer_sample import refusal
from training.allowances.return_hazard import order_repeats, weekly_labels
from training.artifacts.value import PERIODS
from training.datasets.hazard_rows import closed_steps, naive
from training.datasets.splits import weekly_grid
from training.models.bgnbd import require_repeats
from training.models.renewal import LEAD_SHARE, MAX_LEAD
from training.models.return_hazard import require_learnable
from training.models.value import HORIZONS, ValueRecipe, judged_date
from training.models.value_rows import learned_periods
from training.recipe import TrainingData

Array = NDArray[np.float64]


def value_allowance(recipe: ValueRecipe, data: TrainingData) -> Allowance:
    """Ask what `evaluate` and `refit` would ask, in their order."""
    first, now = data.warehouse.first_event, data.now
    wanted = weeks_until(lambda clock: bool(judged_date(first, clock)), now)
    if wanted != 0:
        reason = refusal(lambda shop: _dates(first, shop.now), data, None)
        later = tuple(Horizon(days=days, more_weeks=_weeks(first, now, days)) for days in sorted(HORIZONS))
        return Allowance(model=recipe.name, allowed=False, reason=reason, horizons=later, more_weeks=wanted)
    as_of, judged = judged_date(first, now)
    reason = refusal(lambda shop: _require(shop, as_of), data, None)
    horizons = tuple(
        Horizon(days=days, dates=(as_of,), measured=not reason, more_weeks=0)
        if days in judged
        else Horizon(days=days, more_weeks=_weeks(first, now, days))
        for days in sorted(HORIZONS)
    )
    return Allowance(model=recipe.name, allowed=not reason, reason=reason, horizons=horizons, more_weeks=0)


def _dates(first: datetime, now: datetime) -> None:
    judged_date(first, now)


def _weeks(first: datetime, now: datetime, days: int) -> int | None:
    return weeks_until(lambda clock: days in judged_date(first, clock)[1], now)


def _require(data: TrainingData, judged: datetime) -> None:
    data.tell("labels of every customer and week")
    as_of, wait = weekly_labels(data)
    for until in (judged, data.now):
        grid = weekly_grid(data.warehouse.first_event, until)
        require_repeats(order_repeats(data.warehouse.read("orders"), grid[-1]))
        known = np.isin(as_of, [naive(date) for date in grid])
        if learned_periods(as_of[known], until=until) == PERIODS:
            continue
        steps = closed_steps(as_of[known], wait[known], until=until, max_lead=MAX_LEAD, lead_share=LEAD_SHARE, seed=data.seed)
        require_learnable(np.concatenate([step[1] for step in steps]))
