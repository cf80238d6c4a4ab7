"""The uplift study: repeated cross-validation on one experiment, every learner in the same folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from features.warehouse import Warehouse
from training.evaluation.randomisation import balance
from training.evaluation.repeated_folds import corrected_interval, stratified_folds
from training.evaluation.uplift import auuc, decile_uplift, qini_coefficient, top_shares, uqc
from training.models.uplift.experiment import Experiment
from training.models.uplift.linear_design import LinearDesign
from training.recipe import Curve
from training.studies.study import Arrays, Interval, Judgement, Prepared, Tell
from training.studies.uplift.contenders import DATA
from training.studies.uplift.experiment_file import Columns, ReadExperiment, read_experiment
from training.studies.uplift.history import history_experiment

Array = NDArray[np.float64]
FOLD_SEED = 123  # the published folds' seed (docs/evidence.md); another --seed deals others
_SHARES: Array = np.linspace(0.0, 1.0, 21)


@dataclass
class UpliftStudy:
    """Whom does it pay to treat?

    Attributes:
        data: the experiment's file, or the imported history.
        columns: which column is what.
        cost: of treating one person.
        value: of one unit of the outcome.
        folds, repeats: of the cross-validation.
        fold_seed: of the folds; they are the same for every row of the table.
        experiment: which of the history's experiments, where it holds several.
    """

    name: ClassVar[str] = "uplift"
    contenders: ClassVar[str] = "training.studies.uplift.contenders"
    own: ClassVar[str] = "chosen"
    headline: ClassVar[tuple[str, ...]] = ("uqc", "qini", "auuc", "top decile", "value of top 30 %")

    data: Path | Warehouse
    columns: Columns
    cost: float = 0.0
    value: float = 1.0
    folds: int = 5
    repeats: int = 10
    fold_seed: int = FOLD_SEED
    experiment: str | None = None
    _read: ReadExperiment | None = field(default=None, init=False)
    _fold: NDArray[np.int64] | None = field(default=None, init=False)

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """Read, look for faults of the experiment, deal the folds.

        Cross-validation means that every row is once hidden and otherwise learned from, so the contenders' file holds all outcomes;
        `training.models.uplift.experiment.out_of_fold` is what keeps a fold's own outcomes from its scores.

        Raises:
            HuitouError: the file does not fit.
        """
        read = self._read = self._open()
        experiment = read.experiment
        tell("dealing the folds")
        self._fold = stratified_folds(experiment.strata, folds=self.folds, repeats=self.repeats, seed=self.fold_seed)
        np.savez(
            folder / f"{DATA}.npz",
            allow_pickle=False,
            inputs=experiment.inputs,
            levels=np.asarray(experiment.levels, np.int64),
            treated=experiment.treated,
            outcome=experiment.outcome,
            fold=self._fold,
        )
        treated, outcome = experiment.treated, experiment.outcome
        effect = float(outcome[treated].mean() - outcome[~treated].mean())
        error = float(np.sqrt(outcome[treated].var() / treated.sum() + outcome[~treated].var() / (~treated).sum()))
        notes = [*read.notes, *self._doubts(read, effect, error)]
        return Prepared(
            dataset=self._dataset(),
            protocol=(
                f"{self.columns.treatment}: {self.columns.treated!r} against {self.columns.control!r}, outcome {self.columns.outcome}. "
                f"{self.repeats} × {self.folds}-fold cross-validation, folds dealt evenly by arm and outcome, the same for every row; "
                "each figure is the mean over folds, its interval and that of every paired difference by Nadeau and Bengio's corrected "
                "variance. Qini by deciles, ties cut fairly; uqc = area under it ÷ area under the straight line (1 = chance)."
            ),
            facts={
                "people": len(outcome),
                "treated": int(treated.sum()),
                "control": int((~treated).sum()),
                "outcome treated": round(float(outcome[treated].mean()), 4),
                "outcome control": round(float(outcome[~treated].mean()), 4),
                "effect": round(effect, 4),
                "traits": len(read.traits),
                "rows of other arms": read.left_out,
            },
            notes=notes,
        )

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:  # noqa: ARG002 - nothing is drawn
        """Measure every fold of every contender."""
        assert self._read is not None  # noqa: S101 - prepare comes first
        experiment = self._read.experiment
        figures = {name: self._by_fold(experiment, answer["scores"]) for name, answer in answers.items()}
        unmeasured = [m for m in self.headline if not all(np.isfinite(by_fold[m]).all() for by_fold in figures.values())]
        figures = {name: {m: v for m, v in by_fold.items() if m not in unmeasured} for name, by_fold in figures.items()}
        own = figures[self.own]
        return Judgement(
            metrics={name: {m: float(np.mean(v)) for m, v in by_fold.items()} for name, by_fold in figures.items()},
            intervals={name: {m: corrected_interval(v, folds=self.folds) for m, v in by_fold.items()} for name, by_fold in figures.items()},
            differences={name: self._paired(own, by_fold) for name, by_fold in figures.items() if name != self.own},
            curves=self._curves(experiment, answers),
            notes=[*self._left_out(unmeasured), *self._verdict(figures)],
        )

    def _open(self) -> ReadExperiment:
        if isinstance(self.data, Path):
            return read_experiment(self.data, self.columns)
        return history_experiment(self.data, self.columns, self.experiment)

    def _dataset(self) -> str:
        return self.data.name if isinstance(self.data, Path) else f"experiment {self.experiment or 'of the history'}"

    def _hidden(self, scores: Array) -> list[tuple[Array, NDArray[np.bool_]]]:
        """The score and the rows of every fold of every repeat."""
        assert self._fold is not None  # noqa: S101
        return [(scores[r][fold == k], fold == k) for r, fold in enumerate(self._fold) for k in range(self.folds)]

    def _by_fold(self, experiment: Experiment, scores: Array) -> dict[str, Array]:
        rows = []
        for score, mask in self._hidden(scores):
            outcome, treated = experiment.outcome[mask], experiment.treated[mask]
            shares = np.array([0.0, 0.3, 1.0])
            worth = top_shares(score, outcome, treated, shares).net_value(value=self.value, cost=self.cost)
            deciles = decile_uplift(score, outcome, treated)
            measured = (uqc(score, outcome, treated), qini_coefficient(score, outcome, treated), auuc(score, outcome, treated))
            rows.append((*measured, deciles[0], worth[1]))
        return dict(zip(self.headline, np.array(rows).T, strict=True))

    def _paired(self, own: dict[str, Array], other: dict[str, Array]) -> dict[str, Interval]:
        return {name: corrected_interval(own[name] - values, folds=self.folds) for name, values in other.items()}

    def _curves(self, experiment: Experiment, answers: Mapping[str, Arrays]) -> list[Curve]:
        curves = []
        for name, answer in answers.items():
            hidden = self._hidden(answer["scores"])
            qini, worth, bars = [], [], []
            for score, mask in hidden:
                outcome, treated = experiment.outcome[mask], experiment.treated[mask]
                sums = top_shares(score, outcome, treated, _SHARES)
                qini.append(sums.qini() / treated.sum())
                worth.append(sums.net_value(value=self.value, cost=self.cost))
                bars.append(decile_uplift(score, outcome, treated))
            share = _SHARES.tolist()
            curves += [
                _line("Qini", name, "gained per treated person", share, qini),
                _line("Net value of treating the top share", name, "per person", share, worth),
            ]
            if name == self.own:
                tenths = [float(tenth) for tenth in range(1, 11)]
                bar = _line("Uplift by decile", name, "difference of the arms", tenths, bars)
                curves.append(bar.model_copy(update={"style": "bars", "x_label": "tenth of the ranking"}))
        return curves

    def _doubts(self, read: ReadExperiment, effect: float, error: float) -> list[str]:
        experiment, notes = read.experiment, []
        design = LinearDesign.of(experiment.inputs, experiment.levels)
        found = balance(design(experiment.inputs), experiment.treated, seed=self.fold_seed)
        if found.doubtful:
            notes.append(
                f"The arms differ in what was known before: they can be told apart with AUC {found.auc:.3f} (chance of that "
                f"{found.chance:.1e}), most by {read.traits[design.parts[found.widest][0]]} ({found.difference:+.2f} standard deviations). "
                "The treatment was hardly dealt by chance; differences of the arms are then not its effect, and no figure here says "
                "what treating gains."
            )
        else:
            notes.append(
                f"The arms cannot be told apart by what was known before (AUC {found.auc:.3f}): as expected of a randomised treatment."
            )
        if effect <= 2 * error:
            notes.append(
                f"The treatment's mean effect is {effect:.4f} ± {2 * error:.4f}: not clearly above zero. uqc divides by it and says "
                "little; read qini and the deciles."
            )
        return notes

    def _left_out(self, unmeasured: list[str]) -> list[str]:
        if not unmeasured:
            return []
        return [f"Without figures: {', '.join(unmeasured)}; in some fold the treatment's effect is not above zero, or an arm is thin."]

    def _verdict(self, figures: Mapping[str, dict[str, Array]]) -> list[str]:
        if "uqc" not in figures[self.own]:
            return []
        own = figures[self.own]["uqc"]
        unclear = []
        for name, by_fold in figures.items():
            if name != self.own:
                low, high = corrected_interval(own - by_fold["uqc"], folds=self.folds)
                if not (low > 0 or high < 0):
                    unclear.append(name)
        return [f"In uqc {self.own} cannot be told from {', '.join(unclear)} on this many people (95 %)."] if unclear else []


def _line(plot: str, label: str, y_label: str, x: list[float], by_fold: list[Array]) -> Curve:
    mean = np.mean(by_fold, axis=0)
    return Curve(plot=plot, label=label, x_label="share treated", y_label=y_label, x=x, y=mean.tolist())
