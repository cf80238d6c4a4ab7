"""The request path reads Feast's rows itself; Feast's own serializers say whether it reads them right."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import StateBroken
from features.feature_sets import CATEGORY, CUSTOMER, RECENT
from features.packing import Block
from features.store import DATABASE, SqliteCustomerReader, bytes_value, entity_key, unpack_customer
from tests.conftest import SampleBuild
from tests.contracts.reader_suite import CustomerReaderSuite
from tests.shop import EDGE

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


class TestSqlite(CustomerReaderSuite):
    adapter = SqliteCustomerReader

    @pytest.fixture
    def folder(self, sample_build: SampleBuild, tmp_path: Path) -> Path:
        shutil.copyfile(sample_build.built.online / DATABASE, tmp_path / DATABASE)
        return tmp_path

    def damage(self, folder: Path) -> None:
        with (folder / DATABASE).open("r+b") as file:
            file.write(b"\xff" * 4096)


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
