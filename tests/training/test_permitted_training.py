"""Nothing is learned from whoever did not agree to profiling, or no longer does: no row, no label, no id."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.import_consent import ImportConsent
from features.ledger import consents
from features.ledger.consents import ANY, State, Statement
from features.ledger.ledger import open_ledger
from features.offline import open_offline
from features.schema import TABLES
from features.settings import FeatureSettings
from features.warehouse import Warehouse, current_warehouse, write_warehouse
from tests.training.conftest import SMALL, BuiltShop, built
from tests.training.seeded_shop import arrivals, build_customer_views
from training.datasets.baskets import read_baskets
from training.datasets.interactions import build_interactions
from training.datasets.order_periods import OrderDays
from training.datasets.weekly_snapshots import weekly_snapshots
from training.models.return_hazard import ReturnHazardRecipe
from training.recipe import TrainingData

TINY = SMALL.model_copy(update={"rounds": 5, "max_lead": 1})
TIMES = arrivals(customers=120)
EVERYBODY = sorted({customer for customer, _ in TIMES})
REFUSED = frozenset(EVERYBODY[::3])  # h0000, whose order is the shop's first, among them
_LATER = datetime(2100, 1, 1, tzinfo=UTC)  # of a statement; what was stated last counts


def withdraw(settings: FeatureSettings, customers: Iterable[str]) -> None:
    ledger = open_ledger(settings)
    with ledger.database.writing() as connection:
        consents.state(connection, [Statement(c, consents.Purpose.PROFILING, ANY, State.WITHDRAWN, _LATER, "test") for c in customers])
    ledger.close()


def data_of(settings: FeatureSettings) -> TrainingData:
    warehouse = current_warehouse(settings)
    return TrainingData(settings, warehouse, warehouse.last_event)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> BuiltShop:
    """A third of the customers withdrew after the history was put together and the features were built."""
    shop = built(tmp_path_factory.mktemp("refusing"), TIMES)
    assert set(shop.features["customer_id"]) >= REFUSED
    withdraw(shop.settings, REFUSED)
    return shop


@pytest.fixture(scope="module")
def nobodys(refusing: BuiltShop, tmp_path_factory: pytest.TempPathFactory) -> BuiltShop:
    """The same shop, had the same customers never had an id in its books."""
    imported = {table.name: pl.read_parquet(next(refusing.settings.imported_dir.glob(f"v-*/{table.name}.parquet"))) for table in TABLES}
    refused = pl.col("customer_id").is_in(list(REFUSED)).fill_null(value=False)
    for table in TABLES:
        if "customer_id" in table.required:
            imported[table.name] = imported[table.name].filter(~refused)
        elif "customer_id" in table.columns:
            imported[table.name] = imported[table.name].with_columns(pl.when(~refused).then(pl.col("customer_id")).alias("customer_id"))
    folder = tmp_path_factory.mktemp("nobodys")
    settings = FeatureSettings(data_dir=folder, threads=1)
    shutil.copyfile(refusing.settings.data_dir / ASSUMPTIONS_FILE, folder / ASSUMPTIONS_FILE)
    warehouse = write_warehouse(settings, imported, {"source": "seeded", "counts": {}}, "nobodys", consent=ImportConsent.GRANTED)
    return BuiltShop(settings, warehouse, build_customer_views(settings, warehouse))


def people_learned_from(data: TrainingData) -> dict[str, set[str]]:
    """Everybody in each of the datasets that models are made from."""
    warehouse: Warehouse = data.warehouse
    orders = warehouse.read("orders")
    days = OrderDays.of(orders, until=data.now)
    snapshots, _ = weekly_snapshots(data, orders.drop_nulls("customer_id"), time="ordered_at", whole=(), most=10**9)
    products = warehouse.read("products")["product_id"]
    return {
        **{f"table {t.name}": set(warehouse.read(t.name)["customer_id"].drop_nulls()) for t in TABLES if "customer_id" in t.columns},
        "features": set(open_offline(data.settings).keys()["customer_id"]),
        "snapshots": set(snapshots.customer_id.tolist()),
        "order days": set(days.customer_id.tolist()),
        "interactions": set(build_interactions(warehouse, data.now, min_customers=2).customer_ids.tolist()),
        "baskets": set(read_baskets(warehouse, products, after=None, until=data.now).customer_ids.tolist()) - {""},
    }


def test_nobody_who_refused_is_in_any_dataset(refusing: BuiltShop) -> None:
    for name, people in people_learned_from(data_of(refusing.settings)).items():
        assert not people & REFUSED, name
    assert people_learned_from(data_of(refusing.settings))["features"] == set(EVERYBODY) - REFUSED


def test_the_history_is_the_one_in_which_they_were_always_nobody(refusing: BuiltShop, nobodys: BuiltShop) -> None:
    assert current_warehouse(refusing.settings).version == nobodys.warehouse.version


def test_the_model_and_its_evaluation_are_those_of_that_history(refusing: BuiltShop, nobodys: BuiltShop, tmp_path: Path) -> None:
    found = []
    for name, data in (("refusing", data_of(refusing.settings)), ("nobodys", nobodys.data)):
        recipe, folders = ReturnHazardRecipe(TINY), [tmp_path / name / part for part in ("judged", "final")]
        evaluation = recipe.evaluate(data, folders[0])
        recipe.refit(data, folders[1], evaluation)
        files = {path.relative_to(tmp_path / name): path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.txt"))}
        assert files
        found.append((evaluation.model_dump(exclude={"seconds"}), files))
    assert found[0] == found[1]


def test_a_new_build_computes_nothing_of_them(refusing: BuiltShop, tmp_path: Path) -> None:
    settings = FeatureSettings(data_dir=tmp_path / "own", threads=1)  # the other tests read the build from before the withdrawals
    shutil.copytree(refusing.settings.data_dir, settings.data_dir)
    features = build_customer_views(settings, current_warehouse(settings))
    assert set(features["customer_id"]) == set(EVERYBODY) - REFUSED
    files = list(open_offline(settings).folder.glob("*.parquet"))
    assert files
    assert not any(set(pl.read_parquet(path)["customer_id"]) & REFUSED for path in files)
