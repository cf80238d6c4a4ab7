"""What is read online equals the offline build at the same as-of date: every feature, every customer, by our reader and by Feast."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from feast import FeatureStore

from features.customer_facts import NOTHING_TOLD, facts_told
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.feast_bytes import VIEW
from features.feast_repo.repo import PACKED, open_store
from features.feature_sets import CATEGORY, CUSTOMER
from features.recent_build import from_row, recent_purchases
from features.schema import CONTACT_FACTS
from features.store import CustomerFeatures, unpack_customer
from features.tags_build import newest_tags
from tests.conftest import SampleBuild
from tests.shop import EDGE, EXCLUDED, IDLE, STRANGER

Read = Callable[[list[str]], list[CustomerFeatures | None]]


def _ours(sample: SampleBuild) -> Read:
    reader = sample.reader
    return lambda customers: [reader.read(customer) for customer in customers]


def _feasts(sample: SampleBuild) -> Read:
    store: FeatureStore = open_store(sample.built.online)

    def read(customers: list[str]) -> list[CustomerFeatures | None]:
        answer = store.get_online_features(
            features=[f"{VIEW}:{name}" for name in PACKED], entity_rows=[{"customer_id": c} for c in customers]
        ).to_dict()
        rows = [{name: answer[name][i] for name in PACKED} for i in range(len(customers))]
        return [None if blobs["vector"] is None else unpack_customer(c, blobs) for c, blobs in zip(customers, rows, strict=True)]

    return read


@pytest.fixture(params=[_ours, _feasts], ids=["our reader", "feast"])
def read(request: pytest.FixtureRequest, sample_build: SampleBuild) -> Read:
    made: Read = request.param(sample_build)
    return made


def test_every_feature_of_every_customer_equals_the_offline_build(read: Read, sample_build: SampleBuild) -> None:
    now = sample_build.warehouse.last_event
    expected = sample_build.offline.feature_set(CUSTOMER, [now])
    assert expected.height == sample_build.built.customers
    found = read(expected["customer_id"].to_list())
    matrix = expected.select(CUSTOMER.columns).to_numpy()
    # The comparison means something only when nulls and values both occur.
    assert np.isnan(matrix).any()
    assert (~np.isnan(matrix)).any(axis=0).all()
    for row, customer in zip(matrix, found, strict=True):
        assert customer is not None
        assert customer.as_of == now
        np.testing.assert_array_equal(customer.vector, row, err_msg=customer.customer_id)


def test_every_category_of_every_customer_equals_the_offline_build(read: Read, sample_build: SampleBuild) -> None:
    offline = sample_build.offline.read("category_cycle")
    assert set(offline["as_of"]) == {sample_build.warehouse.last_event}
    customers = sample_build.offline.feature_set(CUSTOMER, [sample_build.warehouse.last_event])["customer_id"].to_list()
    parts = offline.partition_by("customer_id", as_dict=True)
    for customer in read(customers):
        assert customer is not None
        assert EXCLUDED not in customer.categories
        part = parts.get((customer.customer_id,), offline.clear()).sort("product_category")
        bought, looked = part.filter(pl.col("purchase_count") > 0), part.filter(pl.col("purchase_count") == 0)
        assert len(bought) + len(looked) == len(part)
        assert (customer.categories, customer.looked_categories) == (tuple(bought["product_category"]), tuple(looked["product_category"]))
        np.testing.assert_array_equal(customer.category_features, bought.select(CATEGORY.columns).to_numpy())
        np.testing.assert_array_equal(customer.looked_features, looked.select(CATEGORY.columns).to_numpy())
    assert (offline["purchase_count"] == 0).any()  # somebody looked at what they never bought


def test_recent_purchases_of_every_customer_equal_the_offline_ones(read: Read, sample_build: SampleBuild) -> None:
    rows = recent_purchases(sample_build.warehouse.read("order_lines"), sample_build.warehouse.last_event)
    assert rows.height == sample_build.built.customers
    for row, customer in zip(rows.iter_rows(named=True), read(rows["customer_id"].to_list()), strict=True):
        assert customer is not None
        expected = from_row(row)
        np.testing.assert_array_equal(customer.recent.product_ids, expected.product_ids)
        np.testing.assert_array_equal(customer.recent.purchases, expected.purchases)
        np.testing.assert_array_equal(customer.recent.days_since_last, expected.days_since_last)
        assert customer.recent.orders == expected.orders


def test_unknown_customers_among_known_ones_are_none(read: Read) -> None:
    assert [found is None for found in read(["nobody", EDGE, IDLE, STRANGER])] == [True, False, True, False]


def test_a_customer_without_a_profile_has_nans_where_the_profile_stands(read: Read) -> None:
    stranger, edge = read([STRANGER, EDGE])
    assert stranger is not None
    assert edge is not None
    assert np.isnan([stranger.value("age_from"), stranger.value("is_married"), edge.value("income_from")]).all()
    assert edge.value("profile_known") == 0


def test_feasts_training_join_gives_the_offline_rows(sample_build: SampleBuild) -> None:
    views = {view.name: sample_build.offline.read(view.name) for view in CUSTOMER_VIEWS}
    dates: list[datetime] = views["purchasing"]["as_of"].unique().sort().to_list()
    rows = views["purchasing"].filter(pl.col("as_of").is_in([dates[5], dates[-1]])).select("customer_id", "as_of")
    entities = rows.rename({"as_of": "event_timestamp"}).to_pandas()
    names = [f"{name}:{column}" for name, frame in views.items() for column in frame.columns[2:]]
    joined = open_store(sample_build.built.online).get_historical_features(entity_df=entities, features=names).to_df()
    found = pl.from_pandas(joined).rename({"event_timestamp": "as_of"}).with_columns(pl.col("as_of").cast(pl.Datetime("us", "UTC")))
    found = rows.join(found, on=["customer_id", "as_of"], how="left")
    for name, frame in views.items():
        expected = rows.join(frame, on=["customer_id", "as_of"], how="left")
        assert found.select(expected.columns).equals(expected), name


def test_the_newest_tags_of_every_customer_equal_the_offline_ones(read: Read, sample_build: SampleBuild) -> None:
    told = newest_tags(sample_build.warehouse.read("activities"), sample_build.warehouse.last_event)
    customers = sample_build.offline.feature_set(CUSTOMER, [sample_build.warehouse.last_event])["customer_id"].to_list()
    rows = {row["customer_id"]: row for row in told.iter_rows(named=True)}
    assert len(rows) > 10
    for customer in read(customers):
        assert customer is not None
        row = rows.get(customer.customer_id, {"tags": [], "days_since_told": []})
        assert list(customer.tags) == row["tags"]
        assert list(customer.tags.values()) == row["days_since_told"]


def test_the_facts_of_every_customer_are_those_of_the_history(read: Read, sample_build: SampleBuild) -> None:
    told = {row["customer_id"]: row for row in sample_build.warehouse.read("customers").iter_rows(named=True)}
    customers = sample_build.offline.feature_set(CUSTOMER, [sample_build.warehouse.last_event])["customer_id"].to_list()
    found = {c: customer.facts for c, customer in zip(customers, read(customers), strict=True) if customer is not None}
    nothing = dict.fromkeys(CONTACT_FACTS)
    assert found == {c: facts_told(*(told.get(c, nothing)[name] for name in CONTACT_FACTS)) for c in customers}
    assert len({facts for facts in found.values() if facts != NOTHING_TOLD}) > 10
    assert NOTHING_TOLD in found.values()
