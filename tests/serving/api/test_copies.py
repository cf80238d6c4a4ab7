"""Which words go with an offer: the shop's own, or an experiment's copy of them; both in the answer, with the link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.decisions.experiment import Experiment
from serving.app import create_app
from serving.decisioning.experiments import ExperimentBook
from serving.services import Services
from serving.settings import ServingSettings
from tests.features.decisions.experiments import experiment
from tests.serving.small_shop import AS_OF, CUSTOMERS

OFFER = {
    "offer_id": "gift",
    "type": "coupon",
    "margin": 900.0,
    "discount": 1.0,
    "product_ids": ["p00"],
    "channels": ["email"],
    "message_key": "gift-plain",
    "title": {"en": "A gift", "zh": "礼物"},
    "url": "shop://gift",
}
ARMS = [{"name": "plain"}, {"name": "warm", "messages": {"gift": "gift-warm"}}]


@pytest.fixture
def client(own_shop: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=own_shop, follow_seconds=3600)), raise_server_exceptions=False) as client:
        yield client


def test_an_arm_answers_with_its_own_copy(client: TestClient) -> None:
    assert client.put("/v1/offers", json={"items": [OFFER]}).json()["accepted"] == 1
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    services.follow()
    tried: Experiment = experiment(arms=ARMS, starts_at=AS_OF.isoformat())
    services.live = replace(services.live, experiments=ExperimentBook([tried], services.live.policy)).warm()
    seen = set()
    for customer in CUSTOMERS:
        answer = client.post("/v1/next-best-offers", json={"customer_id": customer, "channel": "email", "limit": 1}).json()
        (offer,) = answer["offers"]
        if offer["offer_id"] != "gift":
            assert (offer["title"], offer["url"]) == ({}, None)
            continue
        arm = answer["experiment"].split(":")[1]
        seen.add(arm)
        assert offer["message_key"] == {"plain": "gift-plain", "warm": "gift-warm"}[arm]
        assert (offer["title"], offer["url"], offer["content_id"]) == ({"en": "A gift", "zh": "礼物"}, "shop://gift", None)
    assert seen == {"plain", "warm"}
