"""The registry in a process of its own: what it records stands in MLflow, its errors come back, its end is told."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from training.artifacts.folder import ArtifactBroken, Manifest, write_artifact
from training.recipe import Evaluation
from training.recording_process import RecordingProcess, recording_ahead
from training.registry import Registry
from training.settings import TrainingSettings
from training.tracking_server import RegistryAway

EVALUATION = Evaluation(name="items", protocol="the last weeks", rows=3, metrics={"hit_20": 0.25}, baselines={}, parameters={}, seconds=1.0)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with recording_ahead(TrainingSettings(data_dir=tmp_path_factory.mktemp("recording"))) as registry:
        yield registry


@pytest.fixture
def artifact(tmp_path: Path) -> tuple[Manifest, Path]:
    now = datetime(2017, 1, 1, tzinfo=UTC)
    manifest = Manifest(name="items", kind="rates", data_from=now, data_until=now, input_hash="0123", git_commit="c0ffee", settings={})
    return write_artifact(tmp_path, manifest, arrays={"rate.npz": {"rate": np.ones(1)}}), tmp_path


def test_a_run_stands_in_mlflow_and_a_foreign_artifact_is_refused(recording: Registry, artifact: tuple[Manifest, Path]) -> None:
    assert isinstance(recording, RecordingProcess)
    assert recording.process_id not in {0, os.getpid()}
    run = recording.record(EVALUATION, *artifact, purpose="evaluation")
    with closing(sqlite3.connect(recording.settings.data_dir / "mlflow.db")) as database:
        assert database.execute("SELECT run_uuid, status FROM runs").fetchall() == [(run, "FINISHED")]
    with pytest.raises(ArtifactBroken, match="bundles"):
        recording.register("bundles", run, artifact[1])


def test_a_database_that_is_there_needs_no_process(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    for settings in (TrainingSettings(data_dir=tmp_path), TrainingSettings(data_dir=tmp_path / "new", tracking_uri="http://127.0.0.1:9")):
        with recording_ahead(settings) as registry:
            assert not isinstance(registry, RecordingProcess)


def test_its_end_is_told(tmp_path: Path, artifact: tuple[Manifest, Path]) -> None:
    with recording_ahead(TrainingSettings(data_dir=tmp_path / "data")) as registry:
        assert isinstance(registry, RecordingProcess)
        os.kill(registry.process_id, signal.SIGKILL)
        with pytest.raises(RegistryAway, match="has ended"):
            registry.record(EVALUATION, *artifact, purpose="evaluation")
