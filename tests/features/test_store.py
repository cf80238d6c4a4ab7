"""The request path reads Feast's rows itself; Feast's own serializers say whether it reads them right."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import StateBroken, StateMissing
from features.feature_sets import CATEGORY, CUSTOMER, RECENT
from features.packing import Block
from features.store import DATABASE, SqliteCustomerReader, bytes_value, entity_key, unpack_customer
from tests.conftest import SampleBuild
from tests.shop import EDGE, IDLE, STRANGER

WHEN = datetime(2024, 1, 1, tzinfo=UTC)


@given(customer=st.text(max_size=40))
def test_the_entity_key_is_feasts_own(customer: str) -> None:
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    message = EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=customer)])
    assert entity_key(customer) == serialize_entity_key(message, entity_key_serialization_version=3)


@given(data=st.binary(max_size=300) | st.integers(1, 5).map(lambda n: b"x" * 10**n))
def test_the_bytes_inside_a_value_are_feasts_own(data: bytes) -> None:
    from feast.protos.feast.types.Value_pb2 import Value

    message = Value(bytes_val=data).SerializeToString()
    assert bytes_value(message) == data
    for size in {0, 1, len(message) // 2, len(message) - 1}:
        with pytest.raises(StateBroken):
            bytes_value(message[:size])


def test_a_value_of_another_type_is_refused() -> None:
    from feast.protos.feast.types.Value_pb2 import Value

    with pytest.raises(StateBroken, match="not packed bytes"):
        bytes_value(Value(double_val=1.0).SerializeToString())


@pytest.mark.parametrize("customer", ["nobody", IDLE, "", "c' OR 1=1 --", "\0", "很长" * 5_000])
def test_an_unknown_customer_is_none(customer: str, sample_build: SampleBuild) -> None:
    reader = sample_build.reader
    assert reader.read(customer) is None
    reader.close()


def test_every_customer_who_ordered_is_known(sample_build: SampleBuild) -> None:
    reader = sample_build.reader
    expected = sample_build.warehouse.read("orders")["customer_id"].drop_nulls().unique().sort().to_list()
    assert reader.customer_ids() == expected
    assert {EDGE, STRANGER} < set(expected)
    found = reader.read(EDGE)
    assert found is not None
    assert found.value("order_count") == 5
    reader.close()


def test_many_threads_read_the_same(sample_build: SampleBuild) -> None:
    reader = sample_build.reader
    ids = reader.customer_ids() * 3
    with ThreadPoolExecutor(8) as pool:
        vectors = [found.vector for found in pool.map(reader.read, ids) if found is not None]
    assert len(vectors) == len(ids)
    np.testing.assert_array_equal(vectors[: len(ids) // 3], vectors[-len(ids) // 3 :])
    reader.close()


def test_no_store_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(StateMissing, match="huitou build"):
        SqliteCustomerReader(tmp_path)


def test_a_damaged_store_is_told(sample_build: SampleBuild, tmp_path: Path) -> None:
    shutil.copyfile(sample_build.built.online / DATABASE, tmp_path / DATABASE)
    with (tmp_path / DATABASE).open("r+b") as file:
        file.write(b"\xff" * 4096)
    reader = SqliteCustomerReader(tmp_path)
    with pytest.raises(StateBroken, match="cannot be read"):
        reader.read(EDGE)
    with pytest.raises(StateBroken, match="huitou build --force"):
        reader.customer_ids()
    reader.close()


def test_a_row_that_lost_a_feature_is_told(sample_build: SampleBuild, tmp_path: Path) -> None:
    shutil.copyfile(sample_build.built.online / DATABASE, tmp_path / DATABASE)
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("DELETE FROM huitou_customer_online WHERE feature_name = 'recent'")
    database.commit()
    database.close()
    reader = SqliteCustomerReader(tmp_path)
    with pytest.raises(StateBroken, match=f"{EDGE} lacks recent"):
        reader.read(EDGE)
    reader.close()


def test_a_row_of_another_feature_set_is_refused() -> None:
    blobs = {
        "vector": Block("0" * 16, WHEN, ("",), np.zeros((1, len(CUSTOMER.columns)))).pack(),
        "categories": Block(CATEGORY.hash, WHEN, (), np.empty((0, len(CATEGORY.columns)))).pack(),
        "recent": Block(RECENT.hash, WHEN, ("",), np.zeros((1, 2))).pack(),
    }
    with pytest.raises(StateBroken, match=f"expected {CUSTOMER.hash}"):
        unpack_customer("c", blobs)
    blobs["vector"] = Block(CUSTOMER.hash, WHEN, ("",), np.zeros((1, len(CUSTOMER.columns)))).pack()
    assert len(unpack_customer("c", blobs).recent) == 0
