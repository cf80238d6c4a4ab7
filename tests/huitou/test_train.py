"""`huitou train` with MLflow itself behind it: judged, registered, reused, and refused with a reason."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.huitou.conftest import Huitou
from tests.shop import START
from training import local_models


@pytest.fixture(scope="module")
def trained_folder(built_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the tests of this file train in, one after another or alone."""
    folder = tmp_path_factory.mktemp("trained") / "data"
    shutil.copytree(built_folder, folder)
    return folder


def test_an_unknown_model_is_wrong_usage(huitou: Huitou) -> None:
    ran = huitou("train", "churn")
    assert ran.code == 2
    assert "no model churn; choose from return_hazard, value, repurchase, items, bundles" in " ".join(ran.err.split())


def test_a_date_that_is_none_is_wrong_usage(huitou: Huitou, built_folder: Path) -> None:
    assert huitou("train", "--data-dir", built_folder, "--now", "2017-31-12").code == 2


def test_a_seed_that_is_no_number_is_wrong_usage(huitou: Huitou) -> None:
    assert huitou("train", "--seed", "lucky").code == 2


def test_without_a_history_it_says_what_to_run(huitou: Huitou) -> None:
    ran = huitou("train")
    assert ran.code == 1
    assert "or `huitou import complete-journey` first" in ran.refusal


def test_without_features_it_says_what_to_run(huitou: Huitou, built_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(built_folder / "warehouse", tmp_path / "warehouse")
    shutil.copy(built_folder / "assumptions.toml", tmp_path)
    ran = huitou("train", "return_hazard", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "run `huitou build` first" in ran.refusal


def test_wrong_assumptions_name_the_field(huitou: Huitou, built_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(built_folder / "warehouse", tmp_path / "warehouse")
    text = (built_folder / "assumptions.toml").read_text()
    (tmp_path / "assumptions.toml").write_text(text.replace("default = 0.25", "default = 25"))
    ran = huitou("train", "return_hazard", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "assumptions.toml, field margins.default" in ran.refusal


def test_too_short_a_history_is_told_and_is_one(huitou: Huitou, trained_folder: Path) -> None:
    ran = huitou("train", "return_hazard", "--data-dir", trained_folder, "--now", (START + timedelta(weeks=8)).isoformat())
    assert ran.code == 1
    assert "return_hazard was not trained: The history covers 56 days" in ran.err
    assert "0 of 1 models are champions" in ran.out


def test_a_model_is_trained_reused_and_healed(huitou: Huitou, trained_folder: Path) -> None:
    command = ("train", "return_hazard", "return_hazard", "--data-dir", trained_folder)
    first = huitou(*command)
    assert first.code == 0
    assert "1 of 1 models are champions" in first.out
    for name in ("return_hazard", "rfm_logistic", "bg_nbd", "direct_lightgbm", "auc_28d"):
        assert name in first.out
    champion = local_models.champion(trained_folder, "return_hazard")
    assert champion is not None
    assert (trained_folder / "mlflow.db").is_file()
    again = huitou(*command)
    assert again.code == 0
    assert "unchanged" in again.out
    assert local_models.champion(trained_folder, "return_hazard") == champion
    artifact = local_models.model_folder(trained_folder, "return_hazard", champion.ref)
    (artifact / "hazard.txt").write_text("damaged")
    healed = huitou(*command)
    assert healed.code == 0
    after = local_models.champion(trained_folder, "return_hazard")
    assert after is not None
    assert after.version != champion.version
    local_models.check(local_models.model_folder(trained_folder, "return_hazard", after.ref), "return_hazard")
