"""When a build runs again and when it does not; what an earlier clock sees; shops with almost nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl
import pytest

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.build import as_of_dates, build_features, customer_spine
from features.errors import SourceUnreadable, StateMissing, TooLittleHistory
from features.feature_sets import CUSTOMER
from features.offline import OfflineFeatures, open_offline
from features.products import read_products
from features.settings import FeatureSettings
from features.store import SqliteCustomerReader
from features.warehouse import open_warehouse
from tests.conftest import SampleBuild, WriteShop
from tests.features.ground import assert_same
from tests.shop import EDGE, START, STRANGER, TICK, WEEK, sample_tables

Tables = dict[str, pl.DataFrame]


@pytest.fixture
def small(write_shop: WriteShop) -> FeatureSettings:
    return write_shop(sample_tables(customers=15, weeks=8))


def test_an_unchanged_shop_is_not_built_twice(small: FeatureSettings) -> None:
    first, told = build_features(small), list[str]()
    again = build_features(small, progress=told.append)
    assert (first.changed, again.changed) == (True, False)
    assert (again.offline, again.online, again.customers, again.as_of_dates) == (
        first.offline,
        first.online,
        first.customers,
        first.as_of_dates,
    )
    assert told == []
    assert build_features(small, force=True, progress=told.append).changed
    assert any("online" in part for part in told)


def test_a_changed_assumption_builds_again_and_is_served(small: FeatureSettings) -> None:
    build_features(small)
    path = small.data_dir / ASSUMPTIONS_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("default = 0.25", "default = 0.5"), encoding="utf-8")
    built = build_features(small)
    assert built.changed
    assert "default = 0.5" in (built.online / ASSUMPTIONS_FILE).read_text(encoding="utf-8")
    assert {p.margin_rate for p in read_products(built.online).products} == {0.4, 0.5}


def test_an_earlier_clock_sees_less_and_the_same(sample_build: SampleBuild, write_shop: WriteShop, shop_tables: Tables) -> None:
    now = START + WEEK * 12 + timedelta(hours=3, microseconds=1)
    built = build_features(write_shop(shop_tables), now=now)
    early = OfflineFeatures(built.offline)
    for view, _ in CUSTOMER.views:
        frame = early.read(view)
        assert frame["as_of"].max() == now
        shared = frame.filter(pl.col("as_of") < now)
        assert_same(shared, sample_build.offline.read(view).filter(pl.col("as_of") < now), ("customer_id",))
    assert built.customers < sample_build.built.customers
    products = read_products(built.online)
    assert products.as_of == now
    assert [c.offer_id for c in products.coupons] == ["o0"]
    reader = SqliteCustomerReader(built.online)
    found = reader.read(STRANGER)
    assert found is not None
    assert found.as_of == now
    assert found.recent.orders == 4
    reader.close()


def test_a_failed_build_leaves_the_previous_one(small: FeatureSettings) -> None:
    first = build_features(small)

    def fail(part: str) -> None:
        if "packing" in part:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_features(small, force=True, progress=fail)
    again = build_features(small)
    assert (again.changed, again.offline) == (False, first.offline)


def test_as_of_dates_are_weekly_from_the_first_midnight_and_end_now(sample_build: SampleBuild) -> None:
    warehouse, monday = sample_build.warehouse, START
    now = monday + WEEK * 3 + timedelta(hours=1)
    assert as_of_dates(warehouse, now) == [monday + WEEK, monday + WEEK * 2, monday + WEEK * 3, now]
    assert as_of_dates(warehouse, monday + WEEK * 2) == [monday + WEEK, monday + WEEK * 2]
    assert as_of_dates(warehouse, monday + timedelta(hours=1)) == [monday + timedelta(hours=1)]


def test_as_of_dates_of_a_long_history_are_those_of_two_years(sample_build: SampleBuild) -> None:
    now = sample_build.warehouse.first_event.replace(hour=0, minute=0, second=0, microsecond=0) + WEEK * 500
    assert as_of_dates(sample_build.warehouse, now) == [now - WEEK * i for i in reversed(range(104))]


def test_the_spine_begins_with_the_first_order_at_its_very_moment(sample_build: SampleBuild) -> None:
    first = sample_build.warehouse.read("orders").filter(pl.col("customer_id") == EDGE)["ordered_at"].min()
    assert isinstance(first, datetime)
    spine = customer_spine(sample_build.warehouse, [first - TICK, first]).filter(pl.col("customer_id") == EDGE)
    assert spine["as_of"].to_list() == [first]


def test_a_clock_before_the_first_customer_is_too_little(small: FeatureSettings) -> None:
    with pytest.raises(TooLittleHistory, match="later clock"):
        build_features(small, now=START - TICK)
    with pytest.raises(StateMissing, match="huitou build"):
        open_offline(small)


def test_what_an_earlier_step_has_not_made_is_named(
    write_shop: WriteShop, tmp_path_factory: pytest.TempPathFactory, shop_tables: Tables
) -> None:
    with pytest.raises(StateMissing, match="huitou import"):
        build_features(FeatureSettings(data_dir=tmp_path_factory.mktemp("nothing")))
    settings = write_shop(shop_tables)
    (settings.data_dir / ASSUMPTIONS_FILE).unlink()
    with pytest.raises(SourceUnreadable, match="assumptions"):
        build_features(settings)


def _only(tables: Tables, *names: str) -> Tables:
    return {name: frame if name in names else frame.clear() for name, frame in tables.items()}


def _one_customer(tables: Tables) -> Tables:
    mine = {n: f.filter(pl.col("customer_id") == EDGE) for n, f in tables.items() if "customer_id" in f.columns}
    return {**_only(tables, "products"), **mine}


LITTLE: dict[str, Callable[[Tables], Tables]] = {
    "three weeks": lambda _: sample_tables(customers=30, weeks=3),
    "one customer": _one_customer,
    "one order": lambda t: {**_one_customer(t), "orders": t["orders"].filter(pl.col("customer_id") == EDGE).head(1)},
    "orders alone": lambda t: _only(t, "orders"),
    "no coupons": lambda t: {**t, **{n: t[n].clear() for n in ("offers", "offer_items", "contacts", "redemptions")}},
    "no categories": lambda t: {**t, "products": t["products"].with_columns(product_category=pl.lit(None, dtype=pl.String))},
    "no customers table": lambda t: {**t, "customers": t["customers"].clear()},
}


@pytest.mark.parametrize("what", LITTLE)
def test_little_history_builds(what: str, write_shop: WriteShop) -> None:
    settings = write_shop(LITTLE[what](sample_tables(customers=20, weeks=6)))
    built = build_features(settings)
    reader = SqliteCustomerReader(built.online)
    ids = reader.customer_ids()
    assert len(ids) == built.customers > 0
    for customer in ids:
        found = reader.read(customer)
        assert found is not None
        assert found.value("order_count") >= 1
        assert found.category_features.shape[0] == len(found.categories)
    reader.close()


def test_orders_without_any_customer_are_too_little(write_shop: WriteShop) -> None:
    tables = sample_tables(customers=5, weeks=3)
    anonymous = {n: tables[n].with_columns(customer_id=pl.lit(None, dtype=pl.String)) for n in ("orders", "order_lines")}
    settings = write_shop({**tables, **anonymous})
    with pytest.raises(TooLittleHistory, match="No customer who consents to profiling had ordered"):
        build_features(settings)
    assert open_warehouse(settings).read("orders")["customer_id"].null_count() > 0
