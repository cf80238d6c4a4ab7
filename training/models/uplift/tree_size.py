"""Gives a meta-learner the same chance as our own: the size of its trees is chosen within the training rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from training.evaluation.repeated_folds import stratified_folds
from training.evaluation.uplift import qini_coefficient
from training.models.uplift.boosted import BoostedConfig
from training.models.uplift.experiment import Experiment, Learner, Scorer

# From what a first try takes to what suits effects that hardly show.
SIZES: tuple[BoostedConfig, ...] = (
    BoostedConfig(),
    BoostedConfig(num_leaves=7, rounds=60, min_data_in_leaf=200, feature_fraction=0.7),
    BoostedConfig(num_leaves=4, rounds=100, learning_rate=0.03, min_data_in_leaf=500, feature_fraction=0.5),
)
_FOLDS = 2  # each size is fitted twice on half of the rows: five folds took the DR-learner a quarter of an hour on Hillstrom


@dataclass
class Sized:
    """A learner whose trees are sized anew at every fit.

    Attributes:
        make: settings → learner.
        picks: place in `SIZES` of every fit so far.
        seconds: spent on choosing so far.
    """

    make: Callable[[BoostedConfig], Learner]
    picks: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Choose the size by the Qini coefficient of people hidden within these rows, then learn from all of them."""
        started = time.perf_counter()
        fold = stratified_folds(experiment.strata, folds=_FOLDS, repeats=1, seed=seed)[0]
        measured = np.zeros(len(SIZES))
        for hidden in range(_FOLDS):
            test = fold == hidden
            judged, known = experiment.rows(test), experiment.rows(~test)
            for place, size in enumerate(SIZES):
                score = self.make(size).fit(known, seed=seed)(judged.inputs)
                measured[place] += qini_coefficient(score, judged.outcome, judged.treated)
        self.picks.append(int(np.argmax(measured)))
        self.seconds += time.perf_counter() - started
        return self.make(SIZES[self.picks[-1]]).fit(experiment, seed=seed)
