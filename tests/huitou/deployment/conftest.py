"""A deployment that is well, and what is wrong with one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.settings import FeatureSettings
from huitou.deployment.settings import DoctorSettings
from huitou.deployment.situation import Situation
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, ASSUMPTIONS, write_small_shop
from training.settings import TrainingSettings

Deployed = Callable[..., Situation]


@pytest.fixture(scope="session")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment") / "data"
    write_small_shop(folder)
    (folder / "assumptions.toml").write_text(ASSUMPTIONS, encoding="utf-8")
    folder.chmod(0o750)
    return folder


@pytest.fixture
def folder(well: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(well, tmp_path / "data"))


@pytest.fixture
def deployed(folder: Path) -> Iterator[Deployed]:
    """Makes the situation of the folder; settings by floor, the machine's clock an hour after the features."""
    made: list[Situation] = []

    def make(*, wall: datetime = AS_OF + timedelta(hours=1), environment: dict[str, str] | None = None, **given: Any) -> Situation:
        of_serving = {name: value for name, value in given.items() if name in ServingSettings.model_fields}
        of_doctor = {name: value for name, value in given.items() if name in DoctorSettings.model_fields}
        of_training = {name: value for name, value in given.items() if name in TrainingSettings.model_fields}
        of_features = {name: value for name, value in given.items() if name in FeatureSettings.model_fields}
        assert given.keys() <= of_serving.keys() | of_doctor.keys() | of_training.keys() | of_features.keys()
        situation = Situation(
            FeatureSettings(data_dir=folder, **of_features),
            TrainingSettings(data_dir=folder, **of_training),
            ServingSettings(data_dir=folder, **of_serving),
            DoctorSettings(**of_doctor),
            environment or {},
            lambda: wall,
        )
        made.append(situation)
        return situation

    yield make
    for situation in made:
        situation.close()
