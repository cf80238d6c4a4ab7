"""The CloudEvents SDK pointed at this service, in its three ways of sending."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.serving.clients.conftest import Run
from tests.serving.running import Running

AT = datetime(2024, 1, 5, 10, tzinfo=UTC)


def event(number: int, **changed: Any) -> CloudEvent:
    attributes = {
        "id": str(number),
        "source": "/shop/网",
        "type": "com.shop.product_viewed",
        "specversion": "1.0",
        "subject": "顾客",
        "time": AT,
        "datacontenttype": "application/json",
        **changed,
    }
    return CloudEvent(attributes=attributes, data={"product_id": f"p{number}", "name": "面膜"})


def post(running: Running, message: HTTPMessage) -> dict[str, Any]:
    answer = httpx.post(f"{running.url}/v1/events", content=message.body, headers=message.headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("as_message", [to_structured_event, to_binary_event])
def test_one_event(run_service: Run, as_message: Any) -> None:
    running = run_service()
    assert post(running, as_message(event(1)))["accepted"] == 1
    assert post(running, as_message(event(1)))["duplicates"] == 1
    (found,) = running.events()
    assert (found.message_id, found.kind, found.recorded_as, found.occurred_at) == ("/shop/网#1", "product_viewed", "顾客", AT)
    assert "面膜" in found.properties


def test_the_three_ways_say_the_same(run_service: Run) -> None:
    running = run_service()
    structured = to_structured_event(event(1))
    batch = HTTPMessage(
        {"content-type": "application/cloudevents-batch+json"}, b"[" + to_structured_event(event(2)).body + b"," + structured.body + b"]"
    )
    assert post(running, structured)["accepted"] == 1
    told = post(running, batch)
    assert (told["accepted"], told["duplicates"]) == (1, 1)
    assert post(running, to_binary_event(event(2)))["duplicates"] == 1
    assert len(running.events()) == 2


def test_what_is_wrong_is_named(run_service: Run) -> None:
    told = post(run_service(), to_binary_event(event(1, subject="x" * 129)))
    assert (told["refused"], told["messages"][0]["field"]) == (1, "subject")
