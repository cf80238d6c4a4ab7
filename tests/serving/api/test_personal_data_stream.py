"""A person's data over a real line: many rows arrive whole, and an answer that breaks off is no answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.ledger.errors import LedgerAway
from features.ledger.events import Event
from serving.api import personal_data
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.running import running

AT = datetime(2024, 6, 1, tzinfo=UTC)


def get(url: str, path: str) -> bytes:
    line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        assert answer.status == 200
        assert answer.getheader("content-type") == "application/json"
        return answer.read()
    finally:
        line.close()


def test_many_rows_arrive_as_one_document(own_shop: Path) -> None:
    with running(ServingSettings(data_dir=own_shop)) as service:
        service.ledger.append([Event(f"m{n}", "product_viewed", "c010", AT, "test", json.dumps({"n": n})) for n in range(3000)])
        document = json.loads(get(service.url, "/v1/customers/c010/data"))
    assert list(document) == ["ids", "ledger", "features", "scores", "elsewhere"]
    assert [event["properties"]["n"] for event in document["ledger"]["events"]] == list(range(3000))
    assert document["ledger"]["events"][0]["occurred_at"] == "2024-06-01T00:00:00Z"
    personal_data.PersonalData.model_validate(document)


def test_a_ledger_that_goes_away_before_anything_was_sent_is_told(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(*_: Any) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
        yield "events", iter([{"n": 1}])
        raise LedgerAway("gone")

    monkeypatch.setattr(personal_data, "sections_of", breaking)
    with TestClient(create_app(ServingSettings(data_dir=own_shop)), raise_server_exceptions=False) as client:
        answer = client.get("/v1/customers/c010/data")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:huitou:problem:ledger-away")


def test_a_ledger_that_goes_away_meanwhile_breaks_the_line(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(*_: Any) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
        def rows() -> Iterator[dict[str, Any]]:
            yield from ({"n": n, "text": "x" * 1000} for n in range(500))
            raise LedgerAway("gone")

        yield "events", rows()

    monkeypatch.setattr(personal_data, "sections_of", breaking)
    with running(ServingSettings(data_dir=own_shop)) as service, pytest.raises(http.client.IncompleteRead):
        get(service.url, "/v1/customers/c010/data")
