"""Asks every model's recipe what a history allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from features.errors import HuitouError, TooLittleHistory
from training import pipeline
from training.allowances.allowance import Allowance
from training.allowances.bundles import bundles_allowance
from training.allowances.channel_churn import channel_churn_allowance
from training.allowances.customer_sample import customer_sample
from training.allowances.items import items_allowance
from training.allowances.offer_effect import offer_effect_allowance
from training.allowances.repurchase import repurchase_allowance
from training.allowances.return_hazard import return_hazard_allowance
from training.allowances.value import value_allowance
from training.recipe import TrainingData


def allowances(data: TrainingData, names: Iterable[str] = pipeline.MODELS) -> list[Allowance]:
    """What `huitou train` would come to, model by model: the same rules, the same assumptions, nothing fitted."""
    with customer_sample(data) as some:
        return [_allowance(name, data, some) for name in names]


def _allowance(name: str, data: TrainingData, some: TrainingData | None) -> Allowance:
    try:
        return _asked(name, data, some)
    except TooLittleHistory as error:
        return Allowance(model=name, allowed=False, reason=str(error))


def _asked(name: str, data: TrainingData, some: TrainingData | None) -> Allowance:
    recipe = pipeline.recipe(name, data)
    data.warehouse.first_event  # noqa: B018 - a history without orders refuses here, as in every recipe
    if name not in _ASKED:
        raise HuitouError(f"Nobody has said yet what model {name!r} asks of a history: add its allowance.")
    return _ASKED[name](recipe, data, some)


_Ask = Callable[[Any, TrainingData, TrainingData | None], Allowance]  # the recipe, the whole shop, some of its customers
_ASKED: dict[str, _Ask] = {
    "return_hazard": lambda recipe, data, _: return_hazard_allowance(recipe, data),
    "value": lambda recipe, data, _: value_allowance(recipe, data),
    "repurchase": repurchase_allowance,
    "items": items_allowance,
    "bundles": lambda recipe, data, _: bundles_allowance(recipe, data),
    "channel_churn": lambda recipe, data, _: channel_churn_allowance(recipe, data),
    "offer_effect": lambda recipe, data, _: offer_effect_allowance(recipe, data),
}
