"""What was decided stands in the ledger, and what came of it beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Row, select

from features.ledger.decisions import DECISIONS
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from serving.app import create_app
from serving.settings import ServingSettings


def recorded(folder: Path, address: str) -> dict[str, Row[tuple[object, ...]]]:
    ledger = open_ledger(FeatureSettings(data_dir=folder, ledger_url=address))
    with ledger.database.reading() as connection:
        rows = {row.decision_id: row for row in connection.execute(select(DECISIONS))}
    ledger.close()
    return rows


def test_every_decision_is_in_the_ledger_when_the_service_has_stopped(small_shop: Path, ledger_address: str) -> None:
    asked = [
        {"customer_id": "c000"},
        {"customer_id": "c001", "limit": 1, "explain": True},
        {"customer_id": "c002", "personalized": False},
        {"customer_id": "nobody-we-know"},
        {"anonymous_id": "stranger"},
        {"anonymous_id": "device"},
        {},
    ]
    with TestClient(create_app(ServingSettings(data_dir=small_shop, ledger_url=ledger_address))) as client:
        agree(client, "c000", "c001", "c002")
        client.post("/v1/identities", json={"alias": "anonymous:device", "customer_id": "c000"})
        answers = [client.post("/v1/next-best-offers", json=body).json() for body in asked]
    found = recorded(small_shop, ledger_address)
    assert set(found) == {answer["decision_id"] for answer in answers}
    for body, answer in zip(asked, answers, strict=True):
        row = found[answer["decision_id"]]
        kept = json.loads(row.body)
        assert kept["offers"] == answer["offers"]
        if not answer["personalized"]:
            assert (kept["customer_id"], row.recorded_as) == (None, None), body
    assert [found[answer["decision_id"]].recorded_as for answer in answers] == ["c000", "c001", None, None, None, "anonymous:device", None]
    assert [answer["personalized"] for answer in answers] == [True, True, False, False, False, True, False]


def agree(client: TestClient, *customers: str) -> None:
    items = [{"customer_id": customer, "purpose": "*", "state": "granted"} for customer in customers]
    assert client.put("/v1/consents", json={"items": items}).json()["accepted"] == len(items)


def test_a_known_visitor_gets_the_answer_of_their_customer(taking: TestClient) -> None:
    def asked(**who: str) -> dict[str, object]:
        answer = taking.post("/v1/next-best-offers", json=who).json()
        return {name: value for name, value in answer.items() if name not in {"decision_id", "customer_id"}}

    agree(taking, "c000")
    before = asked(anonymous_id="device")
    assert before == asked(anonymous_id="another")
    told = {"type": "identify", "messageId": "i", "userId": "c000", "anonymousId": "device"}
    taking.post("/v1/events", json={**told, "timestamp": "2024-01-01T00:00:00Z"})  # nothing new, so that the clock stays where it is
    assert asked(anonymous_id="device") == asked(customer_id="c000") != before
    (link,) = taking.get("/v1/customers/c000/identities").json()["log"]
    taking.delete(f"/v1/identities/{link['link_id']}")
    assert asked(anonymous_id="device") == before


def test_recorded_and_lost_ones_are_counted(small_shop: Path, tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'ledger.db'}"
    with TestClient(create_app(ServingSettings(data_dir=small_shop, ledger_url=address))) as client:
        assert 'huitou_decisions_total{fate="lost"} 0.0' in client.get("/metrics").text
        client.post("/v1/next-best-offers", json={"customer_id": "c000"})
        telemetry = client.app.state.services.telemetry  # type: ignore[attr-defined]
    assert b'huitou_decisions_total{fate="recorded"} 1.0' in telemetry.text()


def outcome(decision: str, **changed: object) -> dict[str, object]:
    told = {"decision_id": decision, "offer_id": "coupon:1", "outcome": "converted", "value": 12.5}
    return {**told, "occurred_at": "2024-03-01T10:00:00Z", **changed}


def test_outcomes_before_their_decision_and_twice(taking: TestClient) -> None:
    told = [outcome("d1"), outcome("d1"), outcome("d2", outcome_id="mine"), outcome("d3", outcome_id="mine", value=None)]
    answer = taking.post("/v1/outcomes", json={"items": told}).json()
    assert answer == {"accepted": 2, "duplicates": 2, "unknown_decisions": 2, "refused": 0, "items": []}
    assert taking.post("/v1/outcomes", json=outcome("d1")).json()["duplicates"] == 1
    # What is equal in other words is equal: the same moment, the same amount.
    again = outcome("d1", occurred_at="2024-03-01T18:00:00+08:00", value=12.50)
    assert taking.post("/v1/outcomes", json=[again]).json()["duplicates"] == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"value": "NaN"}, "value"),
        ({"value": 1e300}, "value"),
        ({"value": 0.00001}, "value"),
        ({"value": True}, "value"),
        ({"outcome": "Bought it"}, "outcome"),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "2100-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"occurred_at": "2024-03-01"}, "occurred_at"),
        ({"decision_id": "a\0"}, "decision_id"),
        ({"decision_id": None}, "decision_id"),
        ({"offer_id": "\ud800"}, "offer_id"),
        ({"colour": 1}, "colour"),
        ({"x" * 10_000: 1}, "x" * 200),
        ({"\ud800": 1}, "item"),
    ],
)
def test_a_bad_outcome_is_named_and_the_good_ones_stay(taking: TestClient, changed: dict[str, object], field: str) -> None:
    content = json.dumps({"items": [outcome("a"), outcome("b", **changed), outcome("c")]})
    answer = taking.post("/v1/outcomes", content=content)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 1)
    assert (told["items"][0]["index"], told["items"][0]["field"]) == (1, field)
    assert told["items"][0]["reason"]


def test_a_decision_and_its_outcome_meet(small_shop: Path, ledger_address: str) -> None:
    settings = ServingSettings(data_dir=small_shop, ledger_url=ledger_address)
    with TestClient(create_app(settings)) as client:
        decision = client.post("/v1/next-best-offers", json={"customer_id": "c000"}).json()["decision_id"]
    with TestClient(create_app(settings)) as client:  # the first has flushed
        answer = client.post("/v1/outcomes", json=outcome(decision)).json()
    assert (answer["accepted"], answer["unknown_decisions"]) == (1, 0)
