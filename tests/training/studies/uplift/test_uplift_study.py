"""The uplift study from file to table, on an experiment whose effect is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.training.models.uplift.planted import planted
from training.models.uplift.chosen import ChosenConfig
from training.studies.runner import run_study
from training.studies.study import Table
from training.studies.uplift.contenders import CONTENDERS
from training.studies.uplift.experiment_file import Columns
from training.studies.uplift.study import UpliftStudy


class Silent:
    def begin(self, part: str) -> None: ...
    def tell(self, text: str) -> None: ...
    def end(self) -> None: ...


def file_of(folder: Path, *, aimed: bool = False) -> Path:
    experiment, _ = planted(people=2500, seed=1)
    treated = experiment.treated | (experiment.inputs[:, 0] > 0.5) if aimed else experiment.treated
    frame = pl.DataFrame(experiment.inputs, schema=["number", "flag", "kind", "gaps", "noise"]).with_columns(
        pl.col("kind").replace_strict({0.0: "a", 1.0: "b", 2.0: "c"}),
        pl.col("gaps").fill_nan(None),
        arm=pl.Series(np.where(treated, "t", "c")),
        bought=pl.Series(experiment.outcome),
    )
    path = folder / "trial.csv"
    frame.write_csv(path)
    return path


def study(path: Path, **given: object) -> UpliftStudy:
    return UpliftStudy(path, Columns("arm", "t", "c", "bought"), folds=3, repeats=1, cost=0.05, value=1.0, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    fixed = {"chosen": {"inner_folds": 2}}
    path = file_of(tmp_path_factory.mktemp("trial"))
    return run_study(study(path), Silent(), seed=1, threads=1, budget_s=0.0, fixed=fixed, only=("response",))


def test_the_table_judges_everybody_on_the_same_hidden_people(table: Table) -> None:
    response, chosen = table.rows
    assert (response.model, chosen.model) == ("response", "chosen")
    assert chosen.metrics["qini"] > max(0.02, response.metrics["qini"])
    assert chosen.metrics["uqc"] > response.metrics["uqc"]
    for row in table.rows:
        for name, value in row.metrics.items():
            low, high = row.interval[name]
            assert low <= value <= high
    gain = chosen.metrics["qini"] - response.metrics["qini"]
    low, high = response.difference["qini"]
    assert low <= gain <= high
    assert "chosen in 3 folds" in chosen.notes[0]
    assert chosen.tune_s > 0
    assert set(table.headline) == set(chosen.metrics)
    assert table.facts["treated"] + table.facts["control"] == table.facts["people"] == 2500


def test_the_plots_show_qini_value_and_deciles(table: Table) -> None:
    shown = {(curve.plot, curve.label) for curve in table.curves}
    assert ("Uplift by decile", "chosen") in shown
    assert {("Qini", name) for name in ("response", "chosen")} <= shown
    worth = next(c for c in table.curves if c.plot.startswith("Net value") and c.label == "chosen")
    at_30 = np.interp(0.3, worth.x, worth.y)
    assert at_30 == pytest.approx(table.rows[-1].metrics["value of top 30 %"], abs=1e-6)


def test_arms_that_were_aimed_are_said_to_be(tmp_path: Path) -> None:
    good = study(file_of(tmp_path)).prepare(tmp_path, lambda _: None)
    assert any("cannot be told apart" in note for note in good.notes)
    bad = study(file_of(tmp_path, aimed=True)).prepare(tmp_path, lambda _: None)
    said = next(note for note in bad.notes if "hardly dealt by chance" in note)
    assert "most by number" in said


def test_every_row_has_its_name_once() -> None:
    names = [contender.name for contender in CONTENDERS]
    assert names == ["response", "two_model", "s_learner", "x_learner", "dr_learner", "chosen"]
    assert ChosenConfig().penalties[0] == 300.0


def test_a_figure_that_some_fold_does_not_have_is_left_out(tmp_path: Path) -> None:
    path = file_of(tmp_path)
    asked = UpliftStudy(path, Columns("arm", "c", "t", "bought"), folds=3, repeats=1)  # arms exchanged: the effect is below zero
    asked.prepare(tmp_path, lambda _: None)
    random = np.random.default_rng(1)
    answers = {name: {"scores": random.normal(size=(1, 2500))} for name in ("response", "chosen")}
    found = asked.judge(answers, seed=1)
    assert "uqc" not in found.metrics["chosen"]
    assert all(np.isfinite(value) for figures in found.metrics.values() for value in figures.values())
    assert any("Without figures: uqc" in note for note in found.notes)
