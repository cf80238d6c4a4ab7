from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.ledger.facts import Traits
from features.ledger.kinds import BY_NAME, KINDS, LEAVING
from features.sources.incoming import AHEAD, MOST_BYTES, OLDEST, Refused, in_utc, kind_of, make_event, packed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=12,
)


def make(at: datetime = NOW, properties: dict[str, Any] | None = None, kind: str | None = None) -> str:
    told = make_event(
        message_id="m",
        kind=None if kind is None else BY_NAME[kind],
        recorded_as="c",
        occurred_at=at,
        source="test",
        properties=properties or {},
        now=NOW,
    )
    return told.kind


def holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(holds_nul(part) for part in (*value, *value.values()))
    return any(map(holds_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=4))
def test_properties_are_kept_as_sent_or_refused_with_a_reason(properties: dict[str, Any]) -> None:
    if holds_nul(properties):
        with pytest.raises(Refused, match=r"U\+0000"):
            packed(properties)
    else:
        assert json.loads(packed(properties).encode("utf-8")) == properties


@pytest.mark.parametrize("kept", [r"\u0000", "\\", r"\\u0000", "a\\u0000b\\", "\u0001"])
def test_a_backslash_that_the_sender_meant_is_no_nul(kept: str) -> None:
    assert json.loads(packed({"text": kept, kept: 1}))["text"] == kept


@pytest.mark.parametrize("refused", [{"a": "\0"}, {"\0": 1}, {"a": ["x", {"b": "\\\0"}]}, {"a": "\\\\\0"}])
def test_a_nul_is_refused_wherever_it_hides(refused: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"U\+0000"):
        packed(refused)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"x": float("nan")}, "JSON"),
        ({"x": float("inf")}, "JSON"),
        ({"x": "\ud800"}, "JSON"),
        ({"x": "y" * MOST_BYTES}, "bytes"),
        ({"x": "面" * (MOST_BYTES // 3)}, "bytes"),
    ],
)
def test_what_cannot_be_kept_is_refused(properties: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        packed(properties)
    assert refused.value.field == "properties"


@pytest.mark.parametrize(("depth", "kept"), [(19, True), (20, False), (900, False), (100_000, False)])
def test_nesting_has_an_end(depth: int, kept: bool) -> None:
    inner: Any = []
    for _ in range(depth - 1):
        inner = [inner]
    if kept:
        assert json.loads(packed({"x": inner})) == {"x": inner}
    else:
        with pytest.raises(Refused):
            packed({"x": inner})


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_taken_between_the_oldest_shop_and_now(at: datetime) -> None:
    if OLDEST <= at <= NOW + AHEAD:
        assert make(at) == "other"
    else:
        with pytest.raises(Refused) as refused:
            make(at)
        assert refused.value.field == "timestamp"


def test_a_time_at_the_edge_of_the_calendar_is_refused() -> None:
    for edge in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(Refused):
            in_utc(datetime.fromisoformat(edge))
    assert in_utc(datetime.fromisoformat("2026-01-01T08:00:00+08:00")) == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_limits_of_time_themselves_are_inside() -> None:
    assert make(OLDEST) == make(NOW + AHEAD) == "other"
    for beyond in (OLDEST - timedelta(microseconds=1), NOW + AHEAD + timedelta(microseconds=1)):
        with pytest.raises(Refused):
            make(beyond)


def test_every_name_leads_to_one_kind_whatever_its_case() -> None:
    names = [name for kind in KINDS for name in {told.casefold() for told in (*kind.names, kind.name)}]
    assert len(set(names)) == len(names)
    for kind in KINDS:
        for name in (*kind.names, kind.name):
            assert kind_of(f"  {name.upper()} ") is kind
    assert kind_of("Something Else") is None
    assert set(LEAVING) <= set(BY_NAME)


@pytest.mark.parametrize(
    ("kind", "properties", "field"),
    [
        ("order_completed", {}, "properties.order_id"),
        ("order_completed", {"order_id": "1", "products": []}, "properties.products"),
        ("order_completed", {"order_id": "1", "products": [{"product_id": "p", "quantity": 0}]}, "properties.products.0.quantity"),
        ("order_completed", {"order_id": "1", "products": [{"product_id": "p", "price": -1}]}, "properties.products.0.price"),
        ("order_completed", {"order_id": "1", "products": [{"product_id": "p", "price": 10**400}]}, "properties.products.0.price"),
        ("order_completed", {"order_id": "1", "products": [{"product_id": "p"}], "total": "NaN"}, "properties.total"),
        ("order_completed", {"order_id": True, "products": [{"product_id": "p"}]}, "properties.order_id"),
        ("product_viewed", {"product_id": ""}, "properties.product_id"),
        ("product_viewed", {"product_id": "a\nb"}, "properties.product_id"),
        ("product_viewed", {"product_id": "x" * 129}, "properties.product_id"),
        ("product_viewed", {"product_id": 1.5}, "properties.product_id"),
        ("nps_answered", {"score": 11}, "properties.score"),
        ("tag_added", {}, "properties.tag"),
        ("life_stage_stated", {"child_age_band": "2"}, "properties.child_age_band"),
        ("unsubscribed", {"channel": "E-Mail!"}, "properties.channel"),
        ("identified", {"birthday": "3 May"}, "properties.birthday"),
        ("identified", {"birthday": "1990-01-01T16:00:00.000Z"}, "properties.birthday"),
        ("identified", {"birthday": "1990-01-02T"}, "properties.birthday"),
    ],
)
def test_what_an_event_must_say_is_named_when_it_does_not(kind: str, properties: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        make(properties=properties, kind=kind)
    assert refused.value.field == field
    assert refused.value.reason


@pytest.mark.parametrize(
    "told", ["1990-01-02T00:00:00Z", "1990-01-02T00:00:00.000Z", "1990-01-02T00:00:00+08:00", "1990-01-02 00:00", "1990-01-02"]
)
def test_a_birthday_told_as_midnight_is_that_date(told: str) -> None:
    assert Traits.model_validate({"birthday": told}).birthday == "1990-01-02"


def test_a_birthday_told_at_another_hour_says_what_to_send() -> None:
    with pytest.raises(Refused, match="send the date"):
        make(properties={"birthday": "1990-01-01T16:00:00Z"}, kind="identified")
