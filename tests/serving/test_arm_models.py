"""Arms of an experiment that answer with models of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.decisions.record import DecisionRecord
from serving.app import create_app
from serving.arm_models import ArmModels
from serving.category_needs import hazards_within
from serving.decisioning.engine import OfferRequest
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, CUSTOMERS, manifest, promote, write_items, write_repurchase
from training import local_models, spare_models
from training.artifacts.items import ItemModel
from training.local_models import VersionRef

OFFERS = "/v1/next-best-offers"
LABEL = "2-0a1b2c3d"
REF = VersionRef(version="2", run_id="0a1b2c3d4e5f")
NEWER = {"name": "newer", "models": {"repurchase": "2"}}
EXPERIMENT: dict[str, Any] = {
    "experiment_id": "models",
    "arms": [{"name": "live"}, NEWER],
    "starts_at": "2018-01-01T00:00:00Z",
    "size": 100,
}


@pytest.fixture
def newer_shop(own_shop: Path) -> Path:
    """The small shop with a second repurchase model on its disk that is not champion."""
    local_models.install(own_shop, "repurchase", REF, write_repurchase(own_shop / "fitted" / "repurchase-2", seed=99))
    return own_shop


def served(folder: Path) -> tuple[Services, TestClient]:
    services = build_services(ServingSettings(data_dir=folder, reload_seconds=3600))
    return services, TestClient(create_app(services.settings, services), raise_server_exceptions=False)


@pytest.fixture
def running(newer_shop: Path) -> Iterator[tuple[Services, TestClient]]:
    services, client = served(newer_shop)
    with client:
        assert put(client, EXPERIMENT)["accepted"] == 1
        services.follow()
        yield services, client
    services.ledger.close()


def put(client: TestClient, *items: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.put("/v1/experiments", json={"items": list(items)}).json()
    return found


def arm_of(services: Services, customer_id: str) -> str:
    return services.live.experiments.assigned(customer_id, services.now).assignments[0].arm


def in_arm(services: Services, arm: str) -> list[str]:
    return [one for one in CUSTOMERS if arm_of(services, one) == arm]


def test_a_decision_of_the_arm_is_made_with_its_model_and_says_so(running: tuple[Services, TestClient]) -> None:
    services, client = running
    written = client.get("/v1/experiments/models").json()["experiment"]
    assert written["arms"][1]["models"] == {"repurchase": LABEL}, "what was meant by 2 stands in it from now on"
    newer, live = in_arm(services, "newer"), in_arm(services, "live")
    assert newer
    assert live
    for customers, label in ((newer, LABEL), (live, "1-0a1b2c3d")):
        answers = [client.post(OFFERS, json={"customer_id": one, "channel": "email"}).json() for one in customers[:10]]
        assert {answer["model_versions"]["repurchase"] for answer in answers} == {label}
        assert {answer["experiment"] for answer in answers} == {f"models:{'newer' if label == LABEL else 'live'}"}
        assert not any(answer["degraded"] for answer in answers)
    services.decisions.close()
    for customer in (newer[0], live[0]):
        made = services.engine.decide(services.live, OfferRequest(customer, "email", limit=3), now=services.now)
        record = DecisionRecord.model_validate_json(made.record.model_dump_json())
        assert record.model_versions["repurchase"] == (LABEL if customer == newer[0] else "1-0a1b2c3d")


def test_what_is_recorded_is_replayed_from_the_record_alone(running: tuple[Services, TestClient], newer_shop: Path) -> None:
    services, client = running
    ids = [client.post(OFFERS, json={"customer_id": one, "channel": "email"}).json()["decision_id"] for one in CUSTOMERS[:20]]
    services.decisions.close()
    shutil.rmtree(newer_shop / "models" / "repurchase" / LABEL)
    versions = set()
    for decision_id in ids:
        told = client.get(f"/v1/decisions/{decision_id}").json()
        assert told["replayed"], told["differences"]
        versions.add(told["model_versions"]["repurchase"])
    assert versions == {LABEL, "1-0a1b2c3d"}


def test_what_is_remembered_of_one_set_is_not_told_by_another(running: tuple[Services, TestClient]) -> None:
    services, _ = running
    customer = in_arm(services, "newer")[0]
    asked = OfferRequest(customer, "email", limit=3)
    arm = services.live.arm_models.models["repurchase", LABEL]
    contexts = [services.engine.decide(live, asked, now=services.now).context for live in (services.live, services.live.without_arms()) * 2]
    assert contexts[0].kept is contexts[2].kept is not None
    assert contexts[1].kept is contexts[3].kept is not None
    assert contexts[0].kept is not contexts[1].kept
    for context, model in zip(contexts, (arm, services.live.models.repurchase) * 2, strict=True):
        assert context.category_inputs is not None
        expected = hazards_within(model, *context.category_inputs, context.horizon_days)
        assert context.category_hazards is not None
        np.testing.assert_array_equal(context.category_hazards, expected)
    assert not np.allclose(contexts[0].category_hazards, contexts[1].category_hazards)  # type: ignore[arg-type]


def test_the_arm_follows_stock_and_offers_and_a_new_champion_leaves_it_alone(
    running: tuple[Services, TestClient], newer_shop: Path
) -> None:
    services, client = running
    customer = in_arm(services, "newer")[0]
    arm, _ = services.live.in_arm({"repurchase": LABEL})
    client.put("/v1/stock", json={"items": [{"product_id": "p10", "quantity": 0}]})
    client.put("/v1/offers", json={"items": [{"offer_id": "spring", "type": "item", "product_ids": ["p11"]}]})
    services.follow()
    later, _ = services.live.in_arm({"repurchase": LABEL})
    assert later.memory is arm.memory
    assert not later.catalogue.offerable("p10")
    assert "spring" in later.offers.by_id
    promote(newer_shop, "repurchase", write_repurchase(newer_shop / "fitted" / "repurchase-3", seed=5), version="3")
    promote(newer_shop, "items", write_items(newer_shop / "fitted" / "items-2", seed=8), version="2")
    assert services.reload_if_changed()
    answer = client.post(OFFERS, json={"customer_id": customer, "channel": "email"}).json()
    assert (answer["model_versions"]["repurchase"], answer["model_versions"]["items"]) == (LABEL, LABEL)
    assert services.live.models.versions["repurchase"] == "3-0a1b2c3d"
    for number in range(4, 9):  # old versions go, but not what an arm answers with
        promote(
            newer_shop, "repurchase", write_repurchase(newer_shop / "fitted" / f"repurchase-{number}", seed=number), version=f"{number}"
        )
    assert LABEL in spare_models.labels(newer_shop / "models" / "repurchase")
    assert "1-0a1b2c3d" not in spare_models.labels(newer_shop / "models" / "repurchase")


def test_items_and_bundles_answer_in_arms_by_the_same_road(own_shop: Path) -> None:
    local_models.install(own_shop, "items", REF, write_items(own_shop / "fitted" / "items-2", seed=8))
    services, client = served(own_shop)
    with client:
        told = {**EXPERIMENT, "arms": [{"name": "live"}, {"name": "newer", "models": {"items": LABEL, "bundles": "@champion"}}]}
        assert put(client, told)["accepted"] == 1
        client.put("/v1/offers", json={"items": [{"offer_id": "spring", "type": "item", "product_ids": ["p11"]}]})
        services.follow()
        arm, degraded = services.live.in_arm({"items": LABEL, "bundles": "1-0a1b2c3d"})
        assert not degraded
        assert arm.models.bundles is services.live.models.bundles, "what serves already is not loaded twice"
        plain = services.live.with_models(arm.models)
        for customer in in_arm(services, "newer")[:10]:
            asked = OfferRequest(customer, "email", limit=3)
            decision, again = (services.engine.decide(live, asked, now=services.now) for live in (services.live, plain.without_arms()))
            np.testing.assert_allclose(decision.values, again.values)
            assert list(decision.slate.offer_ids) == list(again.slate.offer_ids)
            assert decision.record.model_versions["items"] == LABEL
        services.ledger.close()


@pytest.mark.parametrize(
    ("models", "field", "said"),
    [
        ({"weather": "1"}, "arms.1.models.weather", "There is no model weather"),
        ({"repurchase": "7"}, "arms.1.models.repurchase", "run `huitou fetch repurchase --version 7`"),
        ({"repurchase": "@challenger"}, "arms.1.models.repurchase", "run `huitou fetch repurchase --alias challenger`"),
        ({"repurchase": "@previous"}, "arms.1.models.repurchase", "There is no repurchase @previous"),
        ({"items": "3"}, "arms.1.models.items", "DATA_DIR/models/items/3-aa/items.npz was changed or damaged"),
        ({"items": "4"}, "arms.1.models.items", "not probabilities"),
        ({"repurchase": "5"}, "arms.1.models.repurchase", "feature"),
    ],
)
def test_an_arm_that_could_not_answer_is_refused_when_it_is_written(
    newer_shop: Path, models: dict[str, str], field: str, said: str
) -> None:
    services, client = served(newer_shop)
    good = services.live.models.items
    assert good is not None
    damaged = local_models.install(
        newer_shop, "items", VersionRef(version="3", run_id="aa"), write_items(newer_shop / "fitted" / "items-3", seed=3)
    )
    (damaged / "items.npz").write_bytes((damaged / "items.npz").read_bytes()[:-100])
    replace(good, factors=np.full_like(good.factors, np.nan)).save(newer_shop / "fitted" / "items-4", manifest("items"))
    local_models.install(newer_shop, "items", VersionRef(version="4", run_id="aa"), newer_shop / "fitted" / "items-4")
    other = write_repurchase(newer_shop / "fitted" / "repurchase-5", seed=3)
    told = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**told, "feature_set_hash": "anotherhash"}))
    local_models.install(newer_shop, "repurchase", VersionRef(version="5", run_id="aa"), other)
    with client:
        answer = put(client, {**EXPERIMENT, "arms": [{"name": "live"}, {"name": "newer", "models": models}]})
    services.ledger.close()
    assert (answer["accepted"], answer["refused"]) == (0, 1)
    assert answer["items"][0]["field"] == field
    assert said in answer["items"][0]["reason"]


def test_an_alias_is_what_it_named_when_the_experiment_was_written(newer_shop: Path) -> None:
    root = newer_shop / "models" / "repurchase"
    spare_models.name_alias(root, "@challenger", LABEL)
    services, client = served(newer_shop)
    told = {**EXPERIMENT, "arms": [{"name": "live"}, {"name": "newer", "models": {"repurchase": "@challenger"}}]}
    with client:
        assert put(client, told)["accepted"] == 1
        spare_models.name_alias(root, "@challenger", "1-0a1b2c3d")
        assert client.get("/v1/experiments/models").json()["experiment"]["arms"][1]["models"] == {"repurchase": LABEL}
        assert put(client, told)["items"][0]["field"] == "arms", "what has begun stays as it is"
    services.ledger.close()


def test_a_version_that_is_gone_leaves_the_arm_to_the_live_models_and_every_answer_says_so(
    running: tuple[Services, TestClient], newer_shop: Path
) -> None:
    before, _ = running
    customer, other = in_arm(before, "newer")[0], in_arm(before, "live")[0]
    folder = newer_shop / "models" / "repurchase" / LABEL
    aside = folder.rename(newer_shop / "aside")
    services, client = served(newer_shop)  # after a restart
    with client:
        answer = client.post(OFFERS, json={"customer_id": customer, "channel": "email"}).json()
        assert answer["model_versions"]["repurchase"] == "1-0a1b2c3d"
        assert answer["experiment"] == "models:newer", "who was dealt into an arm is read in it, whatever answered"
        assert [part["part"] for part in answer["degraded_reasons"]] == ["arm"]
        assert not client.post(OFFERS, json={"customer_id": other, "channel": "email"}).json()["degraded"]
        assert "huitou fetch repurchase --version 2" in client.get("/readyz").json()["problems"][f"arm repurchase {LABEL}"]
        assert 'huitou_degraded_answers_total{part="arm"} 1.0' in client.get("/metrics").text
        ended = {**EXPERIMENT, "arms": [{"name": "live"}, {"name": "newer", "models": {"repurchase": LABEL}}]}
        assert put(client, {**ended, "ends_at": "2999-01-01T00:00:00Z"})["accepted"] == 1, "it can still be ended"
        aside.rename(folder)
        assert services.follow(), "it answers as soon as it lies there again"
        again = client.post(OFFERS, json={"customer_id": customer, "channel": "email"}).json()
        assert (again["model_versions"]["repurchase"], again["degraded"]) == (LABEL, False)
    services.ledger.close()


class Failing(ItemModel):
    """Passes its self-test, and fails on everybody."""

    def __getattribute__(self, name: str) -> Any:
        if name in {"taste", "logits", "logits_of", "best"}:
            raise RuntimeError("not with this customer")
        return super().__getattribute__(name)


def test_an_arm_that_fails_in_requests_is_answered_by_the_live_models_and_they_are_not_blamed(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_models.install(own_shop, "items", REF, write_items(own_shop / "fitted" / "items-2", seed=8))
    services, client = served(own_shop)
    with client:
        assert put(client, {**EXPERIMENT, "arms": [{"name": "live"}, {"name": "newer", "models": {"items": LABEL}}]})["accepted"] == 1
        services.follow()
        bad = object.__new__(Failing)
        for part, value in vars(services.live.arm_models.models["items", LABEL]).items():
            object.__setattr__(bad, part, value)
        failing = ArmModels({("items", LABEL): bad}, {})
        monkeypatch.setattr(services.opening.arms, "keep", lambda *_: failing)  # a look meanwhile must not bring the good one back
        services.live = replace(services.live, arm_models=failing)
        services.trial.begin(services.live.models, services.live.models)
        customers = in_arm(services, "newer")[:5]
        for customer in customers:
            answer = client.post(OFFERS, json={"customer_id": customer, "channel": "email"})
            assert answer.status_code == 200
            told = answer.json()
            assert told["model_versions"]["items"] == "1-0a1b2c3d"
            assert [part["part"] for part in told["degraded_reasons"]] == ["arm"]
        assert services.trial.verdict() is None
    services.ledger.close()


def test_what_no_experiment_needs_is_let_go(running: tuple[Services, TestClient], newer_shop: Path) -> None:
    services, client = running
    assert spare_models.wanted(newer_shop / "models" / "repurchase") == {LABEL}
    arms = client.get("/v1/experiments/models").json()["experiment"]["arms"]
    assert put(client, {**EXPERIMENT, "arms": arms, "ends_at": AS_OF.isoformat()})["accepted"] == 1
    services.follow()
    assert not services.live.arm_models.models
    assert not spare_models.wanted(newer_shop / "models" / "repurchase")
