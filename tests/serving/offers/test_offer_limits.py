"""An offer's own limits, kept by the running application: so many times to one customer, so much money in all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.assumptions import load_assumptions
from features.ledger.offer_spending import OfferUse
from features.offers.offer import Offer
from features.versions import current_folder
from serving.app import create_app
from serving.offers.budgets import spent
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS

OFFER = {"offer_id": "gift", "type": "coupon", "margin": 900.0, "discount": 1.0, "product_ids": ["p00"], "channels": ["email"]}


@pytest.fixture
def client(own_shop: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=own_shop, follow_seconds=0.05)), raise_server_exceptions=False) as client:
        yield client


def write(client: TestClient, **changed: Any) -> None:
    answer = client.put("/v1/offers", json={"items": [OFFER | changed]}).json()
    assert answer["accepted"] == 1, answer
    until = time.monotonic() + 20
    while "gift" not in client.app.state.services.live.offers.by_id and time.monotonic() < until:  # type: ignore[attr-defined]
        client.get("/healthz")


def asked(client: TestClient, customer: str) -> tuple[list[str], dict[str, str]]:
    body = {"customer_id": customer, "channel": "email", "limit": 1, "explain": True}
    answer = client.post("/v1/next-best-offers", json=body).json()
    return [offer["offer_id"] for offer in answer["offers"]], {one["offer_id"]: one["code"] for one in answer["dropped"]}


def test_a_customer_is_sent_an_offer_no_more_often_than_it_allows(client: TestClient) -> None:
    write(client, cap=2)
    customer = next(c for c in CUSTOMERS if asked(client, c)[0] == ["gift"])
    assert asked(client, customer)[0] == ["gift"]
    given, dropped = asked(client, customer)
    assert "gift" not in given
    assert dropped["gift"] == "offer_cap_reached"


def test_a_spent_budget_ends_the_offer_for_everybody(client: TestClient) -> None:
    write(client, budget=5.0)
    customer = next(c for c in CUSTOMERS if asked(client, c)[0] == ["gift"])
    outcomes = [{"decision_id": f"d{i}", "offer_id": "gift", "outcome": "converted", "outcome_id": f"o{i}"} for i in range(5)]
    assert client.post("/v1/outcomes", json={"items": outcomes}).json()["accepted"] == 5
    services = client.app.state.services  # type: ignore[attr-defined]
    services._budgets_due = 0.0
    services.follow()
    given, dropped = asked(client, customer)
    assert "gift" not in given
    assert dropped["gift"] == "budget_spent"


def test_what_was_spent_is_messages_and_discounts(own_shop: Path) -> None:
    assumptions = load_assumptions(current_folder(own_shop / "online", remedy="") / "assumptions.toml")
    use = OfferUse({"email": 10, None: 1}, responses=3, value=Decimal(90))
    price, unnamed = assumptions.contact_cost("email"), assumptions.contact_cost(None)
    fixed = Offer.model_validate(OFFER | {"cost": 0.5})
    assert spent(fixed, use, assumptions) == pytest.approx(10 * (price + 0.5) + unnamed + 0.5 + 3 * 1.0)
    share = Offer.model_validate(OFFER | {"discount": 0.0, "discount_share": 0.2})
    assert spent(share, use, assumptions) == pytest.approx(10 * price + unnamed + 18.0)
