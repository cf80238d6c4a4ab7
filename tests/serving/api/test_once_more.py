"""An answer that is given once more is the answer that would be decided, and its record that decision's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.decisions.assignment import holdout_of
from features.decisions.policy import FILE
from features.decisions.record import Holdout
from features.ledger.answers import whole_answer
from features.ledger.decisions import Decided
from features.store import DATABASE
from features.versions import current_folder
from serving.api import next_best_offers
from serving.api.answer_text import answer_text
from serving.api.next_best_offers import PATH, decide, decided
from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.app import create_app
from serving.services import Services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS

CHANNEL = "web"


class Watched:
    """A service whose answers and records are looked at."""

    def __init__(self, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client, self.services, self.put, self.again = client, self._services(client), list[Decided](), 0
        before, line = next_best_offers.once_more, self.services.decisions

        def counted(*told: Any) -> Any:
            found = before(*told)
            self.again += found is not None
            return found

        monkeypatch.setattr(next_best_offers, "once_more", counted)
        kept = line.put
        monkeypatch.setattr(line, "put", lambda one: (self.put.append(one), kept(one))[1])

    @staticmethod
    def _services(client: TestClient) -> Services:
        found: Services = client.app.state.services  # type: ignore[attr-defined]
        return found

    def asked(self, **body: Any) -> dict[str, Any]:
        """Ask; what is answered and recorded must be what the same decision comes to when it is made."""
        answer = self.client.post(PATH, json=body)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        request, services = NextBestOffersRequest(**body), self.services
        permitted = services.permitted(next_best_offers.asked_about(request))
        made = decide(services, request, permitted, decision_id=told["decision_id"])
        degraded = made.degraded | services.staleness() | permitted.degraded
        text = answer_text(request, made, degraded, request.customer_id)
        assert answer.text == text
        one, other = self.put[-1], decided(services, request, made, text, degraded)
        body = whole_answer(one.decision_id, one.body, None if one.answer is None else one.answer.body)
        assert (one.decision_id, one.recorded_as, body, one.record) == (other.decision_id, other.recorded_as, other.body, other.record)
        assert (one.contact, one.exposures, one.slate) == (other.contact, other.exposures, other.slate)
        return told


@pytest.fixture
def watched(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    (own_shop / FILE).write_text("[exploration]\nshare = 0.1\n[holdouts]\nuniversal = 0.05\nmodel_control = 0.05\n", encoding="utf-8")
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        yield Watched(client, monkeypatch)


def test_whoever_is_here_is_answered_once_more_as_if_it_had_been_decided(watched: Watched) -> None:
    for customer in CUSTOMERS[:12]:
        for _ in range(8):
            watched.asked(customer_id=customer, channel=CHANNEL)
    assert 40 < watched.again < 12 * 7
    assert sum(one.answer is not None for one in watched.put) == watched.again  # what is said again is kept once
    records = [json.loads(str(one.record)) for one in watched.put]
    assert len({one["decision_id"] for one in records}) == len({one["seed"] for one in records}) == 12 * 8


def test_another_question_has_another_answer(watched: Watched) -> None:
    questions: list[dict[str, Any]] = [
        {},
        {"limit": 1},
        {"limit": 5},
        {"scenario": "a page"},
        {"channel": "email"},
        {"cart": ["p01"]},
        {"explain": True},
        {"personalized": False},
        {"context": {"of": "the caller"}},
    ]
    for _ in range(3):
        for more in questions:
            watched.asked(**{"customer_id": CUSTOMERS[0], "channel": CHANNEL, **more})


def test_the_share_that_finds_something_out_stays_as_it_is(watched: Watched) -> None:
    share, policy = watched.services.live.policy.exploration.share, watched.services.live.policy
    free = [one for one in CUSTOMERS if holdout_of(one, policy.holdouts) is None][:10]
    for customer in free * 60:
        watched.client.post(PATH, json={"customer_id": customer, "channel": CHANNEL})
    explored = sum(json.loads(str(one.record))["explored"] for one in watched.put)
    count = len(watched.put)
    assert abs(explored / count - share) < 4 * (share * (1 - share) / count) ** 0.5
    assert watched.again > count / 2


def test_those_who_are_sent_nothing_are_answered_once_more_too(watched: Watched) -> None:
    held = [one for one in CUSTOMERS if holdout_of(one, watched.services.live.policy.holdouts) is Holdout.UNIVERSAL][:2]
    assert held
    for customer in held * 5:
        told = watched.asked(customer_id=customer, channel=CHANNEL)
        assert [one["type"] for one in told["offers"]] == ["no_action"]
    assert len(held) * 2 <= watched.again <= len(held) * 4  # the service may have looked at its files meanwhile, and begun anew


def test_what_is_new_is_in_the_next_answer(watched: Watched, own_shop: Path) -> None:
    services, customer = watched.services, next(one for one in CUSTOMERS if holdout_of(one, watched.services.live.policy.holdouts) is None)

    def offered() -> list[str]:
        """Products in some answers: now and then silence is drawn."""
        told = [watched.asked(customer_id=customer, channel=CHANNEL) for _ in range(6)]
        return [item["product_id"] for one in told for offer in one["offers"] for item in offer["items"]]

    product = offered()[0]
    watched.client.put("/v1/stock", json={"items": [{"product_id": product, "quantity": 0}]}).raise_for_status()
    services.follow()
    assert product not in offered()
    store = sqlite3.connect(current_folder(own_shop / "online", remedy="") / DATABASE)
    with store:
        store.execute("DELETE FROM huitou_customer_online")
    store.close()
    nobody = watched.asked(customer_id=customer, channel=CHANNEL)
    assert nobody["personalized"] is False
    before = watched.again
    offered()
    assert watched.again == before


def test_a_withdrawal_works_from_the_next_answer_on(watched: Watched) -> None:
    customer = CUSTOMERS[1]
    for _ in range(6):
        watched.asked(customer_id=customer, channel=CHANNEL)
    statement = {"customer_id": customer, "purpose": "personalisation", "state": "withdrawn"}
    answer = watched.client.put("/v1/consents", json={"items": [statement]})
    assert answer.status_code == 200, answer.text
    before = watched.again
    assert watched.asked(customer_id=customer, channel=CHANNEL)["personalized"] is False
    assert watched.again == before
