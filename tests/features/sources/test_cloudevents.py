from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.ledger.events import Event
from features.sources.cloudevents import read_cloud_event
from features.sources.incoming import Refused
from tests.features.sources.test_incoming import JSON

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "42",
    "source": "/shop/web",
    "type": "com.shop.product_viewed",
    "subject": "c1",
    "time": "2026-02-01T10:00:00Z",
    "datacontenttype": "application/json",
    "data": {"product_id": "p1"},
}


def read(**changed: Any) -> Event:
    return read_cloud_event({**TOLD, **changed}, now=NOW).event


def test_source_and_id_together_are_the_message() -> None:
    event = read()
    assert (event.message_id, event.kind, event.recorded_as, event.source) == ("/shop/web#42", "product_viewed", "c1", "cloudevents")
    assert event.occurred_at == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert read(source="/shop/app").message_id != event.message_id
    assert read(time=None).occurred_at == NOW


def test_a_long_id_is_kept_as_its_hash() -> None:
    long = read(id="x" * 500)
    assert len(long.message_id) == 64
    assert long.message_id == read(id="x" * 500).message_id != read(id="x" * 499).message_id


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("product_viewed", "product_viewed"),
        ("Product Viewed", "product_viewed"),
        ("cn.shop.Product Viewed", "product_viewed"),
        ("cn.shop.v2", "other"),
        ("com.shop.", "other"),
    ],
)
def test_types(name: str, kind: str) -> None:
    event = read(type=name)
    assert event.kind == kind
    assert ("event" in json.loads(event.properties)) == (kind == "other")


def test_an_anonymous_subject_and_no_data() -> None:
    event = read(type="cart_viewed", subject="anonymous:d1", data=None)
    assert (event.recorded_as, event.properties) == ("anonymous:d1", "{}")


def test_a_segment_envelope_may_travel_inside() -> None:
    inner = {"type": "track", "event": "Cart Viewed", "messageId": "m7", "userId": "c2"}
    event = read(subject=None, data=inner)
    assert (event.message_id, event.recorded_as, event.kind, event.source) == ("m7", "c2", "cart_viewed", "segment")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": "a\0"}, "id"),
        ({"id": "\udfff"}, "id"),
        ({"id": "x" * 10_000}, "id"),
        ({"source": "a\nb"}, "source"),
        ({"type": ""}, "type"),
        ({"subject": None}, "subject"),
        ({"time": "2026-02-01T10:00:00"}, "time"),  # RFC 3339 demands a zone
        ({"time": "1970-01-01T00:00:00Z"}, "timestamp"),
        ({"data": "text"}, "data"),
        ({"data": None, "data_base64": "AAAA"}, "data_base64"),
        ({"data": {}}, "properties.product_id"),
        ({"type": "x\0y"}, "properties"),
    ],
)
def test_an_event_that_cannot_be_kept_names_its_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        read(**changed)
    assert refused.value.field == field


def answer(told: Any) -> tuple[str, ...]:
    try:
        return (read_cloud_event(told, now=NOW).event.message_id,)
    except Refused as refused:
        return refused.field, refused.reason


@given(st.dictionaries(st.sampled_from(sorted(TOLD)), JSON) | JSON)
def test_whatever_comes_is_read_or_refused(raw: Any) -> None:
    for told in (raw, {**TOLD, **raw} if isinstance(raw, dict) else raw):
        assert all(answer(told))
