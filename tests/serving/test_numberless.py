"""A model that gives no number for a customer: the answer is lawful, says so, is counted, and sends new models back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.decisions.state import STATE
from serving.app import create_app
from serving.decisioning.engine import OfferRequest
from serving.live_models import LiveModels
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS, LEAVING

OFFERS = "/v1/next-best-offers"
# What each model is asked in a request: the number it gives of anybody becomes NaN.
CALLS = {
    "items": ("logits", "logits_of"),
    "bundles": ("logits",),
    "repurchase": ("hazards_along",),
    "return_hazard": ("survival",),
}


@pytest.fixture
def own(own_shop: Path) -> Iterator[tuple[Services, TestClient]]:
    services = build_services(ServingSettings(data_dir=own_shop, reload_seconds=3600))
    with TestClient(create_app(services.settings, services), raise_server_exceptions=False) as client:
        yield services, client
    services.ledger.close()


def blind(models: LiveModels, name: str) -> LiveModels:
    """The set with a model that passed its self-test, and says no number of anybody."""
    model = getattr(models, name)

    def silenced(call: str) -> Any:
        return lambda self, *told, **named: np.full_like(getattr(type(model), call)(self, *told, **named), np.nan)

    # What is known without working out every product does not count where a model is made to fail in the working out.
    unknown = {"has_numbers": lambda *_: False} if name == "items" else {}
    kind = type("Blind", (type(model),), {call: silenced(call) for call in CALLS[name]} | unknown)
    bad = object.__new__(kind)
    for part, value in vars(model).items():
        object.__setattr__(bad, part, value)
    return replace(models, **{name: bad}, versions={**models.versions, name: "2-0a1b2c3d"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("cart", [[], ["p11"]])
def test_the_answer_says_which_model_gave_no_number_and_it_is_counted(own: tuple[Services, TestClient], name: str, cart: list[str]) -> None:
    services, client = own
    services.live = services.live.with_models(blind(services.live.models, name))
    for number, customer in enumerate((LEAVING, *CUSTOMERS[:4], LEAVING), start=1):  # the last one is remembered
        answer = client.post(OFFERS, json={"customer_id": customer, "channel": "email", "cart": cart, "explain": True})
        assert answer.status_code == 200
        told = answer.json()
        assert told["offers"], "silence is an offer too"
        assert [part["part"] for part in told["degraded_reasons"]] == [name]
        assert "gave no number" in told["degraded_reasons"][0]["reason"]
        assert f'huitou_models_numberless_total{{model="{name}"}} {number}.0' in client.get("/metrics").text
    services.decisions.close()
    told = client.get(f"/v1/decisions/{told['decision_id']}").json()
    assert told["replayed"], told["differences"]


@pytest.mark.parametrize("name", CALLS)
def test_new_models_that_give_no_number_are_withdrawn_and_the_ones_before_answer(own: tuple[Services, TestClient], name: str) -> None:
    services, client = own
    good = services.live.models
    bad = blind(good, name)
    services.shelf.restore(bad)
    services.live = services.live.with_models(bad)
    services.trial.begin(good, bad)
    for customer in CUSTOMERS[:6]:
        told = client.post(OFFERS, json={"customer_id": customer, "channel": "email"}).json()
        assert told["model_versions"][name] == good.versions[name]
        assert not told["degraded"]
    assert services.judge_models() or services.trial.problem  # the service's own look may have come first
    assert services.live.models is good


@pytest.mark.parametrize(("path", "name", "listed"), [("/v1/recommendations", "items", "items"), ("/v1/bundles", "bundles", "bundles")])
def test_lists_of_products_say_so_too(own: tuple[Services, TestClient], path: str, name: str, listed: str) -> None:
    services, client = own
    good, bad = services.live.models, blind(services.live.models, name)
    services.live = services.live.with_models(bad)
    told = client.post(path, json={"customer_id": CUSTOMERS[0], "limit": 3}).json()
    assert [part["part"] for part in told["degraded_reasons"]] == [name]
    assert bool(told[listed]) == (name == "items"), "best sellers stand in for products, nothing for sets"
    services.trial.begin(good, bad)
    told = client.post(path, json={"customer_id": CUSTOMERS[0], "limit": 3}).json()
    assert (told["degraded"], told["model_versions"][name]) == (False, good.versions[name])


def test_effects_without_a_number_leave_the_prior_to_speak(services: Services) -> None:
    class Silent:
        horizon_days = 7

        def beliefs(self, _: object, named: list[object], __: object) -> tuple[np.ndarray, np.ndarray]:
            return np.full(len(named), np.nan), np.full(len(named), np.nan)

        def learned(self, named: list[object]) -> list[bool]:
            return [True] * len(named)

    models = replace(services.live.models, offer_effect=Silent())  # type: ignore[arg-type]
    decision = services.engine.decide(services.live.with_models(models), OfferRequest("c000", "email"), now=services.now)
    plain = services.engine.decide(services.live, OfferRequest("c000", "email"), now=services.now)
    assert STATE
    assert decision.numberless == ("offer_effect",)
    assert "offer_effect" in decision.degraded
    np.testing.assert_array_equal(decision.values, plain.values)
    assert plain.numberless == ()
