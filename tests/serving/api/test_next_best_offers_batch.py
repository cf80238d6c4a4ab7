from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from features.decisions.policy import FILE
from serving.api.next_best_offers_batch import MOST
from serving.app import create_app
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_policy import POLICY
from tests.serving.small_shop import CUSTOMERS

ONE, MANY = "/v1/next-best-offers", "/v1/next-best-offers/batch"


def but_the_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "decision_id"}


def test_each_is_answered_as_alone_and_in_order(client: TestClient) -> None:
    asked: list[dict[str, Any]] = [{"customer_id": one, "channel": "web", "limit": 2} for one in CUSTOMERS[:40]]
    asked += [
        {"anonymous_id": "device"},
        {"customer_id": CUSTOMERS[3], "personalized": False},
        {"customer_id": CUSTOMERS[4], "cart": ["p01"]},
    ]
    told = client.post(MANY, json={"requests": asked}).json()["answers"]
    assert len({one["decision_id"] for one in told}) == len(asked)
    alone = [client.post(ONE, json=one).json() for one in asked]
    assert [but_the_id(one) for one in told] == [but_the_id(one) for one in alone]


def test_every_decision_is_recorded_and_replays(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop, reload_seconds=3600))
    with TestClient(create_app(services.settings, services)) as client:
        told = client.post(MANY, json={"requests": [{"customer_id": one, "channel": "email"} for one in CUSTOMERS[:5]]}).json()["answers"]
        services.decisions.close()
        for one in told:
            assert client.get(f"/v1/decisions/{one['decision_id']}").json()["replayed"]
    services.ledger.close()


def test_who_is_named_often_is_not_written_to_beyond_a_cap(own_shop: Path) -> None:
    capped = '[contact]\nfatigue = 0\nleaving = 0\n[[contact.caps]]\nmost = 2\nperiod = "day"\n'
    (own_shop / FILE).write_text(POLICY + capped, encoding="utf-8")
    services = build_services(ServingSettings(data_dir=own_shop, reload_seconds=3600))
    with TestClient(create_app(services.settings, services)) as client:
        asked = [{"customer_id": one, "channel": "email"} for one in CUSTOMERS] * 3  # some may have got a message before
        told = client.post(MANY, json={"requests": asked}).json()["answers"]
        sent = [one["offers"][0]["type"] != "no_action" for one in told]
    services.ledger.close()
    assert max(sum(sent[number :: len(CUSTOMERS)]) for number in range(len(CUSTOMERS))) == 2, "no third message a day"


def test_what_is_not_valid_is_named_with_its_place_and_nothing_is_decided(client: TestClient, services: Services) -> None:
    before = services.decisions.waiting
    answer = client.post(MANY, json={"requests": [{"customer_id": "c001"}, {"customer_id": "c002", "limit": 99}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.requests.1.limit"
    for requests in ([], [{"customer_id": "c001"}] * (MOST + 1)):
        assert client.post(MANY, json={"requests": requests}).status_code == 422
    assert services.decisions.waiting == before


def test_500_at_once(client: TestClient) -> None:
    told = client.post(MANY, json={"requests": [{"customer_id": CUSTOMERS[n % 120], "channel": "web"} for n in range(MOST)]})
    assert len(told.json()["answers"]) == MOST
