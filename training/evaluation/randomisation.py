"""Was the treatment dealt by chance? Looks for anything that was known before and tells the arms apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

_FOLDS = 5
CLEAR = 0.001  # chance of a false alarm; experiments are looked at again and again, so it must be rare


@dataclass(frozen=True)
class Balance:
    """How far the arms can be told apart by what was known before.

    Attributes:
        auc: of a logistic regression that guesses the arm, out of fold; .5 is chance.
        chance: of an AUC this far from .5, or farther, when the arms were dealt by chance (normal approximation of Mann and Whitney).
        widest: position of the column whose means differ most.
        difference: that difference, in standard deviations.
    """

    auc: float
    chance: float
    widest: int
    difference: float

    @property
    def doubtful(self) -> bool:
        """Whether the arms differ by more than chance explains."""
        return self.auc > 0.5 and self.chance < CLEAR


def balance(columns: Array, treated: NDArray[np.bool_], *, seed: int) -> Balance:
    """Guess the arm from standardised columns, out of fold.

    Args:
        columns: `(n, k)` finite, standardised.
        treated: `(n,)`.
        seed: of the folds.
    """
    from sklearn.linear_model import LogisticRegression

    fold = np.random.default_rng(seed).permutation(len(treated)) % _FOLDS
    guess = np.empty(len(treated))
    for hidden in range(_FOLDS):
        test = fold == hidden
        model = LogisticRegression(C=0.1, solver="newton-cholesky").fit(columns[~test], treated[~test])
        # Levels differ between folds, which alone would make an AUC; ranks within a fold do not.
        guess[test] = stats.rankdata(model.decision_function(columns[test])) / test.sum()
    people, others = int(treated.sum()), int((~treated).sum())
    ranks = stats.rankdata(guess)
    auc = float((ranks[treated].sum() - people * (people + 1) / 2) / (people * others))
    deviation = float(np.sqrt((people + others + 1) / (12 * people * others)))
    gaps = columns[treated].mean(axis=0) - columns[~treated].mean(axis=0)
    widest = int(np.argmax(np.abs(gaps)))
    return Balance(auc, float(2 * stats.norm.sf(abs(auc - 0.5) / deviation)), widest, float(gaps[widest]))
