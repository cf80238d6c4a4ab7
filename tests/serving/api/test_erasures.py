"""`DELETE /v1/customers/{id}`: forgotten by every answer at once; the worker's part shows in the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.erasing.resuming import resume_erasures
from features.ledger import identities
from features.settings import FeatureSettings
from serving.app import create_app
from serving.services import Services
from serving.settings import ServingSettings
from tests.features.erasing.search import places_of, tables_of

GONE, CARD = "c041", "card-800041"


@pytest.fixture
def own(own_shop: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        yield client


def test_a_person_is_gone_from_every_answer_when_the_receipt_comes(own: TestClient, own_shop: Path) -> None:
    services: Services = own.app.state.services  # type: ignore[attr-defined]
    with services.ledger.database.writing() as connection:
        assert identities.link(connection, CARD, GONE, at=services.ledger.clock(), source="test").changed
    assert own.get(f"/v1/customers/{CARD}/scores").status_code == 200
    answer = own.delete(f"/v1/customers/{CARD}")
    receipt = answer.json()
    assert (answer.status_code, receipt["state"]) == (202, "erasing")
    assert receipt["removed"]["ledger"]["links"] == 1
    assert receipt["removed"]["online"]["values"] >= 3
    for one in (GONE, CARD):
        assert own.get(f"/v1/customers/{one}").json()["personalized"] is False
        assert own.post("/v1/next-best-offers", json={"customer_id": one}).json()["personalized"] is False
        assert own.get(f"/v1/customers/{one}/consents").json()["history"] == []
    again = own.delete(f"/v1/customers/{GONE}").json()
    assert again["erasure_id"] == receipt["erasure_id"]
    assert tables_of(services.ledger, CARD) == ["erasures"]

    resume_erasures(FeatureSettings(data_dir=own_shop), services.ledger, actor="test")
    finished = own.get(f"/v1/erasures/{receipt['erasure_id']}").json()
    assert finished["state"] == "finished"
    assert finished["finished_at"] is not None
    assert GONE not in str(finished)
    for one in (GONE, CARD):
        assert places_of(own_shop, one) == []
        assert tables_of(services.ledger, one) == []


def test_an_event_of_the_time_before_is_refused_and_a_later_one_is_taken(own: TestClient) -> None:
    def view(message_id: str, timestamp: str) -> str:
        body = {"messageId": message_id, "type": "track", "event": "Product Viewed", "userId": GONE, "timestamp": timestamp}
        return str(own.post("/v1/events", json={"batch": [{**body, "properties": {"product_id": "p01"}}]}).json())

    own.delete(f"/v1/customers/{GONE}")
    assert "'erased'" in view("m1", "2026-01-01T00:00:00Z").replace('"', "'")


def test_an_erasure_that_nobody_asked_for(own: TestClient) -> None:
    answer = own.get("/v1/erasures/none")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:huitou:problem:erasure-unknown")


def test_a_withdrawal_of_profiling_takes_the_online_row_at_once(own: TestClient) -> None:
    services: Services = own.app.state.services  # type: ignore[attr-defined]
    assert services.live.reader.read(GONE) is not None
    body = [{"customer_id": GONE, "purpose": "profiling", "state": "withdrawn"}]
    assert own.put("/v1/consents", json=body).status_code == 200
    assert services.live.reader.read(GONE) is None
