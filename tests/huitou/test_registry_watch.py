"""A champion that another machine registered comes here by itself; what was withdrawn here does not, and nobody waits for MLflow."""

from __future__ import annotations

import threading
from pathlib import Path

import mlflow
import pytest

from huitou.registry_watch import RegistryWatch, registry_beside
from serving.services import build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, write_items, write_small_shop
from training import local_models
from training.registry import Registry
from training.settings import TrainingSettings

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*noload:DeprecationWarning"),
]


def test_another_machines_champion_is_fetched_and_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, uri = tmp_path / "here", tmp_path / "there", f"sqlite:///{tmp_path / 'mlflow.db'}"
    write_small_shop(here)
    monkeypatch.setenv("HUITOU_TRACKING_URI", uri)
    watch = RegistryWatch(here, 60, lambda _: None)
    assert watch.look() is None  # nothing was ever recorded
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.create_run(client.create_experiment("e", artifact_location=str(tmp_path / "artifacts"))).info.run_id
    elsewhere = Registry(TrainingSettings(data_dir=there, tracking_uri=uri))
    services = build_services(ServingSettings(data_dir=here))
    before = services.live.models.versions["items"]
    version = elsewhere.register("items", run, write_items(tmp_path / "made", seed=8))
    assert watch.look() is None
    assert services.reload_if_changed()
    assert services.live.models.versions["items"] == f"{version}-{run[:8]}" != before
    assert not services.problems()
    services.ledger.close()
    local_models.rollback(here, "items", promoted_at=AS_OF)
    monkeypatch.setattr(watch, "_fetch", lambda: "it would be fetched")
    assert watch.look() is None  # withdrawn here: MLflow may call it champion as long as it likes
    elsewhere.register("items", run, write_items(tmp_path / "made-again", seed=9))
    assert watch.look() == "it would be fetched"


def test_why_mlflow_cannot_be_asked_is_told_and_nothing_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_TRACKING_URI", "http://127.0.0.1:9")
    told, heard = list[str | None](), threading.Event()

    def tell(problem: str | None) -> None:
        told.append(problem)
        heard.set()

    with registry_beside(tmp_path, 3600, tell):
        assert heard.wait(20)
    assert told[0] is not None
    assert "cannot be reached" in told[0]
    with registry_beside(tmp_path, 0, tell):
        assert len(told) == 1
