"""What a history allows the item recommender: the recipe's own windows and rules, without a factorisation."""

from __future__ import annotations

from datetime import timedelta

from training.allowances.allowance import Allowance, Horizon, weeks_until
from training.allowances.customer_sample import refusal
from training.artifacts.items import HORIZON_DAYS
from training.datasets.splits import recommendation_cut
from training.models.item_judgement import require_wanted
from training.models.items import ItemsRecipe, require_new_purchases
from training.recipe import TrainingData


def items_allowance(recipe: ItemsRecipe, data: TrainingData, some: TrainingData | None = None) -> Allowance:
    """Ask what `evaluate` and `refit` would ask, in their order."""
    first = data.warehouse.first_event
    weeks = weeks_until(lambda clock: recommendation_cut(recipe.name, first, clock) < clock, data.now)
    reason = refusal(lambda shop: _require(recipe, shop), data, some)
    dates = (recommendation_cut(recipe.name, first, data.now),) if weeks == 0 else ()
    horizon = Horizon(days=HORIZON_DAYS, dates=dates, measured=not reason, more_weeks=weeks)
    return Allowance(model=recipe.name, allowed=not reason, reason=reason, horizons=(horizon,), more_weeks=weeks)


def _require(recipe: ItemsRecipe, data: TrainingData) -> None:
    cut = recommendation_cut(recipe.name, data.warehouse.first_event, data.now)
    data.tell("who bought which product")
    require_new_purchases(*recipe.window(data, cut - timedelta(days=HORIZON_DAYS)))
    window = recipe.window(data, cut)
    require_wanted(*window)
    require_new_purchases(*window)
    recipe.interactions(data, data.now)
