"""The registry against a real MLflow on SQLite: record, register, load, fetch, return, and what happens when MLflow is away."""

from __future__ import annotations

import math
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from features.errors import StateMissing
from features.settings import FeatureSettings
from training import local_models
from training.artifacts.folder import ArtifactBroken, Manifest, open_artifact, write_artifact
from training.local_models import VersionRef
from training.mlflow_model import ARTIFACT_CLASSES, FrameType
from training.recipe import Curve, Evaluation
from training.registry import Registry
from training.run_record import lawful_name
from training.settings import TrainingSettings
from training.tracking_client import conversation
from training.tracking_server import RegistryAway, check_presence, shown

# MLflow's own modules warn about their type hints and about SQLAlchemy's options; neither is ours to change.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*noload:DeprecationWarning"),
]

NOW = datetime(2018, 1, 1, tzinfo=UTC)


class Rates:
    """A model small enough to check by hand: a constant rate times the orders."""

    frame_inputs: Mapping[str, FrameType] = {"orders": "double"}
    frame_outputs: Mapping[str, FrameType] = {"score": "double"}

    def __init__(self, rate: float) -> None:
        self.rate = rate

    @classmethod
    def load(cls, path: Path) -> Rates:
        return cls(float(open_artifact(path, kind="rates").arrays("rate.npz")["rate"][0]))

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"score": frame["orders"] * self.rate})


@pytest.fixture(autouse=True)
def rates_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARTIFACT_CLASSES, "rates", f"{__name__}:Rates")


def artifact(folder: Path, rate: float) -> tuple[Path, Manifest]:
    manifest = Manifest(
        name="items",
        kind="rates",
        data_from=datetime(2017, 1, 1, tzinfo=UTC),
        data_until=datetime(2017, 12, 31, tzinfo=UTC),
        input_hash="0123456789abcdef",
        git_commit="c0ffee",
        settings={"lightgbm": {"leaves": 7}},
    )
    return folder, write_artifact(folder, manifest, arrays={"rate.npz": {"rate": np.array([rate])}})


EVALUATION = Evaluation(
    name="items",
    protocol="as-of 2017-11-26, all customers",
    rows=321,
    metrics={"recall@10": 0.25, "auc_28d": 0.885},
    intervals={"auc_28d": (0.87, 0.9)},
    baselines={"recency": {"auc_28d": 0.816}},
    differences={"auc_28d vs recency": (0.05, 0.08)},
    parameters={"factors": 64},
    curves=[
        Curve(plot="Calibration", label="model", x_label="predicted", y_label="observed", x=[0.1, 0.5], y=[0.12, 0.48], style="points"),
        Curve(plot="Calibration", label="perfect", x_label="predicted", y_label="observed", x=[0, 1], y=[0, 1], style="diagonal"),
        Curve(plot="召回", label="model", x_label="k", y_label="recall", x=[5, 10], y=[0.2, 0.25], style="bars"),
    ],
    seconds=1.5,
)


@dataclass(frozen=True)
class Shop:
    """A registry that has judged, refitted and registered `items` once."""

    registry: Registry
    folder: Path
    judged: str
    refitted: str
    version: str


def trained(registry: Registry, folder: Path, rate: float) -> Shop:
    source, manifest = artifact(folder / f"rate-{rate}", rate)
    judged = registry.record(EVALUATION, manifest, source, purpose="evaluation")
    refitted = registry.record(EVALUATION, manifest, source, purpose="refit", evaluation_run_id=judged)
    return Shop(registry, folder, judged, refitted, registry.register("items", refitted, source))


@pytest.fixture(scope="module")
def empty_backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking database whose tables exist: MLflow's migrations take seconds, a copy of their result does not."""
    path = tmp_path_factory.mktemp("backend") / "mlflow.db"
    with conversation(TrainingSettings(data_dir=path.parent), create=True) as client:
        client.search_experiments()
    return path


@pytest.fixture
def shop(tmp_path: Path, empty_backend: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    shutil.copyfile(empty_backend, tmp_path / "data" / "mlflow.db")
    settings = TrainingSettings.beside(FeatureSettings(data_dir=tmp_path / "data"))
    return trained(Registry(settings), tmp_path, 0.5)


@pytest.fixture
def mlflow_here(shop: Shop) -> Iterator[None]:
    """MLflow's own entry points need its global address; put back what was there."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(shop.registry.settings.tracking_uri)
    yield
    mlflow.set_tracking_uri(before)


@pytest.mark.usefixtures("mlflow_here")
def test_a_run_holds_what_was_measured_and_what_it_was_made_from(shop: Shop) -> None:
    client = mlflow.MlflowClient()
    judged, refitted = client.get_run(shop.judged), client.get_run(shop.refitted)
    assert judged.info.status == refitted.info.status == "FINISHED"
    assert judged.data.metrics["recall_at_10"] == 0.25
    assert judged.data.metrics["baseline.recency.auc_28d"] == 0.816
    assert (judged.data.metrics["auc_28d.low"], judged.data.metrics["auc_28d.high"]) == (0.87, 0.9)
    assert judged.data.metrics["difference.auc_28d vs recency.low"] == 0.05
    assert judged.data.params == {"lightgbm.leaves": "7", "factors": "64"}
    assert (judged.data.tags["purpose"], refitted.data.tags["purpose"]) == ("evaluation", "refit")
    assert refitted.data.tags["evaluation_run_id"] == shop.judged
    assert judged.data.tags["input_hash"] == "0123456789abcdef"
    assert judged.data.tags["git_commit"] == "c0ffee"
    assert judged.data.tags["data_until"] == "2017-12-31T00:00:00+00:00"
    assert "auc_28d" not in refitted.data.metrics, "the refitted model itself was never judged"
    assert refitted.data.metrics["evaluation.auc_28d"] == 0.885
    plots = client.list_artifacts(shop.judged, "plots")
    assert [(p.path, (p.file_size or 0) > 5000) for p in plots] == [("plots/01-calibration.png", True), ("plots/02-plot.png", True)]
    assert client.list_artifacts(shop.refitted, "plots") == []
    stored = Path(client.download_artifacts(shop.judged, "evaluation.json")).read_text()
    assert Evaluation.model_validate_json(stored) == EVALUATION
    assert {a.path for a in client.list_artifacts(shop.judged, "artifact")} == {"artifact/manifest.json", "artifact/rate.npz"}


@pytest.mark.usefixtures("mlflow_here")
def test_mlflow_loads_the_champion_without_pickle(shop: Shop) -> None:
    loaded = mlflow.pyfunc.load_model("models:/items@champion")
    assert loaded.predict(pd.DataFrame({"orders": [2.0, 4.0]}))["score"].tolist() == [1.0, 2.0]
    assert loaded.metadata.signature.inputs.input_names() == ["orders"]
    stored = [p for p in shop.folder.rglob("*") if p.is_file()]
    assert [p for p in stored if p.name == "MLmodel"]
    assert not [p for p in stored if p.suffix in {".pkl", ".pickle", ".joblib"} or "python_model" in p.name]


def test_everything_lies_in_the_data_folder_and_nothing_in_the_working_folder(shop: Shop) -> None:
    assert {p.name for p in Path.cwd().iterdir()} == {"data", "rate-0.5"}
    assert {p.name for p in (shop.folder / "data").iterdir()} == {"mlflow.db", "mlruns-artifacts", "models"}


@pytest.mark.usefixtures("mlflow_here")
def test_a_second_champion_leaves_the_first_as_previous_and_rollback_swaps_them(shop: Shop) -> None:
    second = trained(shop.registry, shop.folder, 0.75)
    client = mlflow.MlflowClient()
    assert {k: str(v) for k, v in client.get_registered_model("items").aliases.items()} == {"champion": "2", "previous": "1"}
    back = shop.registry.rollback("items", promoted_at=NOW)
    assert (back.ref, back.degraded, back.reason) == (VersionRef(version="1", run_id=shop.refitted), False, "")
    assert Rates.load(back.folder).rate == 0.5
    assert {k: str(v) for k, v in client.get_registered_model("items").aliases.items()} == {"champion": "1", "previous": "2"}
    assert shop.registry.fetch("items").ref.version == "1"
    assert shop.registry.fetch("items", "previous").ref.run_id == second.refitted


def test_a_version_is_brought_beside_the_champion_and_an_alias_is_kept_with_it(shop: Shop) -> None:
    second = trained(shop.registry, shop.folder, 0.75)
    with conversation(shop.registry.settings, create=False) as client:
        client.set_registered_model_alias("items", "challenger", second.version)
    server = Registry(shop.registry.settings.model_copy(update={"data_dir": shop.folder / "server"}))
    with pytest.raises(StateMissing, match="huitou fetch items --alias challenger"):
        local_models.resolved(shop.folder / "server", "items", "@challenger")
    brought = server.fetch_beside("items", alias="challenger")
    assert Rates.load(brought.folder).rate == 0.75
    assert Rates.load(server.fetch_beside("items", version="1").folder).rate == 0.5
    assert local_models.champion(shop.folder / "server", "items") is None
    assert local_models.resolved(shop.folder / "server", "items", "@challenger").label == brought.ref.label
    assert local_models.resolved(shop.folder / "server", "items", "1").label.startswith("1-")
    with pytest.raises(StateMissing):
        server.fetch_beside("items", version="9")


def test_a_withdrawn_version_does_not_come_back_by_itself(shop: Shop) -> None:
    trained(shop.registry, shop.folder, 0.75)
    local_models.rollback(shop.folder / "data", "items", promoted_at=NOW)  # MLflow was not told: its champion is still version 2
    found = shop.registry.fetch("items")
    assert (found.ref.version, found.changed) == ("1", False)
    assert "version 2 was rolled back" in found.reason
    trained(shop.registry, shop.folder, 0.9)
    assert Rates.load(shop.registry.fetch("items").folder).rate == 0.9


def test_fetch_fills_an_empty_cache_and_heals_a_broken_pointer(shop: Shop) -> None:
    settings = shop.registry.settings.model_copy(update={"data_dir": shop.folder / "server"})
    server = Registry(settings)
    first = server.fetch("items")
    assert (first.changed, first.degraded, first.ref.version) == (True, False, "1")
    assert Rates.load(first.folder).rate == 0.5
    assert server.fetch("items").changed is False
    (shop.folder / "server" / "models" / "items" / "CHAMPION").write_text("{")
    assert server.fetch("items").changed is True
    assert local_models.champion(shop.folder / "server", "items") is not None


def test_without_its_backend_the_cached_champion_serves(shop: Shop) -> None:
    (shop.folder / "data" / "mlflow.db").unlink()
    found = shop.registry.fetch("items")
    assert (found.ref.version, found.degraded, found.changed) == ("1", True, False)
    assert "no tracking database" in found.reason
    assert Rates.load(found.folder).rate == 0.5
    assert not (shop.folder / "data" / "mlflow.db").exists(), "reading must not make an empty database"
    with pytest.raises(RegistryAway, match="no tracking database"):
        shop.registry.fetch("bundles")


def test_a_damaged_download_leaves_the_cached_champion(shop: Shop) -> None:
    trained(shop.registry, shop.folder, 0.75)
    settings = shop.registry.settings.model_copy(update={"data_dir": shop.folder / "server"})
    for stored in (shop.folder / "data" / "mlruns-artifacts").rglob("models/*/artifacts/artifact/rate.npz"):
        stored.write_bytes(b"damaged")
    with pytest.raises(ArtifactBroken, match="SHA-256"):
        Registry(settings).fetch("items")
    assert local_models.champion(shop.folder / "server", "items") is None
    assert shop.registry.fetch("items").degraded is False, "what is cached already needs no download"


def test_an_unknown_model_or_alias_is_missing_not_away(shop: Shop) -> None:
    with pytest.raises(StateMissing, match="bundles"):
        shop.registry.fetch("bundles")
    with pytest.raises(StateMissing, match="challenger"):
        shop.registry.fetch("items", "challenger")


def test_another_models_artifact_is_refused_before_anything_is_registered(shop: Shop) -> None:
    source, _ = artifact(shop.folder / "other", 0.1)
    with pytest.raises(ArtifactBroken, match="'items' where 'bundles'"):
        shop.registry.register("bundles", shop.refitted, source)
    with pytest.raises(StateMissing):
        shop.registry.fetch("bundles")


def test_a_moved_data_folder_keeps_recording_where_it_now_is(shop: Shop) -> None:
    (shop.folder / "data").rename(shop.folder / "moved")
    moved = Registry(TrainingSettings(data_dir=shop.folder / "moved"))
    source, manifest = artifact(shop.folder / "again", 0.6)
    moved.register("items", moved.record(EVALUATION, manifest, source, purpose="refit"), source)
    assert not (shop.folder / "data").exists()
    assert Rates.load(moved.fetch("items").folder).rate == 0.6


def test_a_refused_connection_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    for scheme in ("http", "postgresql"):
        settings = TrainingSettings(data_dir=tmp_path, tracking_uri=f"{scheme}://user:secret@127.0.0.1:{port}/db", artifact_location="")
        with pytest.raises(RegistryAway, match=r"127\.0\.0\.1") as told:
            Registry(settings).fetch("items")
        assert "secret" not in str(told.value)
        assert "\n" not in str(told.value)


@pytest.mark.timeout(10)
def test_a_server_that_accepts_and_says_nothing_counts_as_away(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        uri = f"http://127.0.0.1:{mute.getsockname()[1]}"
        settings = TrainingSettings(data_dir=tmp_path, tracking_uri=uri, tracking_patience_seconds=0.3)
        with pytest.raises(RegistryAway, match="cannot be reached"):
            Registry(settings).fetch("items")


def test_a_path_with_odd_signs_is_found(tmp_path: Path) -> None:
    path = tmp_path / "店 100%" / "mlflow.db"
    check_presence(f"sqlite:///{path}", patience=1, create=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    check_presence(f"sqlite:///{path}", patience=1, create=False)


def test_settings_stand_beside_the_data_unless_a_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = TrainingSettings.beside(FeatureSettings(data_dir=Path("shop")))
    assert own.tracking_uri == f"sqlite:///{tmp_path / 'shop' / 'mlflow.db'}"
    assert own.artifact_location == (tmp_path / "shop" / "mlruns-artifacts").as_uri()
    monkeypatch.setenv("HUITOU_TRACKING_URI", "http://tracker:5000")
    served = TrainingSettings.beside(FeatureSettings(data_dir=Path("shop")))
    assert (served.tracking_uri, served.artifact_location) == ("http://tracker:5000", "")


def test_names_become_lawful_for_mlflow_and_addresses_lose_their_password() -> None:
    assert lawful_name("recall@10/repeat %") == "recall_at_10_repeat _"
    assert shown("postgresql://me:secret@db:5432/x") == "postgresql://db:5432/x"
    assert shown("sqlite:////data/mlflow.db") == "sqlite:////data/mlflow.db"
    assert math.isclose(EVALUATION.seconds, 1.5)


def test_importing_the_registry_imports_neither_mlflow_nor_pandas() -> None:
    code = (
        "import sys, training.registry, training.local_models; "
        "sys.exit(', '.join({'mlflow', 'pandas', 'polars', 'matplotlib', 'sqlalchemy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
