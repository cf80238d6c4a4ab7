"""Each recipe under the contract."""

from __future__ import annotations

import pytest

from tests.contracts.recipe_suite import RecipeSuite
from tests.training import shop_of_tastes
from tests.training.conftest import SMALL, BuiltShop
from tests.training.cycle_shop import NO_MERCHANDISE, baskets, write_baskets
from training.artifacts.bundles import BundleModel
from training.artifacts.items import ItemModel
from training.artifacts.repurchase import RepurchaseModel
from training.artifacts.return_hazard import ReturnHazard
from training.models.als import AlsSettings
from training.models.bundle_stack import StackSettings
from training.models.bundles import BundlesConfig, BundlesRecipe
from training.models.frequent_sets import MiningConfig
from training.models.items import ItemsConfig, ItemsRecipe
from training.models.repurchase import RepurchaseConfig, RepurchaseRecipe
from training.models.return_hazard import ReturnHazardRecipe
from training.recipe import Recipe, TrainingData


def tastes(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return shop_of_tastes.data_of(shop_of_tastes.write_lines(tmp_path_factory.mktemp("tastes"), shop_of_tastes.draw_lines()))


class TestReturnHazard(RecipeSuite):
    artifact = ReturnHazard

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        return ReturnHazardRecipe(SMALL)

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, shop: BuiltShop) -> TrainingData:
        return shop.data


class TestRepurchase(RecipeSuite):
    artifact = RepurchaseModel

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        excluded = frozenset([NO_MERCHANDISE])
        config = RepurchaseConfig(
            rounds=20, min_data_in_leaf=40, pair_share=0.6, training_dates=5, max_lead=6, excluded_categories=excluded
        )
        return RepurchaseRecipe(config)

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
        settings, warehouse = write_baskets(tmp_path_factory.mktemp("cycles"), baskets(90, 36))
        return TrainingData(settings, warehouse, warehouse.last_event)


class TestItems(RecipeSuite):
    artifact = ItemModel

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        return ItemsRecipe(ItemsConfig(min_customers=2, grid=(AlsSettings(factors=8, regularization=1.0, alpha=5.0),)))

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
        return tastes(tmp_path_factory)


class TestBundles(RecipeSuite):
    artifact = BundleModel

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        mining = MiningConfig(min_orders=20, min_lift=1.9, min_season_lift=1.1)
        return BundlesRecipe(BundlesConfig(mining=mining, min_customers=2, grid=(StackSettings(factors=8, regularization=10.0),)))

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
        return tastes(tmp_path_factory)
