"""The pipeline: reuse what has not changed, report what lacks history, never lose the champion half way."""

from __future__ import annotations

import dataclasses
import shutil
import uuid
from pathlib import Path

import pytest

from features.errors import HuitouError, TooLittleHistory
from tests.training.conftest import SMALL, BuiltShop, built
from tests.training.seeded_shop import arrivals
from training import local_models, pipeline
from training.artifacts.folder import Manifest
from training.artifacts.return_hazard import ReturnHazard
from training.local_models import VersionRef
from training.models.return_hazard import ReturnHazardRecipe
from training.pipeline import MODELS, Trained, train, trained_before
from training.recipe import Evaluation, Recipe, TrainingData
from training.registry import Registry
from training.run_record import Purpose
from training.settings import TrainingSettings

TINY = SMALL.model_copy(update={"rounds": 5, "max_lead": 1})


class LocalRegistry(Registry):
    """The registry's local half: versions are counted here instead of in MLflow, which tests/training/test_registry.py covers."""

    recorded: list[tuple[str, Purpose, str | None]]

    def __init__(self, data: TrainingData) -> None:
        super().__init__(TrainingSettings.beside(data.settings))
        self.recorded = []

    def record(
        self, evaluation: Evaluation, manifest: Manifest, artifact_folder: Path, *, purpose: Purpose, evaluation_run_id: str | None = None
    ) -> str:
        assert local_models.check(artifact_folder, evaluation.name) == manifest
        self.recorded.append((evaluation.name, purpose, evaluation_run_id))
        return uuid.UUID(int=len(self.recorded)).hex[::-1]

    def register(self, name: str, run_id: str, artifact_folder: Path) -> str:
        ref = VersionRef(version=str(len(self.recorded) // 2), run_id=run_id)
        manifest = local_models.check(artifact_folder, name)
        local_models.install(self.settings.data_dir, name, ref, artifact_folder)
        local_models.promote(self.settings.data_dir, name, ref, promoted_at=manifest.data_until)
        return ref.version


class Log:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.told: list[str] = []
        self.ended: list[Trained] = []

    def begin(self, model: str) -> None:
        self.begun.append(model)

    def tell(self, part: str) -> None:
        self.told.append(part)

    def end(self, result: Trained) -> None:
        self.ended.append(result)


class TooYoung(ReturnHazardRecipe):
    """A model this shop cannot carry."""

    name = "bundles"

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        raise TooLittleHistory("Bundles need more baskets.")


class Interrupted(ReturnHazardRecipe):
    """A fit that is stopped by hand after it was judged."""

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        super().refit(data, folder, evaluation)
        raise KeyboardInterrupt


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recipe]:
    """Small models instead of the default ones; a test may replace one."""
    chosen: dict[str, Recipe] = {"return_hazard": ReturnHazardRecipe(TINY), "bundles": TooYoung(TINY)}
    monkeypatch.setattr(pipeline, "recipe", lambda name, data: chosen[name])
    return chosen


@pytest.fixture(scope="module")
def little_shop(tmp_path_factory: pytest.TempPathFactory) -> BuiltShop:
    return built(tmp_path_factory.mktemp("little"), arrivals(customers=80))


@pytest.fixture
def data(little_shop: BuiltShop, tmp_path: Path) -> TrainingData:
    """The seeded shop in a data folder of its own."""
    shutil.copytree(little_shop.settings.data_dir, tmp_path / "data")
    return dataclasses.replace(little_shop.data, settings=little_shop.settings.model_copy(update={"data_dir": tmp_path / "data"}))


@pytest.fixture
def registry(data: TrainingData) -> LocalRegistry:
    return LocalRegistry(data)


def champion_text(data: TrainingData) -> str:
    found = local_models.champion(data.settings.data_dir, "return_hazard")
    assert found is not None
    folder = local_models.model_folder(data.settings.data_dir, "return_hazard", found.ref)
    assert ReturnHazard.load(folder).manifest is not None
    return (folder / "hazard.txt").read_text()


def leftovers(data: TrainingData) -> list[str]:
    return [p.name for p in data.settings.data_dir.iterdir() if p.name.startswith(".") and p.suffix != ".lock"]


def test_a_model_is_judged_recorded_refitted_and_made_champion(
    data: TrainingData, registry: LocalRegistry, recipes: dict[str, Recipe]
) -> None:
    log = Log()
    (result,) = train(["return_hazard"], data, registry, log)
    assert (result.name, result.version, result.reused, result.reason) == ("return_hazard", "1", False, "")
    assert result.evaluation is not None
    assert result.evaluation.metrics["auc_28d"] > 0.7
    judged_run = uuid.UUID(int=1).hex[::-1]
    assert registry.recorded == [("return_hazard", "evaluation", None), ("return_hazard", "refit", judged_run)]
    assert champion_text(data)
    assert (log.begun, log.ended) == (["return_hazard"], [result])
    assert log.told.index("fitting on the past") < log.told.index("recording the evaluation") < log.told.index("fitting on everything")
    assert leftovers(data) == []


def test_a_second_run_reuses_and_a_changed_seed_trains_again(
    data: TrainingData, registry: LocalRegistry, recipes: dict[str, Recipe]
) -> None:
    (first,) = train(["return_hazard"], data, registry, Log())
    (second,) = train(["return_hazard"], data, registry, Log())
    assert (second.reused, second.version, second.evaluation) == (True, first.version, first.evaluation)
    assert len(registry.recorded) == 2
    before = trained_before(data.settings.data_dir, "return_hazard")
    assert (before.version, before.evaluation, before.reason) == (first.version, first.evaluation, "")
    nothing = trained_before(data.settings.data_dir, "items")
    assert (nothing.version, nothing.evaluation) == (None, None)
    assert "huitou train items" in nothing.reason
    text = champion_text(data)
    (third,) = train(["return_hazard"], dataclasses.replace(data, seed=1), registry, Log())
    assert (third.reused, third.version) == (False, "2")
    assert champion_text(data) != text


def test_force_a_changed_setting_and_a_changed_clock_train_again(
    data: TrainingData, registry: LocalRegistry, recipes: dict[str, Recipe]
) -> None:
    train(["return_hazard"], data, registry, Log())
    (forced,) = train(["return_hazard"], data, registry, Log(), force=True)
    recipes["return_hazard"] = ReturnHazardRecipe(TINY.model_copy(update={"rounds": 4}))
    (smaller,) = train(["return_hazard"], data, registry, Log())
    earlier = dataclasses.replace(data, now=data.now.replace(month=10, day=1))
    (past,) = train(["return_hazard"], earlier, registry, Log())
    assert [r.version for r in (forced, smaller, past)] == ["2", "3", "4"]


@pytest.mark.parametrize("damage", ["hazard.txt", "TRAINED.json", "CHAMPION"])
def test_what_is_damaged_is_trained_again(data: TrainingData, registry: LocalRegistry, recipes: dict[str, Recipe], damage: str) -> None:
    train(["return_hazard"], data, registry, Log())
    text = champion_text(data)
    (file,) = (data.settings.data_dir / "models" / "return_hazard").rglob(damage)
    file.write_text("not what it was")
    (again,) = train(["return_hazard"], data, registry, Log())
    assert (again.reused, again.version) == (False, "2")
    assert champion_text(data) == text


def test_a_model_without_history_is_reported_and_the_others_go_on(
    data: TrainingData, registry: LocalRegistry, recipes: dict[str, Recipe]
) -> None:
    log = Log()
    bundles, hazard = train(["bundles", "return_hazard"], data, registry, log)
    assert (bundles.evaluation, bundles.version, bundles.reason) == (None, None, "Bundles need more baskets.")
    assert hazard.version is not None
    assert local_models.names(data.settings.data_dir) == ["return_hazard"]
    assert log.ended == [bundles, hazard]


def test_an_interrupted_training_leaves_the_champion(data: TrainingData, registry: LocalRegistry, recipes: dict[str, Recipe]) -> None:
    train(["return_hazard"], data, registry, Log())
    before, text = local_models.champion(data.settings.data_dir, "return_hazard"), champion_text(data)
    recipes["return_hazard"] = Interrupted(TINY)
    with pytest.raises(KeyboardInterrupt):
        train(["return_hazard"], dataclasses.replace(data, seed=1), registry, Log())
    assert local_models.champion(data.settings.data_dir, "return_hazard") == before
    assert champion_text(data) == text
    assert leftovers(data) == []
    recipes["return_hazard"] = ReturnHazardRecipe(TINY)
    (after,) = train(["return_hazard"], data, registry, Log())
    assert after.reused


def test_every_model_has_a_recipe_of_its_name(data: TrainingData) -> None:
    assert [pipeline.recipe(name, data).name for name in MODELS] == list(MODELS)


def test_no_other_model_has_a_recipe(data: TrainingData) -> None:
    with pytest.raises(HuitouError, match=r"no model 'churn'; choose from return_hazard, value, repurchase"):
        pipeline.recipe("churn", data)
