"""The seeded shop with its features and a fitted model, made once a session and read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.training.seeded_shop import arrivals, build_customer_views, write_shop
from training.artifacts.return_hazard import ReturnHazard
from training.datasets.hazard_rows import Snapshots
from training.models.return_hazard import ReturnHazardConfig, ReturnHazardRecipe
from training.recipe import Evaluation, TrainingData

# Few and small trees: fast, and enough to rank the seeded shop's customers.
SMALL = ReturnHazardConfig(rounds=30, min_data_in_leaf=20, learning_rate=0.1, max_lead=4)


@dataclass(frozen=True)
class BuiltShop:
    """A shop with its features."""

    settings: FeatureSettings
    warehouse: Warehouse
    features: pl.DataFrame

    @property
    def data(self) -> TrainingData:
        """What a recipe reads."""
        return TrainingData(self.settings, self.warehouse, self.warehouse.last_event)

    @property
    def snapshots(self) -> Snapshots:
        """What the hazard is learned from."""
        return Snapshots.from_frames(self.features, self.warehouse.read("orders"))


@dataclass(frozen=True)
class FittedHazard:
    """A judged fit and the refit that would serve."""

    judged: Path
    final: Path
    evaluation: Evaluation
    model: ReturnHazard


def built(data_dir: Path, times: list[tuple[str, datetime]], *, bare: bool = False, now: datetime | None = None) -> BuiltShop:
    """Write a shop and build its customer features."""
    settings, warehouse = write_shop(data_dir, times, bare=bare)
    return BuiltShop(settings, warehouse, build_customer_views(settings, warehouse, now))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> BuiltShop:
    return built(tmp_path_factory.mktemp("shop"), arrivals())


@pytest.fixture(scope="session")
def hazard(shop: BuiltShop, tmp_path_factory: pytest.TempPathFactory) -> FittedHazard:
    folder = tmp_path_factory.mktemp("hazard")
    recipe = ReturnHazardRecipe(SMALL)
    evaluation = recipe.evaluate(shop.data, folder / "judged")
    recipe.refit(shop.data, folder / "final", evaluation)
    return FittedHazard(folder / "judged", folder / "final", evaluation, ReturnHazard.load(folder / "final"))
