"""Every call that says something about a customer has a lawful answer that is not about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from features.store import CustomerFeatures
from serving.app import create_app
from serving.services import Services
from serving.settings import ServingSettings
from tests.serving.small_shop import LEAVING

# A person's own rights: consent, copies, correction and erasure are about the person or they are nothing.
RIGHTS = {
    ("GET", "/v1/customers/{customer_id}/data"),
    ("GET", "/v1/customers/{customer_id}/consents"),
    ("GET", "/v1/customers/{customer_id}/identities"),
    ("GET", "/v1/decisions/{decision_id}"),
    ("DELETE", "/v1/customers/{customer_id}"),
    ("PUT", "/v1/consents"),
    ("POST", "/v1/identities"),
}
ASKED: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/v1/customers/{customer_id}"): {"params": {"personalized": "false"}},
    ("GET", "/v1/customers/{customer_id}/scores"): {"params": {"personalized": "false"}},
    ("GET", "/v1/replenishments/due"): {"params": {"personalized": "false"}},
    ("POST", "/v1/next-best-offers"): {"json": {"customer_id": LEAVING, "personalized": False, "channel": "app"}},
    ("POST", "/v1/next-best-offers/batch"): {"json": {"requests": [{"customer_id": LEAVING, "personalized": False, "channel": "app"}] * 2}},
    ("POST", "/v1/recommendations"): {"json": {"customer_id": LEAVING, "personalized": False}},
    ("POST", "/v1/bundles"): {"json": {"customer_id": LEAVING, "personalized": False}},
}
_IDS = {"customer_id", "anonymous_id", "user_id", "userId"}


def properties(document: dict[str, Any], part: Any, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Every property of a schema, however deep."""
    if isinstance(part, list):
        for each in part:
            yield from properties(document, each, seen)
    if not isinstance(part, dict):
        return
    name = part.get("$ref")
    if isinstance(name, str) and name not in seen:
        yield from properties(document, document["components"]["schemas"][name.rsplit("/", 1)[-1]], (*seen, name))
    yield from part.get("properties", {})
    for key, value in part.items():
        if key not in {"example", "examples", "default"}:
            yield from properties(document, value, seen)


def about_customers(document: dict[str, Any]) -> dict[tuple[str, str], bool]:
    """Operations with a customer in their parameters, body or answer → whether they can be asked for nothing personal."""
    found = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            asked = {p["name"] for p in operation.get("parameters", [])} | set(properties(document, operation.get("requestBody", {})))
            answers = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
            if (asked | set(properties(document, answers))) & _IDS:
                found[method.upper(), path] = "personalized" in asked
    return found


@pytest.fixture
def blind(own_shop: Path) -> Iterator[TestClient]:
    """A service that breaks when it reads a customer's row."""

    class Blind:
        def read(self, customer_id: str) -> CustomerFeatures | None:
            raise AssertionError(f"{customer_id} was read")

        def packed(self, customer_id: str) -> dict[str, bytes] | None:
            raise AssertionError(f"{customer_id} was read")

        def sketch(self, customer_id: str) -> CustomerFeatures | None:
            raise AssertionError(f"{customer_id} was read")

        def version(self) -> int | None:
            raise AssertionError("the store was asked")

        def customer_ids(self) -> list[str]:
            raise AssertionError("everybody was read")

        def close(self) -> None:
            """Nothing is open."""

    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        services: Services = client.app.state.services  # type: ignore[attr-defined]
        services.live.reader.close()
        services.live = replace(services.live, reader=Blind()).warm()
        yield client


def test_every_route_about_a_customer_can_be_asked_for_nothing_personal_or_serves_their_rights(small_shop: Path) -> None:
    app: FastAPI = create_app(ServingSettings(data_dir=small_shop))
    found = about_customers(app.openapi())
    assert len(found) > 8
    assert {route for route, switch in found.items() if not switch} <= RIGHTS
    assert {route for route, switch in found.items() if switch} == ASKED.keys()


@pytest.mark.parametrize("route", ASKED, ids=" ".join)
def test_nothing_of_the_customer_is_read(blind: TestClient, route: tuple[str, str]) -> None:
    method, path = route
    answer = blind.request(method, path.replace("{customer_id}", LEAVING), **ASKED[route])
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [one["personalized"] for one in told.get("answers", [told])] == [False] * len(told.get("answers", [told]))


@pytest.mark.parametrize("route", [route for route in ASKED if route[0] == "GET"], ids=" ".join)
def test_nor_is_their_consent_looked_up(blind: TestClient, route: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    services: Services = blind.app.state.services  # type: ignore[attr-defined]
    monkeypatch.setattr(services.permissions, "of", None)
    assert blind.get(route[1].replace("{customer_id}", LEAVING), **ASKED[route]).json()["personalized"] is False


@pytest.mark.parametrize("path", [f"/v1/customers/{LEAVING}", f"/v1/customers/{LEAVING}/scores"])
def test_figures_of_the_shop_stand_in_the_place_of_the_customers(blind: TestClient, path: str) -> None:
    answer = blind.get(path, params={"personalized": "false"}).json()
    shop = answer["shop_wide"]
    assert [base["horizon_days"] for base in shop["churn"]] == [14, 28, 56, 91]
    chances = [base["churn_probability"] for base in shop["churn"]]
    assert chances == sorted(chances, reverse=True)
    assert 0 < chances[-1] < 1
    assert shop["popular_products"]
    assert answer.get("predictions") is None
    assert answer.get("stage") is None
