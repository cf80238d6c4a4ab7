"""What a history allows the channel-churn model: its own rules, asked with labels alone; no feature is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.build import customer_spine
from training.allowances.allowance import Allowance
from training.allowances.return_hazard import hazard_allowance
from training.datasets.labels import days_until_next
from training.datasets.splits import last_unseen_weeks, weekly_grid
from training.models.channel_churn import ChannelChurnRecipe, leavings, require_leavers
from training.recipe import TrainingData

Array = NDArray[np.float64]


def channel_churn_allowance(recipe: ChannelChurnRecipe, data: TrainingData) -> Allowance:
    """Ask what `evaluate` and `refit` would ask, in their order."""
    return hazard_allowance(recipe.name, data, _labels, _require)


def _labels(data: TrainingData) -> tuple[NDArray[np.datetime64], Array]:
    spine = customer_spine(data.warehouse, weekly_grid(data.warehouse.first_event, data.now))
    wait = days_until_next(spine, leavings(data.warehouse), time="occurred_at")
    return spine["as_of"].dt.replace_time_zone(None).to_numpy(), wait


def _require(data: TrainingData, _: NDArray[np.datetime64], __: Array) -> None:
    for until in (last_unseen_weeks(data.warehouse.first_event, data.now).training_until, data.now):
        require_leavers(data.warehouse, until)
