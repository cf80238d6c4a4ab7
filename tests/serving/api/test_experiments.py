"""Experiments are written over the API, refused with a reason, and decide at once."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from features.ledger.exposures import Exposure, record_exposures
from serving.services import Services
from tests.features.decisions.experiments import ARMS

SOON = "2018-01-01T00:00:00Z"
TOLD: dict[str, Any] = {"experiment_id": "e1", "arms": ARMS, "starts_at": SOON, "baseline": 0.2, "smallest_effect": 0.05}


def put(client: TestClient, *items: dict[str, Any]) -> dict[str, Any]:
    answer = client.put("/v1/experiments", json={"items": list(items)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_written_read_and_followed(taking: TestClient) -> None:
    answer = put(taking, TOLD, {**TOLD, "experiment_id": "e2"}, {**TOLD, "experiment_id": "e3", "arms": ARMS[:1]})
    assert (answer["accepted"], answer["refused"]) == (1, 2)
    assert [(item["index"], item["field"]) for item in answer["items"]] == [(1, "arms"), (2, "arms")]
    assert "one layer" in answer["items"][0]["reason"]
    told = taking.get("/v1/experiments/e1").json()
    assert told["experiment"]["size"] == 2188
    assert told["experiment"]["salt"] == "e1"
    assert taking.get("/v1/experiments").json()["items"] == [told["experiment"]]
    assert taking.get("/v1/experiments/e2").status_code == 404
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    services.follow()
    assert set(services.live.experiments.experiments) == {"e1"}
    assert not services.follow()


def test_it_begins_with_the_services_clock_and_then_stays(taking: TestClient) -> None:
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    begun = {**TOLD, "starts_at": services.now.isoformat()}
    assert put(taking, begun)["accepted"] == 1
    assert taking.get("/v1/experiments/e1").json()["state"] == "running"
    answer = put(taking, {**begun, "baseline": 0.3})
    assert answer["items"][0]["field"] in {"baseline", "size"}
    assert "once the experiment has begun" in answer["items"][0]["reason"]
    assert "ends_at: not after" in put(taking, {**begun, "ends_at": services.now.isoformat()})["items"][0]["reason"]
    later = {**TOLD, "experiment_id": "e2", "starts_at": "2999-01-01T00:00:00Z"}
    assert put(taking, {**later, "layer": "l", "arms": [{"name": "a"}, {"name": "b"}]})["accepted"] == 1
    assert taking.get("/v1/experiments/e2").json()["state"] == "planned"


def test_restocking_and_experiments_leave_each_other_alone(taking: TestClient) -> None:
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    put(taking, TOLD)
    taking.put("/v1/stock", json={"items": [{"product_id": "p00", "quantity": 0}]})
    services.follow()
    assert set(services.live.experiments.experiments) == {"e1"}
    assert not services.live.catalogue.offerable("p00")
    put(taking, {**TOLD, "title": "Again"})
    services.follow()
    assert services.live.experiments.experiments["e1"].title == "Again"
    assert not services.live.catalogue.offerable("p00")
    services.reopen()
    assert set(services.live.experiments.experiments) == {"e1"}


def test_counts_and_the_sample_ratio(taking: TestClient) -> None:
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    put(taking, TOLD)
    told = taking.get("/v1/experiments/e1").json()
    assert (told["exposed"], told["sample_ratio_chance"]) == ({"price": 0, "category": 0}, None)
    arms = ["price"] * 100 + ["category"] * 40
    with services.ledger.database.writing() as connection:
        record_exposures(connection, [Exposure("e1", f"c{i}", arm, services.now) for i, arm in enumerate(arms)])
    told = taking.get("/v1/experiments/e1").json()
    assert told["exposed"] == {"price": 100, "category": 40}
    assert told["sample_ratio_mismatch"]
