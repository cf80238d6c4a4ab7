"""Fits the models that serve, by the product's own recipes; they are not judged, which would take twice the time and say nothing here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.serving.shop_size import ShopSize
from features.merchant_bundles import merchant_sets
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from training import local_models
from training.local_models import VersionRef
from training.models.als import AlsSettings
from training.models.bundle_mining import MerchantBundle
from training.models.bundle_stack import StackSettings
from training.models.bundles import BundlesConfig, BundlesRecipe
from training.models.channel_churn import ChannelChurnConfig, ChannelChurnRecipe
from training.models.items import ItemsConfig, ItemsRecipe
from training.models.repurchase import RepurchaseConfig, RepurchaseRecipe
from training.models.return_hazard import ReturnHazardConfig, ReturnHazardRecipe
from training.models.value import ValueRecipe
from training.recipe import Evaluation, Recipe, TrainingData

Part = Callable[[str], AbstractContextManager[None]]
_RUN = "benchmark000"


def recipes(settings: FeatureSettings, warehouse: Warehouse, size: ShopSize) -> list[Recipe]:
    """The recipes as `huitou train` runs them, but for how many rows and trees: what a request costs depends on the trees alone."""
    given = tuple(MerchantBundle(**asdict(one)) for one in merchant_sets(warehouse, settings.data_dir))
    hazard = ReturnHazardConfig(max_snapshots=size.snapshots)
    channel = ChannelChurnConfig(max_snapshots=size.snapshots, rounds=size.rounds)
    repurchase = RepurchaseConfig()
    if size.small:
        hazard = hazard.model_copy(update={"rounds": size.rounds})
        repurchase = repurchase.model_copy(update={"rounds": size.rounds, "training_dates": 2})
    return [
        ReturnHazardRecipe(hazard),
        ValueRecipe(),
        RepurchaseRecipe(repurchase),
        ItemsRecipe(ItemsConfig(min_customers=2)),
        BundlesRecipe(BundlesConfig(merchant_bundles=given, min_customers=2)),
        ChannelChurnRecipe(channel),
    ]


def fit_models(settings: FeatureSettings, warehouse: Warehouse, size: ShopSize, part: Part) -> None:
    """Fit on everything and make each model the champion.

    Raises:
        TooLittleHistory: the shop is too small for one of them.
    """
    data = TrainingData(settings, warehouse, warehouse.last_event)
    for recipe in recipes(settings, warehouse, size):
        with part(f"fit {recipe.name}"):
            folder = settings.data_dir / "fitted" / recipe.name
            recipe.refit(data, folder, _unjudged(recipe.name))
            promote(settings.data_dir, recipe.name, folder)
    shutil.rmtree(settings.data_dir / "fitted")


def promote(data_dir: Path, name: str, folder: Path) -> None:
    """Install an artifact as the champion."""
    ref = VersionRef(version="1", run_id=_RUN)
    local_models.install(data_dir, name, ref, folder)
    local_models.promote(data_dir, name, ref, promoted_at=datetime(2025, 1, 1, tzinfo=UTC))


def _unjudged(name: str) -> Evaluation:
    """What a refit reads of an evaluation: the settings it would have chosen; here the shipped ones."""
    chosen = {"items": AlsSettings(), "bundles": StackSettings()}.get(name)
    return Evaluation(
        name=name, protocol="Not judged: a benchmark's model.", rows=0, metrics={}, parameters={} if chosen is None else chosen.model_dump()
    )
