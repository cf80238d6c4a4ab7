"""What the survey says of a model is what training it then does, in the same words, on shops of every kind and length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.conftest import import_shop
from tests.shop import START, Tables, sample_tables
from tests.training import shop_of_tastes
from tests.training.conftest import SMALL
from tests.training.seeded_shop import build_customer_views
from tests.training.test_pipeline import LocalRegistry, Log
from training import pipeline
from training.allowances import customer_sample
from training.allowances.allowance import Allowance
from training.allowances.survey import allowances
from training.models.als import AlsSettings
from training.models.bundle_stack import StackSettings
from training.models.bundles import BundlesConfig, BundlesRecipe
from training.models.channel_churn import ChannelChurnConfig, ChannelChurnRecipe
from training.models.items import ItemsConfig, ItemsRecipe
from training.models.offer_effect import OfferEffectRecipe
from training.models.repurchase import RepurchaseConfig, RepurchaseRecipe
from training.models.return_hazard import ReturnHazardRecipe
from training.models.trees import TreeConfig
from training.models.value import ValueRecipe
from training.models.value_fit import ValueConfig
from training.pipeline import MODELS
from training.recipe import Recipe, TrainingData

# The rules are the default ones; the fits behind them are as small as they can be.
RECIPES: dict[str, Recipe] = {
    "return_hazard": ReturnHazardRecipe(SMALL.model_copy(update={"rounds": 2})),
    "value": ValueRecipe(ValueConfig(rounds=2, hazard=TreeConfig(rounds=2, min_data_in_leaf=20), simulated_customers=10, paths=1)),
    "repurchase": RepurchaseRecipe(RepurchaseConfig(rounds=2, excluded_categories=frozenset(["GIFT CARDS"]))),
    "items": ItemsRecipe(ItemsConfig(grid=(AlsSettings(factors=4, iterations=1),))),
    "bundles": BundlesRecipe(BundlesConfig(grid=(StackSettings(factors=4, iterations=1),), min_customers=5)),
    "channel_churn": ChannelChurnRecipe(ChannelChurnConfig(rounds=2, min_data_in_leaf=20)),
    "offer_effect": OfferEffectRecipe(),
}


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "recipe", lambda name, _: RECIPES[name])


def opened(folder: Path, tables: Tables, now: datetime | None = None) -> TrainingData:
    settings = import_shop(folder / "data", tables)
    warehouse = open_warehouse(settings)
    return TrainingData(settings, warehouse, now or warehouse.last_event)


def said_and_done(data: TrainingData) -> tuple[dict[str, tuple[bool, str]], dict[str, tuple[bool, str]]]:
    """Model → whether it is trained and why not: as the survey says, and as training does."""
    said = {a.model: (a.allowed, a.reason) for a in allowances(data)}
    build_customer_views(data.settings, data.warehouse, data.now)
    done = pipeline.train(MODELS, data, LocalRegistry(data), Log())
    return said, {result.name: (result.version is not None, result.reason) for result in done}


def without(table: str) -> Callable[[Tables], Tables]:
    return lambda tables: {**tables, table: tables[table].clear()}


def uncategorised(tables: Tables) -> Tables:
    return {**tables, "products": tables["products"].with_columns(product_category=pl.lit(None, dtype=pl.String))}


def orders_only(tables: Tables) -> Tables:
    return {**{name: frame.clear() for name, frame in tables.items()}, "orders": tables["orders"]}


def asleep(tables: Tables) -> Tables:
    """Nobody known has bought for a month; the anonymous go on."""
    late = pl.col("ordered_at") > START + timedelta(weeks=35)
    nobody = pl.when(late).then(None).otherwise(pl.col("customer_id")).alias("customer_id")
    return {**tables, "orders": tables["orders"].with_columns(nobody), "order_lines": tables["order_lines"].with_columns(nobody)}


def bought_once(tables: Tables) -> Tables:
    firsts = tables["orders"].drop_nulls("customer_id").unique("customer_id", keep="first", maintain_order=True)
    lines = tables["order_lines"].join(firsts, on="order_id", how="semi")
    return {**tables, "orders": firsts, "order_lines": lines}


@pytest.mark.parametrize(
    ("weeks", "trained"),
    [(6, set()), (12, set()), (20, set(MODELS) - {"channel_churn", "offer_effect"}), (40, set(MODELS) - {"offer_effect"})],
)
def test_the_sample_shop_cut_short(tmp_path: Path, shop_tables: Tables, weeks: int, trained: set[str]) -> None:
    data = opened(tmp_path, shop_tables, START + timedelta(weeks=weeks))
    said, done = said_and_done(data)
    assert said == done
    assert {name for name, (allowed, _) in done.items() if allowed} == trained


@pytest.mark.parametrize("change", [without("products"), orders_only, without("order_lines"), asleep, bought_once])
def test_the_sample_shop_without_something(tmp_path: Path, shop_tables: Tables, change: Callable[[Tables], Tables]) -> None:
    said, done = said_and_done(opened(tmp_path, change(shop_tables)))
    assert said == done
    assert all(allowed for name, (allowed, _) in done.items() if name != "offer_effect") == (change is uncategorised)


def test_a_shop_without_categories_is_allowed_everything(tmp_path: Path, shop_tables: Tables) -> None:
    said, done = said_and_done(opened(tmp_path, uncategorised(shop_tables)))
    assert said == done
    assert all(allowed for name, (allowed, _) in done.items() if name != "offer_effect")


def test_a_shop_of_few(tmp_path: Path) -> None:
    said, done = said_and_done(opened(tmp_path, sample_tables(customers=6, weeks=30)))
    assert said == done
    assert not any(allowed for allowed, _ in done.values())


@pytest.mark.parametrize(("customers", "weeks"), [(80, 20), (80, 13), (8, 13), (3, 13)])
def test_a_shop_with_bundles(tmp_path: Path, customers: int, weeks: int) -> None:
    warehouse = shop_of_tastes.write_lines(tmp_path / "data", shop_of_tastes.draw_lines(customers=customers, weeks=weeks))
    said, done = said_and_done(shop_of_tastes.data_of(warehouse))
    assert said == done
    assert done["bundles"][0] == (customers == 80)


def test_a_look_at_some_customers_says_what_the_whole_shop_says(
    tmp_path: Path, shop_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opened(tmp_path, shop_tables)
    whole = [replace(shop, now=START + timedelta(weeks=weeks)) for weeks in (12, 20, 40)]
    exact = [allowances(data) for data in whole]
    monkeypatch.setattr(customer_sample, "_SAMPLE", 60)
    with customer_sample.customer_sample(whole[0]) as some:
        assert some is not None
        assert 60 <= some.warehouse.read("orders")["customer_id"].n_unique() < 100
        assert some.warehouse.read("order_lines").height > 0
    assert [allowances(data) for data in whole] == exact


def test_a_history_without_orders_allows_nothing(tmp_path: Path, shop_tables: Tables) -> None:
    empty = {name: frame.clear() for name, frame in shop_tables.items()} | {"products": shop_tables["products"]}
    warehouse = open_warehouse(import_shop(tmp_path / "data", empty))
    data = TrainingData(FeatureSettings(data_dir=tmp_path / "data"), warehouse, START)
    for allowance in allowances(data):
        assert not allowance.allowed
        assert "holds no order" in allowance.reason
        assert (allowance.horizons, allowance.judged, allowance.more_weeks) == ((), (), None)


def found(data: TrainingData, model: str) -> Allowance:
    (allowance,) = allowances(data, [model])
    return allowance


def test_the_weeks_said_to_be_missing_are_enough_and_one_less_is_not(tmp_path: Path, shop_tables: Tables) -> None:
    data = opened(tmp_path, shop_tables, START + timedelta(weeks=6))
    for model in ("return_hazard", "value", "repurchase", "items", "bundles"):
        short = found(data, model)
        assert short.more_weeks is not None
        assert short.more_weeks > 0
        later = [found(replace(data, now=data.now + timedelta(weeks=short.more_weeks - k)), model) for k in (0, 1)]
        assert [a.more_weeks for a in later] == [0, 1]
        assert all("weeks" in a.reason or "covers" in a.reason for a in (short, later[1]))


def test_every_horizon_says_when_its_labels_close(tmp_path: Path, shop_tables: Tables) -> None:
    data = opened(tmp_path, shop_tables, START + timedelta(weeks=20))
    allowance = found(data, "return_hazard")
    horizons = {h.days: h for h in allowance.horizons}
    assert {14, 28, 56, 91} < {*horizons, 0} | {14}
    for horizon in horizons.values():
        assert all(date + timedelta(days=horizon.days) <= data.now for date in horizon.dates)
        assert (horizon.more_weeks == 0) == bool(horizon.dates)
    assert len(horizons[28].dates) > 0
    assert horizons[91].more_weeks
    closed = found(replace(data, now=data.now + timedelta(weeks=horizons[91].more_weeks)), "return_hazard")
    assert {h.days: len(h.dates) for h in closed.horizons}[91] == 1
    assert set(closed.judged) == {date for h in closed.horizons for date in h.dates}


def test_the_measured_horizons_are_those_that_training_measures(tmp_path: Path) -> None:
    data = opened(tmp_path, sample_tables(customers=700, weeks=24))
    said = {h.days for h in found(data, "return_hazard").horizons if h.measured}
    build_customer_views(data.settings, data.warehouse, data.now)
    evaluation = RECIPES["return_hazard"].evaluate(data, tmp_path / "judged")
    measured = {days for days in (14, 28, 56, 91) if f"auc_{days}d" in evaluation.metrics}
    assert measured == said & {14, 28, 56, 91}
    assert measured < {14, 28, 56, 91}
