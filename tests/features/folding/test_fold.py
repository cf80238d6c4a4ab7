"""Folding is a pure function of the events in their order, however they are cut into parts."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.folding.fold import FOLDED, Fold, fold, merged
from features.ledger.events import Event
from tests.features.folding.happenings import START, happened, ordered

CUSTOMERS = ("ana", "ben", "anonymous:c")
PRODUCTS = ("tea", "cup", "pot")


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    """Few orders and customers, so that orders come again, under other ids too."""
    found = []
    for number in range(draw(st.integers(0, 25))):
        kind = draw(
            st.sampled_from(
                (
                    "order_completed",
                    "order_completed",
                    "order_refunded",
                    "order_cancelled",
                    "product_viewed",
                    "tag_added",
                    "identified",
                    "message_sent",
                    "other",
                )
            )
        )
        lines = [
            {"product_id": draw(st.sampled_from(PRODUCTS)), "quantity": draw(st.integers(1, 3)), "price": draw(st.integers(0, 9))}
            for _ in range(draw(st.integers(1, 3)))
        ]
        order_id = draw(st.sampled_from(("o1", "o2", "o3")))
        properties = {
            "order_completed": {"order_id": order_id, "products": lines},
            "order_refunded": {"order_id": order_id, "products": lines[:1]},
            "order_cancelled": {"order_id": order_id},
            "product_viewed": {"product_id": lines[0]["product_id"]},
            "tag_added": {"tag": "dry skin"},
            "identified": {"age_band": draw(st.sampled_from(("25-34", "35-44")))} if draw(st.booleans()) else {},
            "message_sent": {"channel": "sms"},
            "other": {},
        }[kind]
        at = START + timedelta(minutes=draw(st.integers(0, 100)))
        found.append(Event(f"m{number}", kind, draw(st.sampled_from(CUSTOMERS)), at, "track", json.dumps(properties)))
    return found


@given(_events(), st.lists(st.integers(0, 25), max_size=6), st.lists(st.integers(0, 25), max_size=6))
def test_folding_in_any_parts_is_folding_at_once(events: list[Event], cuts: list[int], chunks: list[int]) -> None:
    found = fold([])
    for compaction in _parts(events, cuts):
        making = Fold()
        for chunk in _parts(compaction, chunks):
            making.add(chunk)
        found = merged(found, making.tables())

    at_once = fold(events)
    assert set(found) == {table.name for table in FOLDED}
    for name, frame in at_once.items():
        order = ["customer_id"] if name == "customers" else []
        assert_frame_equal(found[name].sort(order) if order else found[name], frame.sort(order) if order else frame)


def _parts(events: list[Event], cuts: list[int]) -> list[list[Event]]:
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    return [events[start:stop] for start, stop in pairwise(edges)]


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 9), st.integers(0, 50)), min_size=1, max_size=5),
    st.none() | st.integers(0, 5000),
    st.integers(0, 100),
)
def test_lines_sum_to_the_order(lines: list[tuple[int, int, int]], total: int | None, discount: int) -> None:
    products = [
        {"product_id": f"p{number}", "price": cents / 100, "quantity": quantity, "discount": off / 100}
        for number, (cents, quantity, off) in enumerate(lines)
    ]
    told = {"products": products, "discount": discount / 100, **({} if total is None else {"total": total / 100})}
    tables = fold([ordered("o1", "ana", 0, **told)])

    order = tables["orders"].row(0, named=True)
    assert tables["order_lines"]["amount"].sum() == pytest.approx(order["amount"])
    own = sum(max(0.0, cents * quantity / 100 - off / 100) for cents, quantity, off in lines)
    assert order["amount"] == pytest.approx(max(0.0, own - discount / 100) if total is None else total / 100)
    assert (tables["order_lines"]["amount"] >= 0).all()
    assert order["line_count"] == len(lines)


def test_an_order_that_comes_again_is_the_newest_whole() -> None:
    first = ordered("o1", "ana", 0)
    again = ordered("o1", "ana", 0, message="again", products=[{"product_id": "pot", "price": 30}])
    tables = fold([first, again])

    assert tables["orders"].select("order_id", "amount", "line_count").rows() == [("o1", 30.0, 1)]
    assert tables["order_lines"]["product_id"].to_list() == ["pot"]


def test_newest_is_the_last_committed_not_the_latest_time() -> None:
    tables = fold([ordered("o1", "ana", 5, message="a", total=7), ordered("o1", "ana", 1, message="b", total=9)])
    assert tables["orders"]["amount"].to_list() == [9.0]


def test_what_cannot_be_read_is_counted_and_harms_nothing() -> None:
    making = Fold()
    making.add(
        [Event("x", "order_completed", "ana", START, "track", '{"order_id": "o1"}'), happened("other", "ana", 0), ordered("o2", "ana", 1)]
    )
    assert making.set_aside == {"order_completed": 1, "other": 1}
    assert making.kept == {"order_completed": 1}
    assert making.tables()["orders"]["order_id"].to_list() == ["o2"]


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("unsubscribed", {"channel": "sms"}, {"channel": "sms"}),
        ("tag_added", {"tag": "dry skin"}, {"label": "dry skin"}),
        ("complaint_opened", {"complaint_id": "k1"}, {"subject": "k1"}),
        ("product_reviewed", {"product_id": "tea", "rating": 4}, {"subject": "tea", "value": 4.0}),
        ("tier_changed", {"tier": "gold", "level": 3}, {"label": "gold", "value": 3.0}),
        ("live_attended", {"live_id": "l1", "seconds": 90}, {"subject": "l1", "value": 90.0}),
        ("store_visited", {"store_id": "s1"}, {"subject": "s1"}),
        ("survey_answered", {"survey_id": "q", "score": -2}, {"subject": "q", "value": -2.0}),
        ("nps_answered", {"score": 9}, {"value": 9.0}),
        ("need_stated", {"category": "coats", "within_days": 90}, {"label": "coats", "value": 90.0}),
    ],
)
def test_each_kind_says_what_it_is_about(kind: str, properties: dict[str, object], expected: dict[str, object]) -> None:
    row = fold([happened(kind, "ana", 3, message="m", **properties)])["activities"].row(0, named=True)
    told = {name: value for name, value in row.items() if name in ("subject", "label", "channel", "value") and value is not None}
    assert told == expected
    assert (row["activity_id"], row["customer_id"], row["kind"], row["occurred_at"]) == ("m", "ana", kind, START + timedelta(days=3))


def test_rows_lie_in_one_order_whatever_order_they_came_in() -> None:
    events = [happened("product_viewed", "ana", day, product_id="tea") for day in range(30)]
    shuffled = [events[number * 7 % 30] for number in range(30)]
    assert_frame_equal(fold(events)["interactions"], fold(shuffled)["interactions"])
    assert fold(events)["interactions"]["interaction_id"].n_unique() == len(events)
    assert fold(events)["interactions"].schema["occurred_at"] == pl.Datetime("us", "UTC")
