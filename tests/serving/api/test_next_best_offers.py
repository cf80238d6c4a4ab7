from __future__ import annotations

import uuid
from datetime import datetime

import pytest
from fastapi.testclient import TestClient

from tests.serving.small_shop import CUSTOMERS, LEAVING

PATH = "/v1/next-best-offers"


def test_answers_with_the_agreed_fields(client: TestClient) -> None:
    answer = client.post(PATH, json={"customer_id": LEAVING, "channel": "email", "explain": True}).json()
    assert uuid.UUID(answer["decision_id"])
    assert answer["stage"] == "buyer"
    assert answer["layer"] == "dormant"
    assert answer["personalized"] is True
    assert answer["degraded"] is False
    assert answer["experiment"] is None
    assert "prior" in answer["value_basis"]
    assert answer["assumptions"].startswith("small@")
    assert answer["currency"] == "EUR"
    assert set(answer["model_versions"]) == {"return_hazard", "value", "repurchase", "items", "bundles"}
    churn = answer["churn"]
    assert churn["probability_14d"] >= churn["probability_28d"] >= churn["probability_56d"] >= churn["probability_91d"]
    assert churn["reasons"]
    assert all(reason["sentence_en"] and reason["sentence_zh"] for reason in churn["reasons"])
    assert answer["dropped"]
    assert len({dropped["offer_id"] for dropped in answer["dropped"]} & {offer["offer_id"] for offer in answer["offers"]}) == 0


def test_amounts_are_numbers_in_cents_and_ranked(client: TestClient) -> None:
    for customer in CUSTOMERS[:20]:
        offers = client.post(PATH, json={"customer_id": customer, "channel": "email", "limit": 10}).json()["offers"]
        values = [offer["expected_value"] for offer in offers]
        assert values == sorted(values, reverse=True)
        for offer in offers:
            assert round(offer["expected_value"], 2) == offer["expected_value"]
            worth = offer["probability"] * (offer["margin"] - offer["discount"]) - offer["cost"]  # the small shop counts no uplift
            assert offer["expected_value"] == pytest.approx(worth, abs=0.016)
            assert datetime.fromisoformat(offer["valid_until"]).tzinfo is not None
            assert offer["reason_codes"] == [reason["code"] for reason in offer["reasons"]]


def test_without_explanation_nothing_is_explained(client: TestClient) -> None:
    answer = client.post(PATH, json={"customer_id": LEAVING}).json()
    assert answer["dropped"] == []
    assert answer["churn"]["reasons"] == []


@pytest.mark.parametrize("body", [{"customer_id": "never-seen"}, {"anonymous_id": "device-1"}, {"personalized": False}, {}])
def test_somebody_unknown_gets_the_popular_answer(client: TestClient, body: dict[str, object]) -> None:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200
    document = answer.json()
    assert document["personalized"] is False
    assert document["churn"] is None
    assert document["layer"] is None
    assert document["offers"][0]["type"] in {"item", "bundle"}


def test_nothing_personal_leaks_when_it_is_refused(client: TestClient) -> None:
    def told(customer: str) -> dict[str, object]:
        answer = client.post(PATH, json={"customer_id": customer, "personalized": False, "explain": True}).json()
        for offer in answer["offers"]:
            offer.pop("channels")  # where a person may be reached is asked of them, however the answer was made
        return {k: v for k, v in answer.items() if k not in {"customer_id", "decision_id"}}

    assert told(LEAVING) == told("c000") == told("never-seen")
    assert told(LEAVING)["stage"] is None


@pytest.mark.parametrize("customer", ["会员-42", "a b+c@d", "x" * 128, "'; DROP TABLE x; --", "=1+1"])
def test_ids_are_opaque(client: TestClient, customer: str) -> None:
    answer = client.post(PATH, json={"customer_id": customer})
    assert answer.status_code == 200
    assert answer.json()["customer_id"] == customer


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"customer_id": "1", "limit": 0}, "body.limit"),
        ({"customer_id": "1", "limit": 21}, "body.limit"),
        ({"customer_id": "1", "limit": "3"}, "body.limit"),
        ({"customer_id": "1", "personalized": 0}, "body.personalized"),
        ({"customer_id": ""}, "body.customer_id"),
        ({"customer_id": "x" * 129}, "body.customer_id"),
        ({"customer_id": "a\x00b"}, "body.customer_id"),
        ({"customer_id": 7}, "body.customer_id"),
        ({"customer_id": "1", "channel": "E mail"}, "body.channel"),
        ({"customer_id": "1", "cart": ["p"] * 201}, "body.cart"),
        ({"customer_id": "1", "cart": [""]}, "body.cart.0"),
        ({"customer_id": "1", "costumer": True}, "body.costumer"),
    ],
)
def test_problems_name_the_field(client: TestClient, body: dict[str, object], field: str) -> None:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in {error["field"] for error in answer.json()["errors"]}
