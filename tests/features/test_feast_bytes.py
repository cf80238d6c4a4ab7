"""Keys, values and names are Feast's own: its own serializers say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import StateBroken
from features.feast_bytes import VIEW, bytes_value, entity_key, feast_stamp, feast_value, redis_field


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
    assert feast_value(data) == message
    assert bytes_value(message) == data
    for size in {0, 1, len(message) // 2, len(message) - 1}:
        with pytest.raises(StateBroken):
            bytes_value(message[:size])


def test_a_value_of_another_type_is_refused() -> None:
    from feast.protos.feast.types.Value_pb2 import Value

    with pytest.raises(StateBroken, match="not packed bytes"):
        bytes_value(Value(double_val=1.0).SerializeToString())


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 16_384, 70_000])
def test_a_value_reads_back_whatever_its_length(length: int) -> None:
    assert bytes_value(feast_value(b"x" * length)) == b"x" * length


@given(feature=st.text(max_size=20))
def test_the_name_of_a_field_is_feasts_own(feature: str) -> None:
    from feast.infra.online_stores.helpers import _mmh3

    assert redis_field(feature) == _mmh3(f"{VIEW}:{feature}")


@given(at=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_the_stamp_of_a_row_is_protobufs_own(at: datetime) -> None:
    from google.protobuf.timestamp_pb2 import Timestamp

    expected = Timestamp()
    expected.FromDatetime(at)
    assert feast_stamp(at) == expected.SerializeToString()
