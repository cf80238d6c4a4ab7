"""New models under load: no request fails, no answer mixes two sets, and what fails with them withdraws them."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.live_models import LiveModels
from serving.model_trial import ModelTrial
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS, manifest, promote, write_items
from training import local_models
from training.artifacts.items import ItemModel
from training.artifacts.return_hazard import ReturnHazard

OFFERS = "/v1/next-best-offers"
SWAPS = 20


@pytest.fixture
def swapped(own_shop: Path) -> Iterator[tuple[Path, Services, TestClient]]:
    services = build_services(ServingSettings(data_dir=own_shop, reload_seconds=3600, answers_waiting=200))
    with TestClient(create_app(services.settings, services), raise_server_exceptions=False) as client:
        yield own_shop, services, client
    services.ledger.close()


def newcomer(folder: Path, services: Services, number: int) -> None:
    """A champion: every fourth is damaged, every fifth answers NaN, the others are good."""
    made = folder / "fitted" / f"items-{number}"
    if number % 5 == 0:
        model = services.live.models.items
        assert model is not None
        replace(model, factors=np.full_like(model.factors, np.nan)).save(made, manifest("items"))
    else:
        write_items(made, seed=number)
    promote(folder, "items", made, version=str(number))
    if number % 4 == 0:
        path = folder / "models" / "items" / f"{number}-0a1b2c3d" / "items.npz"
        path.write_bytes(path.read_bytes()[:-100])


def test_champions_are_exchanged_under_load_and_nobody_notices(swapped: tuple[Path, Services, TestClient]) -> None:
    folder, services, client = swapped
    done, lawful = threading.Event(), {tuple(sorted(services.live.models.versions.items()))}

    def hammer(start: int) -> list[tuple[int, tuple[tuple[str, str], ...]]]:
        found, number = [], start
        while not done.is_set():
            answer = client.post(OFFERS, json={"customer_id": CUSTOMERS[number % len(CUSTOMERS)], "channel": "web"})
            versions = answer.json().get("model_versions", {}) if answer.status_code == 200 else {}
            found.append((answer.status_code, tuple(sorted(versions.items()))))
            number += 1
        return found

    with concurrent.futures.ThreadPoolExecutor(4) as callers:
        calls = [callers.submit(hammer, 30 * n) for n in range(4)]
        try:
            for number in range(2, SWAPS + 2):
                newcomer(folder, services, number)
                assert services.reload_if_changed()
                good = number % 4 and number % 5
                assert (services.live.models.versions["items"] == f"{number}-0a1b2c3d") == bool(good)
                assert ("items" in services.problems()) == (not good)
                lawful.add(tuple(sorted(services.live.models.versions.items())))
        finally:
            done.set()
        answers = [one for call in calls for one in call.result()]
    assert {status for status, _ in answers} == {200}
    assert {versions for _, versions in answers} <= lawful  # never of two sets
    assert len({versions for _, versions in answers}) > 3  # the load met several of them
    assert not services.judge_models()


class Failing(ItemModel):
    """Passes its self-test, and fails on everybody who bought something."""

    def __getattribute__(self, name: str) -> Any:
        if name in {"taste", "logits", "logits_of", "best"}:
            raise RuntimeError("not with this customer")
        return super().__getattribute__(name)


class Blind(ReturnHazard):
    """Passes its self-test, and says no number of anybody."""

    def survival(self, stored: Any, days: Any) -> Any:
        return np.full_like(super().survival(stored, days), np.nan)


def failing(services: Services, name: str, kind: type[Any]) -> LiveModels:
    """The set with a model that fails in requests, as if it had been loaded."""
    model = getattr(services.live.models, name)
    bad = object.__new__(kind)
    for part, value in vars(model).items():
        object.__setattr__(bad, part, value)
    versions = {**services.live.models.versions, name: "2-0a1b2c3d"}
    return replace(services.live.models, **{name: bad}, versions=versions)  # type: ignore[arg-type]


def test_models_that_fail_in_requests_are_withdrawn_and_the_requests_answered(
    swapped: tuple[Path, Services, TestClient], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, services, client = swapped
    good, bad = services.live.models, failing(services, "items", Failing)
    promote(folder, "items", write_items(folder / "fitted" / "items-2", seed=8), version="2")
    monkeypatch.setattr("serving.live_models.load_models", lambda *_, **__: bad)
    assert services.reload_if_changed()
    monkeypatch.undo()
    answers = [client.post(OFFERS, json={"customer_id": one, "channel": "web"}) for one in CUSTOMERS[:10]]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["model_versions"]["items"] for answer in answers} == {good.versions["items"]}
    assert services.judge_models() or services.trial.problem  # the service's own look may have come first
    assert services.live.models is good
    ready = client.get("/readyz").json()
    assert "Withdrawn: items 2-0a1b2c3d" in ready["problems"]["models"]
    assert ready["parts"]["models"]["state"] == "degraded"
    assert "huitou_models_withdrawn_total 1.0" in client.get("/metrics").text
    assert "Withdrawn" in caplog.text
    champion = local_models.champion(folder, "items")
    assert champion is not None
    assert champion.version == "1"  # also after a restart
    assert champion.withdrawn is not None
    assert champion.withdrawn.version == "2"  # and whatever the registry says
    services.reload_if_changed()
    assert services.live.models.versions == good.versions


def test_models_that_say_no_number_are_withdrawn(swapped: tuple[Path, Services, TestClient], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, services, client = swapped
    good, bad = services.live.models, failing(services, "return_hazard", Blind)
    promote(folder, "items", write_items(folder / "fitted" / "items-2", seed=8), version="2")
    monkeypatch.setattr("serving.live_models.load_models", lambda *_, **__: bad)
    assert services.reload_if_changed()
    monkeypatch.undo()
    answers = [client.post(OFFERS, json={"customer_id": one, "channel": "web"}) for one in CUSTOMERS[:10]]
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["churn"] for answer in answers)
    assert services.judge_models() or services.trial.problem
    assert services.live.models is good


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


BEFORE, AFTER = LiveModels(versions={"items": "1"}), LiveModels(versions={"items": "2"})


def told(trial: ModelTrial, models: LiveModels, *, good: int, bad: int) -> None:
    for number in range(good + bad):
        trial.answered(models, failed=number < bad)


@pytest.mark.parametrize(
    ("change", "withdrawn"),
    [
        (lambda trial, _: told(trial, AFTER, good=50, bad=3), True),
        (lambda trial, _: told(trial, AFTER, good=1, bad=2), False),  # a damaged row or two
        (lambda trial, _: told(trial, AFTER, good=97, bad=3), False),  # too few of many
        (lambda trial, _: told(trial, BEFORE, good=0, bad=50), False),  # a request that began before the swap
        (lambda trial, clock: (setattr(clock, "now", 601.0), told(trial, AFTER, good=0, bad=50)), False),  # long after
    ],
)
def test_when_models_are_withdrawn(change: Callable[[ModelTrial, Clock], None], withdrawn: bool) -> None:
    clock = Clock()
    trial = ModelTrial(clock=clock)
    trial.begin(BEFORE, AFTER)
    change(trial, clock)
    assert (trial.verdict() == (AFTER, BEFORE)) == withdrawn
    assert trial.verdict() is None  # once
    assert (trial.problem is not None) == withdrawn


def test_what_failed_as_often_before_is_not_the_models_fault() -> None:
    trial = ModelTrial(clock=Clock())
    told(trial, BEFORE, good=80, bad=20)
    trial.begin(BEFORE, AFTER)
    told(trial, AFTER, good=80, bad=20)
    assert trial.verdict() is None
    told(trial, AFTER, good=0, bad=60)
    assert trial.verdict() == (AFTER, BEFORE)
