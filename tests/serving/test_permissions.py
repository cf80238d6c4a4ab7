"""Consent in every answer: what the ledger says now decides what is used and what may be sent."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.ledger import identities
from serving.app import create_app
from serving.campaigns.at_risk import write_at_risk_audience
from serving.campaigns.scores import score_all
from serving.services import Services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS, LEAVING

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def own(own_shop: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        yield client


def say(client: TestClient, customer: str, purpose: str, state: str, channel: str = "*") -> None:
    body = [{"customer_id": customer, "purpose": purpose, "channel": channel, "state": state}]
    assert client.put("/v1/consents", json=body).json()["accepted"] == 1


def offers(client: TestClient, customer: str, **more: object) -> dict[str, object]:
    answer = client.post("/v1/next-best-offers", json={"customer_id": customer, "explain": True, "limit": 20, **more}).json()
    return dict(answer)


def comparable(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name not in {"decision_id", "customer_id", "dropped"}}


def customers_in(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [row["customer_id"] for row in csv.DictReader(file)]


def test_the_list_of_what_is_due_leaves_out_who_withdrew(own: TestClient) -> None:
    path = "/v1/replenishments/due?within_days=14&limit=1000"
    listed = [row["customer_id"] for row in own.get(path).json()["items"]]
    say(own, listed[0], "profiling", "withdrawn")
    assert [row["customer_id"] for row in own.get(path).json()["items"]] == [c for c in listed if c != listed[0]]


def test_whoever_withdraws_personalisation_is_answered_as_somebody_unknown(own: TestClient) -> None:
    assert offers(own, "c000")["personalized"] is True
    say(own, "c000", "personalisation", "withdrawn")
    say(own, "nobody-knows", "marketing", "granted")
    withdrawn, unknown = offers(own, "c000"), offers(own, "nobody-knows")
    assert withdrawn["personalized"] is False
    assert withdrawn["churn"] is None
    assert comparable(withdrawn) == comparable(unknown)
    assert own.post("/v1/recommendations", json={"customer_id": "c000"}).json()["personalized"] is False
    assert own.post("/v1/bundles", json={"customer_id": "c000"}).json()["personalized"] is False
    assert own.get("/v1/customers/c000/scores").status_code == 200  # profiling is another purpose, and stands
    say(own, "c000", "personalisation", "granted")
    assert offers(own, "c000")["personalized"] is True


@pytest.mark.parametrize("path", ["", "/scores"])
def test_whoever_withdraws_profiling_is_like_somebody_unknown(own: TestClient, path: str) -> None:
    assert own.get(f"/v1/customers/c000{path}").json()["personalized"] is True
    say(own, "c000", "profiling", "withdrawn")
    withdrawn, unknown = (own.get(f"/v1/customers/{customer}{path}") for customer in ("c000", "never-seen"))
    assert withdrawn.status_code == unknown.status_code == 200
    assert withdrawn.json()["personalized"] is False
    assert withdrawn.text == unknown.text.replace("never-seen", "c000")
    assert offers(own, "c000")["personalized"] is False


@pytest.mark.parametrize("personalized", [True, False])
def test_without_consent_to_marketing_on_the_channel_nothing_is_sent(own: TestClient, personalized: bool) -> None:
    assert len(offers(own, LEAVING, channel="email", personalized=personalized)["offers"]) > 1  # type: ignore[arg-type]
    say(own, LEAVING, "marketing", "withdrawn", "email")
    answer = offers(own, LEAVING, channel="email", personalized=personalized)
    assert [offer["type"] for offer in answer["offers"]] == ["no_action"]  # type: ignore[attr-defined]
    codes = {dropped["code"] for dropped in answer["dropped"]}  # type: ignore[attr-defined]
    assert "channel_not_consented" in codes
    assert len(offers(own, LEAVING, channel="app", personalized=personalized)["offers"]) > 1  # type: ignore[arg-type]
    undecided = offers(own, LEAVING, personalized=personalized)
    assert len(undecided["offers"]) > 1  # type: ignore[arg-type]
    assert all("email" not in offer["channels"] for offer in undecided["offers"])  # type: ignore[attr-defined]


def test_what_the_customer_comes_to_see_is_no_message(own: TestClient) -> None:
    say(own, LEAVING, "marketing", "withdrawn")
    assert [offer["type"] for offer in offers(own, LEAVING, channel="email")["offers"]] == ["no_action"]  # type: ignore[attr-defined]
    assert len(offers(own, LEAVING, channel="desk")["offers"]) > 1  # type: ignore[arg-type]


def test_somebody_of_whom_nothing_is_known_agreed_to_nothing(own: TestClient) -> None:
    assert [o["type"] for o in offers(own, "never-seen", channel="email")["offers"]] == ["no_action"]  # type: ignore[attr-defined]
    nobody = own.post("/v1/next-best-offers", json={"channel": "email"}).json()
    assert len(nobody["offers"]) > 1


def test_a_withdrawal_under_one_id_counts_for_all_of_them(own: TestClient) -> None:
    services: Services = own.app.state.services  # type: ignore[attr-defined]
    with services.ledger.database.writing() as connection:
        assert identities.link(connection, "card-1", "c000", at=AT, source="test").changed
    assert offers(own, "card-1")["churn"] == offers(own, "c000")["churn"] is not None
    say(own, "card-1", "profiling", "withdrawn")
    assert offers(own, "c000")["personalized"] is False
    assert own.get("/v1/customers/c000/scores").json()["personalized"] is False


def test_files_leave_out_who_may_not_be_profiled_or_contacted(own: TestClient, tmp_path: Path) -> None:
    services: Services = own.app.state.services  # type: ignore[attr-defined]
    write_at_risk_audience(services, horizon=28, size=500, holdout=0.0, seed=1, out=tmp_path / "before.csv")
    first, second = customers_in(tmp_path / "before.csv")[:2]
    say(own, first, "marketing", "withdrawn")
    say(own, second, "profiling", "withdrawn")
    write_at_risk_audience(services, horizon=28, size=500, holdout=0.0, seed=1, out=tmp_path / "after.csv")
    after = set(customers_in(tmp_path / "after.csv"))
    assert after
    assert {first, second}.isdisjoint(after)
    assert score_all(services, tmp_path / "scores.csv") == len(CUSTOMERS) - 1
    assert second not in customers_in(tmp_path / "scores.csv")


def test_without_the_ledger_nothing_personal_is_used(own: TestClient, own_shop: Path) -> None:
    own.app.state.services.ledger.close()  # type: ignore[attr-defined]
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (own_shop / name).unlink(missing_ok=True)
    (own_shop / "ledger.db").write_bytes(b"no database" * 1000)
    answer = offers(own, LEAVING, channel="email")
    assert answer["personalized"] is False
    assert [offer["type"] for offer in answer["offers"]] == ["no_action"]  # type: ignore[attr-defined]
    assert "consent" in [part["part"] for part in answer["degraded_reasons"]]  # type: ignore[attr-defined]
    scores = own.get(f"/v1/customers/{LEAVING}/scores").json()
    assert scores["personalized"] is False
    assert "consent" in [part["part"] for part in scores["degraded_reasons"]]
