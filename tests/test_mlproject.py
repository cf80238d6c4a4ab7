"""The MLflow project: every step is one command of huitou, and a data folder reaches it whole."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from mlflow.projects import _project_spec

PROJECT = Path(__file__).parents[1] / "mlproject"
COMMANDS = {
    "import": ["import", "complete-journey", "--consent", "granted"],
    "build": ["build"],
    "churn": ["train", "return_hazard"],
    "value": ["train", "value"],
    "repurchase": ["train", "repurchase"],
    "items": ["train", "items"],
    "bundles": ["train", "bundles"],
    "channel_churn": ["train", "channel_churn"],
    "offer_effect": ["train", "offer_effect"],
    "score": ["score"],
}


def project() -> Any:
    load: Any = _project_spec.load_project
    return load(str(PROJECT))


@pytest.mark.parametrize("step", COMMANDS)
@pytest.mark.parametrize("data_dir", [None, "/srv/the shop's data; echo"])
def test_a_step_is_one_command_with_its_data_folder(step: str, data_dir: str | None) -> None:
    entry = project().get_entry_point(step)
    command = entry.compute_command({"data_dir": data_dir} if data_dir else {}, storage_dir=None)
    assert shlex.split(command) == ["huitou", *COMMANDS[step], "--data-dir", data_dir or "../data"]


def test_no_step_is_missing_or_unknown() -> None:
    assert set(project()._entry_points) == set(COMMANDS)
