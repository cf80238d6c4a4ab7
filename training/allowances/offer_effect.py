"""What the decisions allow the model of effects: its own rule, asked with labels; nothing is fitted."""

from __future__ import annotations

from training.allowances.allowance import Allowance
from training.models.offer_effect import OfferEffectRecipe
from training.recipe import TrainingData


def offer_effect_allowance(recipe: OfferEffectRecipe, data: TrainingData) -> Allowance:
    """Ask what `evaluate` and `refit` would ask; the refusal says how many decisions are needed."""
    recipe.rows(data)
    return Allowance(model=recipe.name, allowed=True)
