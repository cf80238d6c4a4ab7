"""Leaving the channel in every answer: with the model, for who has left, without the model, and with a broken one."""

from __future__ import annotations

import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.decisions.record import Considered, Factors
from features.feature_sets import CUSTOMER
from serving.app import create_app
from serving.campaigns.at_risk import Rank, write_at_risk_audience
from serving.campaigns.scores import score_all
from serving.channel_scores import added_leaving, channel_probabilities
from serving.customer_context import CustomerContext
from serving.decisioning.effect_state import effect_state
from serving.decisioning.engine import Engine, OfferRequest
from serving.decisioning.experiments import ExperimentBook
from serving.errors import SelfTestFailed
from serving.lost_reach import lost_of
from serving.model_checks import check_channel_churn
from serving.offers.offer_types import OFFER_TYPES
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_channel import write_channel
from tests.serving.small_shop import promote
from training.artifacts.channel_churn import ChannelChurn

LEFT = CUSTOMER.columns.index("channel_left")


@pytest.fixture
def channel_shop(own_shop: Path) -> Path:
    promote(own_shop, "channel_churn", write_channel(own_shop / "fitted" / "channel_churn", 7), version="1")
    return own_shop


@pytest.fixture
def channel_services(channel_shop: Path) -> Services:
    return build_services(ServingSettings(data_dir=channel_shop))


@pytest.fixture
def model(channel_services: Services) -> ChannelChurn:
    found = channel_services.live.models.channel_churn
    assert found is not None
    return found


def asked(data_dir: Path, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    with TestClient(create_app(ServingSettings(data_dir=data_dir))) as client:
        answer = client.get(path) if body is None else client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_horizon_of_the_scores_has_it_and_it_rises_with_the_horizon(channel_shop: Path, model: ChannelChurn) -> None:
    answer = asked(channel_shop, "/v1/customers/c000/scores?horizon_days=45&horizon_days=14&horizon_days=91")
    chances = [entry["channel_churn_probability"] for entry in answer["churn"]]
    assert chances == sorted(chances)
    assert 0 < chances[0] < chances[-1] < 1
    assert not answer["degraded"]
    portrait = asked(channel_shop, "/v1/customers/c000")["predictions"]["churn"]
    assert [entry["channel_churn_probability"] is not None for entry in portrait] == [True] * 4


def test_the_answers_are_the_model_s(channel_services: Services, model: ChannelChurn) -> None:
    customer = channel_services.live.reader.read("c003")
    assert customer is not None
    stored = customer.vector[None, :]
    (found,) = channel_probabilities(channel_services.live, stored, [28, 91])
    np.testing.assert_allclose([found[28], found[91]], model.churn_probability(stored, np.array([28.0, 91.0]))[0], atol=5e-7)  # type: ignore[arg-type]


def test_who_has_left_has_none_and_nothing_is_added(channel_services: Services, model: ChannelChurn) -> None:
    customer = channel_services.live.reader.read("c003")
    assert customer is not None
    stored = np.vstack([customer.vector, customer.vector])
    stored[1, LEFT] = 1.0
    here, gone = channel_probabilities(channel_services.live, stored, [28])
    assert here[28] is not None
    assert gone[28] is None
    added = added_leaving(model, stored)
    assert added[0] > 0
    assert added[1] == 0


def decided(services: Services, channel: str | None) -> dict[str, Considered]:
    """Without the least that the policy says a message costs: then what the model says of it shows."""
    policy = services.live.policy.changed({"contact": {"leaving": 0.0}})
    live, request = services.live.trying(ExperimentBook((), policy)), OfferRequest("c003", channel, limit=20)
    decision = Engine(OFFER_TYPES).decide(live, request, now=services.now)
    return {one.offer_id: one for one in decision.record.considered}


def test_each_offer_costs_the_message_and_the_leaving_but_silence_costs_nothing(channel_services: Services) -> None:
    without = replace(channel_services, live=channel_services.live.with_models(replace(channel_services.live.models, channel_churn=None)))
    plain, dearer = decided(without, "email"), decided(channel_services, "email")
    assert plain.keys() == dearer.keys()
    assert len(dearer) > 3
    context = CustomerContext(channel_services.live, channel_services.now, channel_services.live.reader.read("c003"), "email")
    policy = channel_services.live.policy
    leaving = context.added_leaving * lost_of(context, policy, effect_state(context), None).money(policy.contact, None)
    assert leaving > 0
    for name, one in dearer.items():
        if name == "no_action":
            assert (one.value, one.factors) == (0.0, Factors(p0_soon=0.0))
        else:
            assert one.factors.fatigue == pytest.approx(leaving)
            assert one.factors.contact_cost == plain[name].factors.contact_cost > 0
            assert one.value == pytest.approx(plain[name].value - leaving)
            assert plain[name].factors.fatigue == 0.0


def test_an_audience_pays_for_the_channel_what_decisions_pay(channel_services: Services, tmp_path: Path) -> None:
    told = []
    for brings in (0.0, 0.05):
        sent = [(channel_services.now, brings)] * 30
        channel_services.engine.messages.began_with(dict.fromkeys(channel_services.outbound_channels, sent))
        out = tmp_path / f"{brings}.csv"
        write_at_risk_audience(channel_services, horizon=28, size=50, holdout=0.0, seed=1, out=out, rank=Rank.VALUE_AT_RISK)
        with out.open(newline="") as file:
            told.append(sum(float(row["cost_of_leaving"]) for row in csv.DictReader(file)))
    assert told[0] == 0.0
    assert told[1] > 0.0


def test_the_breakdown_stands_in_the_answer(channel_shop: Path) -> None:
    paid = []
    for number in range(10):
        answer = asked(channel_shop, "/v1/next-best-offers", {"customer_id": f"c00{number}", "channel": "email", "limit": 5})
        assert 0 < answer["churn"]["channel_churn_probability_28d"] < 1
        paid += [offer for offer in answer["offers"] if offer["type"] != "no_action"]
    assert paid
    assert all(0 <= offer["cost_of_leaving"] <= offer["cost"] for offer in paid)
    assert any(offer["cost_of_leaving"] > 0 for offer in paid)


@pytest.mark.parametrize("body", [{"limit": 5}, {"customer_id": "c003", "personalized": False}])
def test_nothing_of_the_customer_is_used_where_it_may_not_be(channel_shop: Path, body: dict[str, Any]) -> None:
    answer = asked(channel_shop, "/v1/next-best-offers", body)
    assert answer["churn"] is None
    assert {offer["cost_of_leaving"] for offer in answer["offers"]} == {0.0}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_carry_it(channel_services: Services, tmp_path: Path) -> None:
    score_all(channel_services, tmp_path / "scores.csv")
    for row in rows(tmp_path / "scores.csv"):
        chances = [float(row[f"channel_churn_probability_{h}d"]) for h in (14, 28, 56, 91)]
        assert chances == sorted(chances)
    write_at_risk_audience(channel_services, horizon=28, size=20, holdout=0.0, seed=1, out=tmp_path / "audience.csv")
    found = rows(tmp_path / "audience.csv")
    assert found
    for row in found:
        assert 0 <= float(row["channel_churn_probability"]) <= 1
        told = Decimal(row["value_at_risk"]) - Decimal(row["contact_cost"]) - Decimal(row["cost_of_leaving"])
        assert abs(Decimal(row["expected_value"]) - told) <= Decimal("0.02")
        assert Decimal(row["expected_value"]) >= 0


def test_a_shop_without_the_model_is_not_degraded_and_readyz_says_why(own_shop: Path, tmp_path: Path) -> None:
    answer = asked(own_shop, "/v1/customers/c000/scores")
    assert not answer["degraded"]
    assert [entry["channel_churn_probability"] for entry in answer["churn"]] == [None] * 4
    offers = asked(own_shop, "/v1/next-best-offers", {"customer_id": "c000"})
    assert not offers["degraded"]
    assert offers["churn"]["channel_churn_probability_28d"] is None
    ready = asked(own_shop, "/readyz")
    assert "`huitou train channel_churn` trains it or says what is missing." in ready["models"]["channel_churn"]["problem"]
    assert "channel_churn" not in ready["problems"]
    assert ready["status"] == "ready"
    score_all(build_services(ServingSettings(data_dir=own_shop)), tmp_path / "scores.csv")
    assert {row["channel_churn_probability_28d"] for row in rows(tmp_path / "scores.csv")} == {""}


def test_a_broken_model_is_degraded(channel_shop: Path) -> None:
    (artifact,) = (channel_shop / "models" / "channel_churn").glob("*/hazard.txt")
    artifact.write_text("not trees", encoding="utf-8")
    answer = asked(channel_shop, "/v1/customers/c000/scores")
    assert [part["part"] for part in answer["degraded_reasons"]] == ["channel_churn"]
    assert [entry["channel_churn_probability"] for entry in answer["churn"]] == [None] * 4
    assert "channel_churn" in asked(channel_shop, "/readyz")["problems"]


def test_the_self_test_passes_what_is_sound_and_refuses_what_is_not(model: ChannelChurn) -> None:
    check_channel_churn(model)

    class Rising(ChannelChurn):
        def hazards(self, stored: np.ndarray, steps: int) -> np.ndarray:
            return np.full((len(stored), steps), np.nan)

    with pytest.raises(SelfTestFailed, match="channel_churn"):
        check_channel_churn(Rising(model.booster, model.header))
