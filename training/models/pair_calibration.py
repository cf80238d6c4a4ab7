"""Fits the logistic maps that turn what is known of a (customer, item) pair into a probability of purchase."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from training.artifacts.logistic_map import LogisticMap

MIN_POSITIVES = 20  # about three positives for each of seven inputs; below it a constant rate is the honest answer
HARD_NEGATIVES = 100  # best-ranked pairs a row, kept whole: they are what gets recommended, so there the map must be right
SAMPLED_NEGATIVES = 100  # of all other pairs, weighted up to their true number


def fit_logistic_map(
    inputs: tuple[str, ...], columns: tuple[NDArray[Any] | float, ...], bought: NDArray[Any], weights: NDArray[Any] | None = None
) -> LogisticMap:
    """Fit log-odds of `bought` by (all but unpenalised) maximum likelihood.

    Args:
        inputs: names of the columns.
        columns: `(n,)` each, or a number for a constant one.
        bought: `(n,)` 0 or 1.
        weights: `(n,)` how many pairs a row stands for; one each by default.

    Returns:
        The map on unscaled inputs. With fewer than `MIN_POSITIVES` positives: zero coefficients and the smoothed base rate.
    """
    y = np.asarray(bought, np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, np.float64)
    positives, total = float((y * w).sum()), float(w.sum())
    if min(positives, total - positives) < MIN_POSITIVES:
        rate = (positives + 0.5) / (total + 1.0)  # Jeffreys' prior: never exactly 0 or 1
        return LogisticMap(
            inputs=inputs, coefficients=(0.0,) * len(inputs), intercept=float(np.log(rate / (1 - rate))), positives=int(positives)
        )
    x = np.stack([np.broadcast_to(np.asarray(c, np.float64), y.shape) for c in columns], axis=1)
    mean, spread = np.average(x, axis=0, weights=w), x.std(axis=0)
    spread = np.where(spread > 1e-3, spread, 1.0)  # what hardly varies here must not weigh heavily where it does
    # The penalty is one pseudo-observation strong on standardised inputs: it only keeps separable toy data finite.
    model = LogisticRegression(C=1.0, max_iter=200, tol=1e-6).fit((x - mean) / spread, y, sample_weight=w)
    coefficients = model.coef_[0] / spread
    intercept = float(model.intercept_[0] - coefficients @ mean)
    return LogisticMap(inputs=inputs, coefficients=tuple(float(c) for c in coefficients), intercept=intercept, positives=int(positives))


def sample_pairs(
    scores: NDArray[np.float32], owned: NDArray[np.bool_], bought: sparse.csr_matrix, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Choose which not-owned pairs a map is fitted on: every purchase, the best-ranked, and a weighted sample of the rest.

    Args:
        scores: `(rows, columns)`, what candidates would be ranked by.
        owned: `(rows, columns)` pairs that another map answers for.
        bought: CSR `(rows, columns)`.
        random: draws the sample.

    Returns:
        Row and column positions and the number of pairs each stands for.
    """
    rows, columns = scores.shape
    hard = min(HARD_NEGATIVES, columns)
    kept = np.zeros(scores.shape, np.bool_)
    best = np.argpartition(np.where(owned, -np.inf, scores), columns - hard, axis=1)[:, columns - hard :]
    np.put_along_axis(kept, best, values=True, axis=1)
    kept |= bought.toarray() > 0
    kept &= ~owned
    drawn = np.zeros_like(kept)
    np.put_along_axis(drawn, random.integers(0, columns, (rows, min(SAMPLED_NEGATIVES, columns))), values=True, axis=1)
    drawn &= ~(kept | owned)
    rest = columns - kept.sum(axis=1) - owned.sum(axis=1)
    each = rest / np.maximum(drawn.sum(axis=1), 1)
    r, c = np.nonzero(kept | drawn)
    return r, c, np.where(kept[r, c], 1.0, each[r])
