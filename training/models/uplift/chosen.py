"""The learner that is used: chosen among candidates on the training rows alone.

Every candidate is cross-validated within the training rows and measured by what it is for, the Qini coefficient of people it has not seen.
The first candidate, the effect by risk, stays unless another is better by more than the noise of that comparison: with effects as weak as
those of a mailing, whatever happens to come out first is mostly luck.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from training.evaluation.repeated_folds import stratified_folds
from training.evaluation.uplift import qini_coefficient
from training.models.uplift.boosted import BoostedConfig, boost
from training.models.uplift.experiment import Array, Experiment, Scorer
from training.models.uplift.risk_modified import EffectConfig, Residuals, effects

# The candidate that can find what no trait shows alone. Its size is shipped, not tuned on any data set.
_TREES = BoostedConfig(num_leaves=7, rounds=60, min_data_in_leaf=200, feature_fraction=0.7)


class ChosenConfig(BaseModel):
    """Settings of the choice.

    Attributes:
        penalties: ridges of the effect models, the shipped one first.
        trees: whether small trees on the same residuals are a candidate.
        inner_folds: of the cross-validation within the training rows.
        doubt: standard errors by which another candidate must be better than the first to replace it; 2 as in any test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    penalties: tuple[float, ...] = Field(default=(300.0, 30.0, 3000.0), min_length=1)
    trees: bool = True
    inner_folds: int = Field(default=5, ge=2)
    doubt: float = Field(default=2.0, ge=0)


@dataclass
class Chosen:
    """Chooses anew at every fit.

    Attributes:
        config: settings.
        picks: name of the candidate of every fit so far.
        seconds: spent on choosing so far.
    """

    config: ChosenConfig = field(default_factory=ChosenConfig)
    picks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Choose within these rows, then learn from all of them."""
        started = time.perf_counter()
        names = self.candidates()
        place = preferred(self.compare(experiment, seed=seed), doubt=self.config.doubt)
        self.picks.append(names[place])
        self.seconds += time.perf_counter() - started
        return self._fit_all(experiment, [place], seed)[0]

    def candidates(self) -> list[str]:
        """Their names, the preferred one first."""
        names = [f"{'effect by risk' if effect.by_risk else 'linear effect'}, ridge {effect.penalty:g}" for effect in self._effects()]
        return [*names, "effect trees"] if self.config.trees else names

    def compare(self, experiment: Experiment, *, seed: int) -> Array:
        """`(inner folds, candidates)` Qini coefficients of people hidden from the fit."""
        every = range(len(self.candidates()))
        fold = stratified_folds(experiment.strata, folds=self.config.inner_folds, repeats=1, seed=seed)[0]
        measured = []
        for hidden in range(self.config.inner_folds):
            test = fold == hidden
            scorers = self._fit_all(experiment.rows(~test), every, seed)
            judged = experiment.rows(test)
            measured.append([qini_coefficient(score(judged.inputs), judged.outcome, judged.treated) for score in scorers])
        return np.array(measured)

    def _effects(self) -> list[EffectConfig]:
        return [EffectConfig(penalty=p, by_risk=by_risk) for by_risk in (True, False) for p in self.config.penalties]

    def _fit_all(self, experiment: Experiment, places: Sequence[int], seed: int) -> list[Scorer]:
        linear = self._effects()
        residuals = Residuals.of(experiment, seed=seed)
        scorers = effects(residuals, experiment, [linear[place] for place in places if place < len(linear)])
        return scorers + [_trees(residuals, experiment, seed) for place in places if place >= len(linear)]


def _trees(residuals: Residuals, experiment: Experiment, seed: int) -> Scorer:
    """LightGBM on the R-learner's loss, with the expected response as one more input."""
    inputs = np.column_stack([experiment.inputs, residuals.risk])
    model = boost(inputs, (*experiment.levels, 0), residuals.target, _TREES, seed=seed, weight=residuals.weight)
    return lambda new: model.expected(np.column_stack([new, residuals.expected(new)]))


def preferred(measured: Array, *, doubt: float) -> int:
    """Place of the candidate to use.

    Args:
        measured: `(folds, candidates)` greater is better.
        doubt: standard errors of the mean paired difference by which the best must lead the first.
    """
    ahead = measured - measured[:, :1]
    best = int(np.argmax(ahead.mean(axis=0)))
    error = float(ahead[:, best].std(ddof=1) / np.sqrt(len(measured)))
    return best if ahead[:, best].mean() > doubt * error else 0
