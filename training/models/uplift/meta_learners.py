"""The field's learners on LightGBM: response, two models, S, X and DR.

They stand in the table beside our own method, on the same trees and the same rows. Each assigns a score to inputs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.models.uplift.boosted import Boosted, BoostedConfig, boost
from training.models.uplift.experiment import Array, Experiment, Scorer

_INNER = 3  # folds of the cross-fitting inside the DR-learner (Kennedy 2023 asks for at least two)


@dataclass(frozen=True)
class Response:
    """Who responds when treated: the usual mailing model, which does not ask what would have happened anyway."""

    config: BoostedConfig = field(default_factory=BoostedConfig)

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn the outcome of the treated."""
        return _outcome(experiment, experiment.treated, self.config, seed).expected


@dataclass(frozen=True)
class TwoModel:
    """One outcome model per arm and their difference (T-learner)."""

    config: BoostedConfig = field(default_factory=BoostedConfig)

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn each arm's outcome."""
        treated, control = _arms(experiment, self.config, seed)
        return lambda inputs: treated.expected(inputs) - control.expected(inputs)


@dataclass(frozen=True)
class SLearner:
    """One outcome model that knows the arm as a feature (Künzel et al. 2019)."""

    config: BoostedConfig = field(default_factory=BoostedConfig)

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn the outcome from inputs and arm together."""
        inputs = np.column_stack([experiment.inputs, experiment.treated])
        model = boost(inputs, (*experiment.levels, 0), experiment.outcome, self.config, seed=seed, kind=_kind(experiment))

        def score(new: Array) -> Array:
            one = np.ones(len(new))
            return model.expected(np.column_stack([new, one])) - model.expected(np.column_stack([new, 0 * one]))

        return score


@dataclass(frozen=True)
class XLearner:
    """Each arm's people against the other arm's model, then the two effects weighed by the arms' shares (Künzel et al. 2019)."""

    config: BoostedConfig = field(default_factory=BoostedConfig)

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn the imputed effects."""
        treated, control = _arms(experiment, self.config, seed)
        arm = experiment.treated
        gained = experiment.outcome[arm] - control.expected(experiment.inputs[arm])
        missed = treated.expected(experiment.inputs[~arm]) - experiment.outcome[~arm]
        of_treated = boost(experiment.inputs[arm], experiment.levels, gained, self.config, seed=seed)
        of_control = boost(experiment.inputs[~arm], experiment.levels, missed, self.config, seed=seed)
        share = float(arm.mean())
        return lambda inputs: share * of_control.expected(inputs) + (1 - share) * of_treated.expected(inputs)


@dataclass(frozen=True)
class DrLearner:
    """Regression on doubly robust pseudo-outcomes, cross-fitted; the arm's chance is its share, as in any randomised experiment."""

    config: BoostedConfig = field(default_factory=BoostedConfig)

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn the pseudo-outcomes."""
        fold = np.random.default_rng(seed).permutation(len(experiment.outcome)) % _INNER
        expected = np.empty((len(fold), 2))
        for hidden in range(_INNER):
            test = fold == hidden
            treated, control = _arms(experiment.rows(~test), self.config, seed)
            expected[test] = np.column_stack([control.expected(experiment.inputs[test]), treated.expected(experiment.inputs[test])])
        arm = experiment.treated.astype(np.float64)
        share = float(arm.mean())
        own = np.where(experiment.treated, expected[:, 1], expected[:, 0])
        pseudo = expected[:, 1] - expected[:, 0] + (arm - share) / (share * (1 - share)) * (experiment.outcome - own)
        return boost(experiment.inputs, experiment.levels, pseudo, self.config, seed=seed).expected


def _kind(experiment: Experiment) -> Literal["binary", "regression"]:
    return "binary" if experiment.binary else "regression"


def _outcome(experiment: Experiment, mask: NDArray[np.bool_], config: BoostedConfig, seed: int) -> Boosted:
    outcome = experiment.outcome[mask]
    return boost(experiment.inputs[mask], experiment.levels, outcome, config, seed=seed, kind=_kind(experiment))


def _arms(experiment: Experiment, config: BoostedConfig, seed: int) -> tuple[Boosted, Boosted]:
    """Outcome models of the treated and of the control arm."""
    treated = experiment.treated
    return _outcome(experiment, treated, config, seed), _outcome(experiment, ~treated, config, seed)
