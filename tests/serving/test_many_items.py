"""A shop with many products answers as it would if it looked at all of them, and `/v1/recommendations` does not look at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.decisioning.engine import Engine, OfferRequest
from serving.offers.offer_types import OFFER_TYPES
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS, PRODUCTS
from training.artifacts import items, ranked_items
from training.artifacts.items import ItemModel


@pytest.fixture
def many(small_shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The small shop, taken for one with many products."""
    monkeypatch.setattr(items, "RANKED_FROM", 1)
    monkeypatch.setattr(ranked_items, "_MOST_LOOKED_AT", 1.0)
    with TestClient(create_app(ServingSettings(data_dir=small_shop)), raise_server_exceptions=False) as client:
        assert client.app.state.services.live.models.items.ranked is not None  # type: ignore[attr-defined]
        yield client


def asked(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json().items() if name != "decision_id"}


def rounded(told: Any) -> Any:
    """Sums of float32 in another order differ in the last places."""
    if isinstance(told, dict):
        return {name: rounded(value) for name, value in told.items()}
    if isinstance(told, list):
        return [rounded(value) for value in told]
    return float(f"{told:.4g}") if isinstance(told, float) else told


@pytest.mark.parametrize("explore", [False, True])
@pytest.mark.parametrize("cart", [[], PRODUCTS[3:6]], ids=["no cart", "cart"])
def test_recommendations_are_the_same(client: TestClient, many: TestClient, cart: list[str], *, explore: bool) -> None:
    for customer in [*CUSTOMERS[:25], "nobody"]:
        body = {"customer_id": customer, "limit": 15, "explore": explore, "cart": cart}
        found, expected = (asked(one, "/v1/recommendations", **body) for one in (many, client))
        assert rounded(found) == rounded(expected)
        assert found["items"]


def test_decisions_are_the_same(client: TestClient, many: TestClient) -> None:
    engine = Engine(OFFER_TYPES, new_id=lambda: "d")
    for customer in CUSTOMERS[:25]:
        request = OfferRequest(customer, channel="web", cart=tuple(PRODUCTS[:1]))
        found, expected = (
            engine.decide(one.app.state.services.live, request, now=one.app.state.services.now)  # type: ignore[attr-defined]
            for one in (many, client)
        )
        assert list(found.slate.offer_ids) == list(expected.slate.offer_ids)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-4, atol=1e-6)


def test_not_all_are_looked_at(many: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_them(*_: object, **__: object) -> np.ndarray[Any, Any]:
        raise AssertionError("all products were looked at")

    monkeypatch.setattr(ItemModel, "logits_of", all_of_them)
    for explore in (False, True):
        for cart in ([], PRODUCTS[3:6]):
            assert asked(many, "/v1/recommendations", customer_id=CUSTOMERS[1], explore=explore, cart=cart)["items"]
