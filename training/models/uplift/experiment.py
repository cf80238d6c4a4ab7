"""What uplift learners learn from, and the one way their rankings are judged: out of fold.

A learner is only ever given the rows it may learn from. `out_of_fold` is the single place where rows are hidden and scored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scorer = Callable[[Array], Array]
"""`(m, p)` inputs of any people → `(m,)` expected gain of treating each; only its order counts."""


@dataclass(frozen=True)
class Experiment:
    """People who were treated or not by chance.

    Attributes:
        inputs: `(n, p)` what was known before the treatment; NaN = unknown; categories as codes 0, 1, ….
        levels: per column the number of categories, 0 for a number.
        treated: `(n,)` arm.
        outcome: `(n,)` finite; 0 and 1, or any number.
    """

    inputs: Array
    levels: tuple[int, ...]
    treated: NDArray[np.bool_]
    outcome: Array

    def rows(self, mask: NDArray[np.bool_]) -> Experiment:
        """Some of the people."""
        return Experiment(self.inputs[mask], self.levels, self.treated[mask], self.outcome[mask])

    @property
    def binary(self) -> bool:
        """Whether the outcome knows only 0 and 1."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    @property
    def strata(self) -> NDArray[np.int64]:
        """Arm × whether there is an outcome at all: what folds are dealt evenly by."""
        return np.asarray(self.treated * 2 + (self.outcome != 0), np.int64)


class Learner(Protocol):
    """A method that learns whom to treat."""

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn from these rows and nothing else."""
        ...


def out_of_fold(
    learner: Learner, experiment: Experiment, fold: NDArray[np.int64], *, seed: int, tell: Callable[[int], None] = lambda _: None
) -> Array:
    """Score every row by a fit that has not seen its fold.

    Args:
        learner: is handed the other folds' rows only; its scorer is handed inputs only, never arms or outcomes.
        experiment: all rows.
        fold: `(n,)` which fold hides each row.
        seed: of the learner; the same in every fold.
        tell: told the number of each fold as it begins.

    Returns:
        `(n,)` scores; comparable within a fold only.
    """
    scores = np.full(len(fold), np.nan)
    for hidden in np.unique(fold):
        tell(int(hidden))
        test = fold == hidden
        scores[test] = learner.fit(experiment.rows(~test), seed=seed)(experiment.inputs[test])
    return scores
