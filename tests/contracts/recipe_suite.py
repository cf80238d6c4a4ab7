"""What every model's recipe promises; its test inherits this and says which recipe, which history and which artifact class."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from features.errors import TooLittleHistory
from tests.permitted import write_warehouse
from training import local_models
from training.artifacts.folder import ArtifactBroken, Manifest, open_artifact
from training.mlflow_model import FrameModel, open_frame_model
from training.recipe import Evaluation, Recipe, TrainingData


@dataclass(frozen=True)
class Made:
    """What the recipe made: the judged fit and the refit that would serve."""

    evaluation: Evaluation
    judged: Path
    final: Path

    @property
    def manifest(self) -> Manifest:
        """Of the refit."""
        return Manifest.model_validate_json((self.final / "manifest.json").read_text(encoding="utf-8"))


class RecipeSuite:
    """Inherit, name the `artifact` class, and provide the fixtures `recipe` and `data`, both of class scope and as class methods."""

    artifact: Any

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        """The recipe with a small configuration, `recipe.config`."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls) -> TrainingData:
        """A history that carries the model."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, recipe: Recipe, data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Made:
        folder = tmp_path_factory.mktemp(recipe.name)
        evaluation = recipe.evaluate(data, folder / "judged")
        recipe.refit(data, folder / "final", evaluation)
        return Made(evaluation, folder / "judged", folder / "final")

    def test_both_artifacts_are_whole_and_carry_its_name(self, recipe: Recipe, made: Made, data: TrainingData) -> None:
        for folder in (made.judged, made.final):
            manifest = local_models.check(folder, recipe.name)
            assert (manifest.input_hash, manifest.data_from) == (data.warehouse.version, data.warehouse.first_event)
            assert manifest.files

    def test_the_judged_fit_ends_before_the_weeks_it_is_judged_on(self, recipe: Recipe, made: Made, data: TrainingData) -> None:
        judged = local_models.check(made.judged, recipe.name)
        assert judged.data_until <= data.now - timedelta(days=28)
        assert judged.metrics == {}

    def test_the_refit_sees_everything_and_carries_what_was_measured(self, made: Made, data: TrainingData) -> None:
        assert timedelta(0) <= data.now - made.manifest.data_until < timedelta(days=7)
        assert made.manifest.metrics == made.evaluation.metrics

    def test_it_is_judged_beside_baselines_on_the_same_figures(self, recipe: Recipe, made: Made) -> None:
        evaluation = made.evaluation
        assert evaluation.name == recipe.name
        assert evaluation.rows > 0
        assert evaluation.protocol.endswith(".")
        assert evaluation.metrics
        assert evaluation.baselines
        assert all(math.isfinite(value) for value in evaluation.metrics.values())
        for figures in evaluation.baselines.values():
            assert set(figures) & set(evaluation.metrics)
        assert all(low <= high for low, high in evaluation.intervals.values())
        assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation

    def test_an_equal_seed_refits_the_same_files(self, recipe: Recipe, made: Made, data: TrainingData, tmp_path: Path) -> None:
        np.random.seed(12345)  # a global state that must not matter
        assert recipe.refit(data, tmp_path, made.evaluation).files == made.manifest.files

    def test_the_refit_does_not_look_past_the_clock(self, recipe: Recipe, made: Made, data: TrainingData, tmp_path: Path) -> None:
        earlier = dataclasses.replace(data, now=data.now - timedelta(days=14))
        manifest = recipe.refit(earlier, tmp_path, made.evaluation)
        assert earlier.now - timedelta(days=7) < manifest.data_until <= earlier.now
        assert manifest.files != made.manifest.files

    def test_load_and_save_are_an_identity(self, made: Made, tmp_path: Path) -> None:
        again = self.artifact.load(made.final).save(tmp_path / "again", made.manifest.model_copy(update={"files": {}}))
        assert again.files == made.manifest.files

    @pytest.mark.parametrize("harm", ["change", "remove"])
    def test_a_harmed_file_is_noticed(self, harm: str, made: Made, tmp_path: Path) -> None:
        for name in made.manifest.files:
            folder = tmp_path / name
            self.artifact.load(made.final).save(folder, made.manifest)
            if harm == "remove":
                (folder / name).unlink()
            else:
                (folder / name).write_bytes((folder / name).read_bytes() + b" ")
            with pytest.raises(ArtifactBroken, match=name.replace(".", r"\.")):
                self.artifact.load(folder)

    def test_no_customer_is_in_the_artifact(self, made: Made, data: TrainingData) -> None:
        customers = set(data.warehouse.read("orders")["customer_id"].drop_nulls())
        folder = open_artifact(made.final, kind=made.manifest.kind)
        for name in made.manifest.files:
            arrays = folder.arrays(name) if name.endswith(".npz") else {}
            assert not any(customers & set(values.ravel().tolist()) for values in arrays.values() if values.dtype.kind == "U")
            assert name.endswith(".npz") or not any(f'"{customer}"' in folder.text(name) for customer in customers)

    def test_the_tracker_can_open_it_and_knows_its_columns(self, made: Made) -> None:
        model = open_frame_model(made.final)
        assert isinstance(model, FrameModel)
        assert isinstance(model, self.artifact)
        assert model.frame_inputs
        assert model.frame_outputs

    def test_its_configuration_round_trips_and_stands_in_the_manifest(self, recipe: Recipe, made: Made) -> None:
        config = recipe.config  # type: ignore[attr-defined]
        assert isinstance(config, BaseModel)
        assert config.model_config.get("frozen")
        assert type(config).model_validate_json(config.model_dump_json()) == config
        plain = {name: value for name, value in config.model_dump(mode="json").items() if isinstance(value, int | float | str)}
        assert plain
        assert plain.items() <= made.manifest.settings.items()

    def test_too_little_history_is_one_sentence_and_leaves_nothing(self, recipe: Recipe, data: TrainingData, tmp_path: Path) -> None:
        from features.assumptions import FILE, install_assumptions
        from features.sources.sample_shop import ASSUMPTIONS
        from tests.training.seeded_shop import build_customer_views

        settings = data.settings.model_copy(update={"data_dir": tmp_path / "data"})
        tables = {name: data.warehouse.read(name) for name in ("orders", "order_lines", "products", "customers")}
        end = data.warehouse.first_event + timedelta(days=21)
        for name in ("orders", "order_lines"):
            tables[name] = tables[name].filter(tables[name]["ordered_at"] < end)
        warehouse = write_warehouse(settings, tables, {"source": "short"}, {"weeks": 3})
        install_assumptions(ASSUMPTIONS, settings.data_dir)
        assert (settings.data_dir / FILE).is_file()
        build_customer_views(settings, warehouse)
        with pytest.raises(TooLittleHistory) as caught:
            recipe.evaluate(TrainingData(settings, warehouse, warehouse.last_event), tmp_path / "out")
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()
