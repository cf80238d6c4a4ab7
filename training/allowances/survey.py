"""Asks every model's recipe what a history allows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from features.errors import HuitouError, TooLittleHistory
from training import pipeline
from training.allowances.allowance import Allowance
from training.allowances.bundles import bundles_allowance
from training.allowances.channel_churn import channel_churn_allowance
from training.allowances.customer_sample import customer_sample
from training.allowances.items import items_allowance
from training.allowances.repurchase import repurchase_allowance
from training.allowances.return_hazard import return_hazard_allowance
from training.allowances.value import value_allowance
from training.models.bundles import BundlesRecipe
from training.models.channel_churn import ChannelChurnRecipe
from training.models.items import ItemsRecipe
from training.models.repurchase import RepurchaseRecipe
from training.models.return_hazard import ReturnHazardRecipe
from training.models.value import ValueRecipe
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
    if name == "return_hazard":
        return return_hazard_allowance(cast("ReturnHazardRecipe", recipe), data)
    if name == "value":
        return value_allowance(cast("ValueRecipe", recipe), data)
    if name == "repurchase":
        return repurchase_allowance(cast("RepurchaseRecipe", recipe), data, some)
    if name == "items":
        return items_allowance(cast("ItemsRecipe", recipe), data, some)
    if name == "bundles":
        return bundles_allowance(cast("BundlesRecipe", recipe), data)
    if name == "channel_churn":
        return channel_churn_allowance(cast("ChannelChurnRecipe", recipe), data)
    raise HuitouError(f"Nobody has said yet what model {name!r} asks of a history: add its allowance.")
