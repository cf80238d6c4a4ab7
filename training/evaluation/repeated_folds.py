"""Repeated cross-validation: who is hidden when, and what its means are worth.

The folds of repeated cross-validation share their training rows, so their spread says too little about the error of their mean. Nadeau
and Bengio (2003, "Inference for the generalization error") correct the variance of the mean of J folds from `s²/J` to
`(1/J + n_test/n_train) s²`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


def stratified_folds(strata: NDArray[np.int64], *, folds: int, repeats: int, seed: int) -> NDArray[np.int64]:
    """Deal rows into folds, every stratum evenly.

    Args:
        strata: `(n,)` group of each row, e.g. arm × outcome.
        folds: at least 2.
        repeats: how often to deal anew.
        seed: repeat r is dealt by `[seed, r]`, so that more repeats leave the first as they are.

    Returns:
        `(repeats, n)` fold of each row.
    """
    dealt = np.empty((repeats, len(strata)), np.int64)
    groups = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        start = 0  # the remainder of one stratum is not always dealt to the first folds
        for group in groups:
            dealt[repeat, rng.permutation(group)] = (np.arange(len(group)) + start) % folds
            start += len(group)
    return dealt


def corrected_interval(values: Array, *, folds: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the mean over folds by Nadeau and Bengio's corrected variance and Student's t with J − 1 degrees of freedom.

    Args:
        values: `(J,)` one figure, or one paired difference, per fold and repeat.
        folds: folds of one repeat: the test rows are `1 / (folds − 1)` of the training rows.
        confidence: of the interval.

    Returns:
        Low and high; both the mean when there are fewer than two values.
    """
    count, mean = len(values), float(np.mean(values))
    if count < 2:
        return mean, mean
    error = float(np.sqrt((1.0 / count + 1.0 / (folds - 1)) * np.var(values, ddof=1)))
    reach = float(stats.t.ppf(0.5 + confidence / 2.0, count - 1)) * error
    return mean - reach, mean + reach
