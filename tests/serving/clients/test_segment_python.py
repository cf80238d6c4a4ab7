"""Segment's own Python library, as a shop has it, pointed at this service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from segment.analytics.client import Client
from segment.analytics.request import APIError

from tests.serving.clients.conftest import Run
from tests.serving.running import Running

KEY = "shop-key"


@contextmanager
def client(running: Running, failures: list[Exception], **given: object) -> Iterator[Client]:
    made = Client(
        **{"write_key": KEY, "host": running.url, "on_error": lambda error, _: failures.append(error), "max_retries": 0, **given}  # type: ignore[arg-type]
    )
    try:
        yield made
        made.flush()
    finally:
        made.shutdown()


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_what_the_library_sends_arrives(run_service: Run, packed: bool) -> None:
    running, failures = run_service(write_keys=f"other,{KEY}"), list[Exception]()
    at = datetime(2024, 1, 5, 10, tzinfo=UTC)
    with client(running, failures, gzip=packed) as segment:
        for i in range(150):
            segment.track("c1", "Product Viewed", {"product_id": f"p{i}", "name": "面膜"})
        order = {"order_id": 1001, "total": 12.5, "products": [{"product_id": 7, "quantity": 2, "price": 6.25}]}
        segment.track("c1", "Order Completed", order, timestamp=at)
        segment.track(user_id=None, anonymous_id="device", event="Cart Viewed")
        segment.identify("c1", {"birthday": "1990-05-03"}, anonymous_id="device")
        segment.alias("card-9", "c1")
        segment.page("c1", "shop", "Home")
        segment.screen("c1", "app", "Home")
        segment.group("c1", "wecom-7", {"name": "Group"})
    assert failures == []
    found = running.events()
    assert len(found) == 157
    assert {e.kind for e in found} == {"product_viewed", "order_completed", "cart_viewed", "identified", "other"}
    assert [json.loads(e.properties)["product_id"] for e in found[:150]] == [f"p{i}" for i in range(150)]
    (paid,) = [e for e in found if e.kind == "order_completed"]
    assert (paid.occurred_at, json.loads(paid.properties)) == (at, order)
    assert running.resolve("anonymous:device") == running.resolve("card-9") == "c1"


def test_a_repeat_after_a_lost_answer_changes_nothing(run_service: Run) -> None:
    running, failures = run_service(), list[Exception]()
    for _ in range(2):
        with client(running, failures) as segment:
            segment.track("c1", "Cart Viewed", message_id="same")
    assert failures == []
    assert [e.message_id for e in running.events()] == ["same"]


def test_a_wrong_key_is_told_to_the_library(run_service: Run) -> None:
    running, failures = run_service(write_keys="another"), list[Exception]()
    with client(running, failures) as segment:
        segment.track("c1", "Cart Viewed")
    (told,) = failures
    assert isinstance(told, APIError)
    assert told.status == 401
    assert running.events() == []
