"""What a shop may send, write or lack by mistake, one line each: the answer is clear, lawful, and never a failure of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.errors import SourceUnreadable
from serving.app import create_app
from serving.errors import ContactPolicyRefused
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_policy import POLICY
from tests.serving.small_shop import CUSTOMERS, OUT_OF_STOCK

OFFERS = "/v1/next-best-offers"
Shop = Callable[..., tuple[Services, TestClient]]
PLAIN = {"offer_id": "spring", "type": "coupon", "discount": 0.2, "margin": 3.0}


@pytest.fixture
def opened(own_shop: Path) -> Iterator[Shop]:
    """Starts the service of a shop of the test's own, with another policy where one is given."""
    with ExitStack() as running:

        def start(policy: str = POLICY) -> tuple[Services, TestClient]:
            (own_shop / "policy.toml").write_text(policy, encoding="utf-8")
            services = build_services(ServingSettings(data_dir=own_shop, reload_seconds=3600))
            running.callback(services.ledger.close)
            client = running.enter_context(TestClient(create_app(services.settings, services), raise_server_exceptions=False))
            return services, client

        yield start


def asked(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post(OFFERS, json={"customer_id": "c060", "channel": "email", "explain": True, "limit": 5, **body})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["offers"]
    assert sum(offer["propensity"] for offer in told["offers"]) <= 1 + 1e-6
    return told


def test_an_unknown_customer_gets_what_suits_most(opened: Shop) -> None:
    _, client = opened()
    told = asked(client, customer_id="nobody-knows-me", channel="web")
    assert (told["personalized"], told["stage"], told["churn"], told["degraded"]) == (False, "stranger", None, False)
    assert {code for one in told["offers"] for code in one["reason_codes"]} <= {"popular", "bought_together", "no_action"}


@pytest.mark.parametrize(
    ("offer", "field", "said"),
    [
        ({"product_ids": ["p01", "no-such"]}, "product_ids", "no-such"),
        ({"margin": -1.0}, "margin", "greater than or equal to 0"),
        ({"margin": 0.1}, "", "margin is below the discount: every response would lose money"),
        ({"starts_at": "2024-07-02T00:00:00Z", "ends_at": "2024-07-01T00:00:00Z"}, "", "ends_at is before starts_at"),
        ({"conditions": {"field": "order_cuont", "op": "ge", "value": 1}}, "conditions", "order_count"),
        ({"conditions": {"field": "age_from", "op": "ge", "value": 60}}, "", "a price may not depend on who somebody is"),
        ({"valid_days": 0}, "valid_days", "greater than 0"),
        ({"discount": "NaN"}, "discount", "finite number"),
        ({"type": "lottery"}, "type", "there is no offer type lottery"),
        ({"channels": ["fax"]}, "channels", "the shop has no channel fax"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused_by_its_field(opened: Shop, offer: dict[str, Any], field: str, said: str) -> None:
    services, client = opened()
    answer = client.put("/v1/offers", json={"items": [{**PLAIN, **offer}, {**PLAIN, "offer_id": "good"}]}).json()
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    refused = answer["items"][0]
    assert (refused["index"], refused["field"].startswith(field)) == (0, True)
    assert said in refused["reason"]
    services.follow()
    assert set(services.live.offers.by_id) == {"good"}


@pytest.mark.parametrize(
    ("offer", "code", "said"),
    [
        ({"product_ids": [OUT_OF_STOCK]}, "out_of_stock", ""),
        ({"ends_at": "2024-06-01T00:00:00Z"}, "ended", "2024-06-01"),
        ({"starts_at": "2025-06-01T00:00:00Z"}, "not_started", "2025-06-01"),
        ({"channels": ["app"]}, "channel_not_consented", ""),
        ({"layers": ["high_value"], "stages": ["stranger"]}, "stage", ""),
    ],
)
def test_what_may_not_be_sent_falls_with_its_reason_in_both_languages(opened: Shop, offer: dict[str, Any], code: str, said: str) -> None:
    services, client = opened()
    assert client.put("/v1/offers", json={"items": [{**PLAIN, **offer}]}).json()["accepted"] == 1
    services.follow()
    told = asked(client)
    (fallen,) = [one for one in told["dropped"] if one["offer_id"] == "spring"]
    assert fallen["code"] == code
    assert said in fallen["sentence_en"]
    assert fallen["sentence_zh"]
    assert "spring" not in {one["offer_id"] for one in told["offers"]}


CONFLICTS = [
    ('[contact]\ncaps = [{ channel = "fax", most = 1, period = "week" }]', ContactPolicyRefused, "is for channel fax"),
    (
        '[contact]\ncaps = [{ most = 5, period = "day" }, { most = 3, period = "week" }]',
        ContactPolicyRefused,
        "can never be reached under that of 3 per week",
    ),
    ("[holdouts]\nuniversal = 0.9\nmodel_control = 0.2", SourceUnreadable, "together exceed everybody"),
    ("[contact]\nleaving_customers = 2", SourceUnreadable, "contact.leaving_customers"),
    ("[value]\ncaution = nan", SourceUnreadable, "value.caution"),
]


@pytest.mark.parametrize(("policy", "kind", "said"), CONFLICTS)
def test_a_policy_that_contradicts_itself_starts_no_service_and_stops_none(
    opened: Shop, own_shop: Path, policy: str, kind: type[Exception], said: str
) -> None:
    services, client = opened()
    before = asked(client)
    (own_shop / "policy.toml").write_text(policy, encoding="utf-8")
    services.follow()
    assert said in client.get("/readyz").json()["problems"]["policy"]
    assert asked(client)["policy_version"] == before["policy_version"], "the one in force goes on"
    with pytest.raises(kind, match=said):
        build_services(ServingSettings(data_dir=own_shop))


def test_where_nothing_may_be_sent_silence_is_the_answer(opened: Shop) -> None:
    _, client = opened('[contact]\ncaps = [{ most = 0, period = "week" }]\n[holdouts]\nuniversal = 0\nmodel_control = 0')
    told = asked(client)
    assert [(one["type"], one["propensity"], one["expected_value"]) for one in told["offers"]] == [("no_action", 1.0, 0.0)]
    assert {one["code"] for one in told["dropped"]} >= {"cap_reached"}
    assert client.post(OFFERS, json={"customer_id": "c060", "channel": "no-such-channel"}).json()["offers"][0]["type"] == "no_action"


def test_candidates_that_are_all_equal_share_the_chance_and_are_given_in_a_fixed_order(opened: Shop) -> None:
    services, client = opened("[exploration]\nshare = 1.0\nfloor = 1.0\n[holdouts]\nuniversal = 0\nmodel_control = 0")
    same = [{"offer_id": f"same-{n}", "type": "content", "margin": 5.0, "url": "https://shop.example/s"} for n in range(4)]
    assert client.put("/v1/offers", json={"items": same}).json()["accepted"] == 4
    services.follow()
    decision_ids = []
    for _ in range(3):
        told = asked(client, limit=20)
        shares = {one["offer_id"]: one["propensity"] for one in told["offers"] if one["offer_id"].startswith("same-")}
        if len(shares) > 1:
            assert len(set(shares.values())) == 1
        decision_ids.append(told["decision_id"])
    services.decisions.close()
    values = set()
    for decision_id in decision_ids:
        again = client.get(f"/v1/decisions/{decision_id}").json()
        assert again["replayed"], again["differences"]
        alike = [one for one in again["considered"] if one["offer_id"].startswith("same-")]
        assert len({(one["value"], one["propensity"]) for one in alike}) == 1
        values.add(len(alike))
        np.testing.assert_allclose(sum(one["propensity"] for one in again["considered"]), 1.0, atol=1e-4)
    assert values == {4}


def test_a_holdout_of_everybody_sends_nothing_and_lets_nobody_experiment(opened: Shop) -> None:
    _, client = opened("[holdouts]\nuniversal = 1.0\nmodel_control = 0.0")
    for customer in CUSTOMERS[:5]:
        told = asked(client, customer_id=customer)
        assert (told["holdout"], told["experiment"]) == ("universal", None)
        assert [(one["type"], one["propensity"]) for one in told["offers"]] == [("no_action", 1.0)]
    arms = [{"name": "a"}, {"name": "b", "overrides": {"ranking": "price_first"}}]
    written = {"experiment_id": "e", "arms": arms, "starts_at": "2024-01-01T00:00:00Z", "size": 100}
    (refused,) = client.put("/v1/experiments", json={"items": [written]}).json()["items"]
    assert (refused["field"], "nobody is left for an experiment" in refused["reason"]) == ("share", True)


def test_a_model_control_of_everybody_deals_evenly(opened: Shop) -> None:
    services, client = opened("[holdouts]\nuniversal = 0.0\nmodel_control = 1.0")
    told = [asked(client, customer_id=customer) for customer in CUSTOMERS[:5]]
    services.decisions.close()
    for one in told:
        assert one["holdout"] == "model_control"
        again = client.get(f"/v1/decisions/{one['decision_id']}").json()
        assert again["replayed"]
        assert len({offer["propensity"] for offer in again["considered"]}) == 1
