"""The flavour: an MLmodel that MLflow itself can load, with a signature and without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import telemetry

from training.artifacts.folder import ArtifactBroken, Manifest, open_artifact, write_artifact
from training.mlflow_model import ARTIFACT_CLASSES, FrameType, open_frame_model, signature, write_mlmodel

# MLflow's own modules warn about their type hints when first imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")


class BasketRates:
    """A model small enough to check by hand: the sum of the known products' rates, each times its purchases."""

    frame_inputs: Mapping[str, FrameType] = {"product_ids": "strings", "purchases": "longs", "days_since_last": "doubles", "orders": "long"}
    frame_outputs: Mapping[str, FrameType] = {"score": "double", "best": "strings"}

    def __init__(self, rates: dict[str, float]) -> None:
        self.rates = rates

    @classmethod
    def load(cls, path: Path) -> BasketRates:
        arrays = open_artifact(path, kind="basket_rates").arrays("rates.npz")
        return cls(dict(zip(arrays["product_ids"].tolist(), arrays["rates"].tolist(), strict=True)))

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        scores = [
            sum(self.rates.get(i, 0.0) * n for i, n in zip(ids, counts, strict=True))
            for ids, counts in zip(frame["product_ids"], frame["purchases"], strict=True)
        ]
        best = max(self.rates, key=lambda product: self.rates[product])
        return pd.DataFrame({"score": scores, "best": [[best]] * len(frame)}, index=frame.index)


class Faceless:
    """An artifact class that cannot be called with a frame."""

    @classmethod
    def load(cls, _path: Path) -> Faceless:
        return cls()


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow was imported before pytest could be seen by it; its telemetry is put away before the first call."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    put_away: Any = telemetry.set_telemetry_client
    put_away()


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(ARTIFACT_CLASSES, "basket_rates", f"{__name__}:BasketRates")
    moment = datetime(2017, 12, 31, tzinfo=UTC)
    manifest = Manifest(name="items", kind="basket_rates", data_from=moment, data_until=moment, input_hash="abc")
    arrays = {"product_ids": np.array(["a", "b"]), "rates": np.array([0.25, 2.0])}
    write_artifact(tmp_path / "artifact", manifest, arrays={"rates.npz": arrays})
    return tmp_path / "artifact"


def frame() -> pd.DataFrame:
    rows = {
        "product_ids": [["a", "b", "unknown"], []],
        "purchases": [[2, 1, 9], []],
        "days_since_last": [[1.0, 2.5, 3.0], []],
        "orders": [4, 0],
    }
    return pd.DataFrame(rows)


def test_mlflow_loads_the_folder_and_predicts_as_the_class_does(artifact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_mlmodel(folder, artifact, model_id="m-1", run_id="r-1")
    loaded = mlflow.pyfunc.load_model(str(folder))
    answer = loaded.predict(frame())
    assert answer["score"].tolist() == [2.5, 0.0]
    assert answer["best"].tolist() == [["b"], ["b"]]
    assert loaded.metadata.flavors["huitou"]["kind"] == "basket_rates"


def test_the_folder_holds_listed_files_only_and_no_pickle(artifact: Path, tmp_path: Path) -> None:
    (artifact / "python_model.pkl").write_bytes(b"never")
    write_mlmodel(tmp_path / "model", artifact, model_id="m-1", run_id="r-1")
    files = {p.relative_to(tmp_path / "model").as_posix() for p in (tmp_path / "model").rglob("*") if p.is_file()}
    assert files == {"MLmodel", "requirements.txt", "artifact/manifest.json", "artifact/rates.npz"}
    assert "huitou" not in (tmp_path / "model" / "requirements.txt").read_text()


def test_the_signature_states_every_column(artifact: Path) -> None:
    found = signature(open_frame_model(artifact))
    assert found.inputs.input_names() == list(BasketRates.frame_inputs)
    assert [str(t) for t in found.inputs.input_types()] == ["Array(string)", "Array(long)", "Array(double)", "DataType.long"]
    assert found.outputs.input_names() == ["score", "best"]


def test_the_signature_refuses_a_frame_without_a_column(artifact: Path, tmp_path: Path) -> None:
    write_mlmodel(tmp_path / "model", artifact, model_id="m-1", run_id="r-1")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    with pytest.raises(mlflow.MlflowException, match="purchases"):
        loaded.predict(frame().drop(columns="purchases"))


def test_a_kind_nobody_reads_is_refused(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ARTIFACT_CLASSES, "basket_rates")
    with pytest.raises(ArtifactBroken, match=r"'basket_rates' model; this huitou knows bundles"):
        open_frame_model(artifact)


def test_a_class_that_reads_no_frame_is_refused(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARTIFACT_CLASSES, "basket_rates", f"{__name__}:Faceless")
    with pytest.raises(ArtifactBroken, match="has no predict_frame"):
        open_frame_model(artifact)


def test_a_changed_file_is_refused_when_mlflow_loads_it(artifact: Path, tmp_path: Path) -> None:
    write_mlmodel(tmp_path / "model", artifact, model_id="m-1", run_id="r-1")
    (tmp_path / "model" / "artifact" / "rates.npz").write_bytes(b"other")
    with pytest.raises(ArtifactBroken, match="SHA-256"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))
