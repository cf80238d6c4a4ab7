"""Decisions under a policy that explores and holds out, kept by the running application and made again from the ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.decisions.policy import FILE
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS

PATH = "/v1/next-best-offers"
POLICY = """
[exploration]
share = 0.3
[holdouts]
universal = 0.2
model_control = 0.2
[prior]
mean = 0.2
"""


@pytest.fixture
def exploring(own_shop: Path) -> Iterator[TestClient]:
    (own_shop / FILE).write_text(POLICY, encoding="utf-8")
    with TestClient(create_app(ServingSettings(data_dir=own_shop)), raise_server_exceptions=False) as client:
        yield client


def kept(client: TestClient, decision_id: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while True:
        answer = client.get(f"/v1/decisions/{decision_id}")
        if answer.status_code == 200 or time.monotonic() > until:
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found


def test_every_decision_replays_and_adds_up(exploring: TestClient) -> None:
    seen: Counter[str] = Counter()
    for customer in CUSTOMERS[:40]:
        answer = exploring.post(PATH, json={"customer_id": customer, "channel": "email", "limit": 3}).json()
        told = kept(exploring, answer["decision_id"])
        assert told["replayed"], told["differences"]
        assert told["policy_version"] == answer["policy_version"]
        assert [one["offer_id"] for one in told["considered"] if one["slot"]] == [offer["offer_id"] for offer in answer["offers"]]
        assert sum(one["propensity"] for one in told["considered"]) == pytest.approx(1.0, abs=1e-4)
        for one in told["considered"]:
            assert sum(part["amount"] for part in one["parts"]) == pytest.approx(one["value"], abs=1e-9)
        assert told["sentence_en"]
        assert told["sentence_zh"]
        seen[told["holdout"] or ("explored" if told["explored"] else "best")] += 1
        if answer["holdout"] == "universal":
            assert [offer["type"] for offer in answer["offers"]] == ["no_action"]
    assert min(seen[kind] for kind in ("universal", "model_control", "explored", "best")) > 0


def test_somebody_unknown_is_in_no_holdout_and_named_nowhere(exploring: TestClient) -> None:
    answers = [exploring.post(PATH, json={"customer_id": f"nobody-{i}"}).json() for i in range(20)]
    assert {answer["holdout"] for answer in answers} == {None}
    assert len({tuple(offer["offer_id"] for offer in answer["offers"]) for answer in answers}) == 1
    told = kept(exploring, answers[0]["decision_id"])
    assert told["replayed"]
    assert told["customer_id"] is None
    assert "nobody-0" not in str(told)


def test_an_unknown_decision_is_said_to_be_so(exploring: TestClient) -> None:
    answer = exploring.get("/v1/decisions/none")
    assert answer.status_code == 404
    assert "none" in answer.json()["detail"]


def test_a_holdout_of_everybody_sends_nothing_to_anybody(own_shop: Path) -> None:
    (own_shop / FILE).write_text("[holdouts]\nuniversal = 1.0\nmodel_control = 0.0\n", encoding="utf-8")
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        for customer in CUSTOMERS[:10]:
            offers = client.post(PATH, json={"customer_id": customer, "channel": "email"}).json()["offers"]
            assert [offer["type"] for offer in offers] == ["no_action"]
