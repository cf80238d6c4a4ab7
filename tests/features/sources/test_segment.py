from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources.incoming import Incoming, Refused
from features.sources.segment import read_envelope
from tests.features.sources.test_incoming import JSON

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACK: dict[str, Any] = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "m1",
    "userId": "c1",
    "timestamp": "2026-02-01T10:00:00.123Z",
    "properties": {"product_id": 17, "colour": "red"},
    "context": {"ip": "10.0.0.1", "userAgent": "browser"},
}


def read(**changed: Any) -> Incoming:
    return read_envelope({**TRACK, **changed}, now=NOW)


def test_a_track_message_becomes_an_event_without_its_context() -> None:
    event = read().event
    assert (event.kind, event.recorded_as, event.message_id, event.source) == ("product_viewed", "c1", "m1", "segment")
    assert event.occurred_at == datetime(2026, 2, 1, 10, 0, 0, 123_000, UTC)
    assert json.loads(event.properties) == {"product_id": 17, "colour": "red"}
    assert "10.0.0.1" not in event.properties


def test_a_visitor_is_kept_apart_from_the_shop_s_own_ids() -> None:
    assert read(userId=None, anonymousId="c1").event.recorded_as == "anonymous:c1"
    assert read(userId="c2", anonymousId="c1").event.recorded_as == "c2"
    assert read(userId=17).event.recorded_as == "17"


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-02-01T10:00:00+08:00", datetime(2026, 2, 1, 2, tzinfo=UTC)),
        ("2026-02-01T10:00:00", datetime(2026, 2, 1, 10, tzinfo=UTC)),  # without a zone it is UTC
        ("2026-02-01T10:00:00.5", datetime(2026, 2, 1, 10, 0, 0, 500_000, UTC)),
        ("2026-02-01T10:00:00-02:00", datetime(2026, 2, 1, 12, tzinfo=UTC)),
        (None, NOW),
    ],
)
def test_times(told: str | None, at: datetime) -> None:
    assert read(timestamp=told).event.occurred_at == at


def test_the_original_time_stands_in_for_a_missing_one() -> None:
    assert read(timestamp=None, originalTimestamp="2026-02-02T00:00:00Z").event.occurred_at == datetime(2026, 2, 2, tzinfo=UTC)


def test_an_event_of_another_name_is_kept_with_its_name() -> None:
    event = read(event="Cushion Fluffed", properties=None).event
    assert event.kind == "other"
    assert json.loads(event.properties) == {"event": "Cushion Fluffed"}


def test_identify_keeps_the_traits_and_asks_for_a_link_where_there_are_two_ids() -> None:
    both = read(type="identify", event=None, anonymousId="d1", traits={"birthday": "1990-05-03", "plan": "gold"})
    assert (both.event.kind, both.alias, both.customer_id, both.link_only) == ("identified", "anonymous:d1", "c1", False)
    assert json.loads(both.event.properties) == {"birthday": "1990-05-03", "plan": "gold"}
    assert read(type="identify", event=None).alias is None
    assert read(type="identify", event=None, userId=None, anonymousId="d1").event.recorded_as == "anonymous:d1"


def test_alias_is_a_link_and_an_event_that_holds_no_ids() -> None:
    told = read(type="alias", event=None, previousId="card-9", properties=None)
    assert (told.alias, told.customer_id, told.link_only) == ("card-9", "c1", True)
    assert (told.event.kind, told.event.recorded_as, json.loads(told.event.properties)) == ("other", "c1", {"event": "alias"})
    assert read(type="alias", event=None, anonymousId="d1").alias == "anonymous:d1"


@pytest.mark.parametrize("kind", ["page", "screen", "group"])
def test_pages_and_groups_are_kept(kind: str) -> None:
    event = read(type=kind, event=None, properties={"path": "/"}, traits={"plan": "a"}).event
    assert event.kind == "other"
    assert json.loads(event.properties) == {"event": kind, **({"plan": "a"} if kind == "group" else {"path": "/"})}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"messageId": None}, "messageId"),
        ({"messageId": "x" * 10_000}, "messageId"),
        ({"messageId": "a\0b"}, "messageId"),
        ({"messageId": "a\ud800"}, "messageId"),
        ({"type": "delete"}, "type"),
        ({"event": None}, "event"),
        ({"event": ""}, "event"),
        ({"userId": None}, "userId"),
        ({"userId": "a\nb"}, "userId"),
        ({"userId": ["c1"]}, "userId"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "timestamp"),
        ({"timestamp": "2100-01-01T00:00:00Z"}, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
        ({"timestamp": 10**30}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"properties": []}, "properties"),
        ({"properties": {}}, "properties.product_id"),
        ({"event": "Odd", "properties": {"a": float("nan")}}, "properties"),
        ({"event": "O\0dd"}, "properties"),
        ({"type": "alias", "userId": None}, "userId"),
        ({"type": "alias"}, "previousId"),
    ],
)
def test_a_message_that_cannot_be_kept_names_its_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        read(**changed)
    assert refused.value.field == field


def answer(told: Any) -> tuple[str, ...]:
    try:
        return (read_envelope(told, now=NOW).event.message_id,)
    except Refused as refused:
        return refused.field, refused.reason


@given(st.dictionaries(st.sampled_from(sorted(TRACK)), JSON) | JSON)
def test_whatever_comes_is_read_or_refused(raw: Any) -> None:
    """Nothing else is ever raised: one message must not take the others of its call with it."""
    for told in (raw, {**TRACK, **raw} if isinstance(raw, dict) else raw):
        assert all(answer(told))
