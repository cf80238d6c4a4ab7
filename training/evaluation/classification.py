"""Probabilities judged: discrimination, sharpness, calibration, each with a customer-bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

Array = NDArray[np.float64]

BINS = 10  # equal-mass bins of the expected calibration error
_CLIP = 1e-6


def auc(y: Array, score: Array, weight: Array | None = None) -> float:
    """Area under the ROC curve; ties count half. `weight` repeats rows (bootstrap)."""
    return float(_weighted_auc(_ranked(y, score), np.ones((1, len(y))) if weight is None else weight[None, :])[0])


def average_precision(y: Array, score: Array) -> float:
    """Step-wise area under the precision–recall curve (scikit-learn's definition)."""
    return float(average_precision_score(y, score))


def log_loss(y: Array, p: Array) -> float:
    """Mean negative log likelihood."""
    return float(_losses(y, p).mean())


def accuracy(y: Array, p: Array) -> float:
    """Share of rows whose likelier outcome came true."""
    return float(((p > 0.5) == (y > 0.5)).mean())


def brier(y: Array, p: Array) -> float:
    """Mean squared difference of probability and outcome."""
    return float(((p - y) ** 2).mean())


def expected_calibration_error(y: Array, p: Array, bins: int = BINS) -> float:
    """Mean absolute gap between predicted and observed shares over equal-mass bins, weighted by bin size."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(abs(y[i].mean() - p[i].mean()) * len(i) for i in parts if len(i)) / len(y))


def perfect_calibration_error(p: Array, *, seed: int, draws: int = 200) -> float:
    """95th percentile of the calibration error of a model whose probabilities are exactly right, on these rows."""
    rng = np.random.default_rng(seed)
    # Sorted and cut once: of a large judged set, sorting anew in every draw would take most of the time.
    order = np.argsort(p, kind="stable")
    starts = np.unique([part[0] for part in np.array_split(np.arange(len(p)), BINS) if len(part)])
    expected = np.add.reduceat(p[order], starts)
    drawn = (np.add.reduceat((rng.random(len(p)) < p)[order].astype(float), starts) for _ in range(draws))
    return float(np.quantile([np.abs(happened - expected).sum() / len(p) for happened in drawn], 0.95))


def reliability(y: Array, p: Array, bins: int = BINS) -> tuple[list[float], list[float]]:
    """Mean prediction and observed share per equal-mass bin."""
    parts = [i for i in np.array_split(np.argsort(p, kind="stable"), bins) if len(i)]
    return [float(p[i].mean()) for i in parts], [float(y[i].mean()) for i in parts]


def gain(y: Array, score: Array, points: int = 20) -> tuple[list[float], list[float]]:
    """Share of all positives found in the top share of rows."""
    hits = np.cumsum(y[np.argsort(-score, kind="stable")]) / max(y.sum(), 1.0)
    shares = np.linspace(1 / points, 1, points)
    index = np.maximum((shares * len(y)).round().astype(int) - 1, 0)
    return [0.0, *shares.tolist()], [0.0, *hits[index].tolist()]


@dataclass(frozen=True)
class BootstrapWeights:
    """Customers drawn with replacement, as row weights.

    Attributes:
        weights: (draws, rows).
    """

    weights: Array

    @classmethod
    def draw(cls, customers: NDArray[np.int64], *, seed: int, draws: int = 200) -> BootstrapWeights:
        """Draw whole customers: their rows at several dates are not independent.

        Args:
            customers: (rows,) customer number of each row.
            seed: of the draws; equal seeds pair the draws of different models.
            draws: number of bootstrap samples.
        """
        _, code = np.unique(customers, return_inverse=True)
        n = int(code.max()) + 1
        counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
        return cls(counts[:, code].astype(np.float64))

    def auc(self, y: Array, score: Array) -> Array:
        """AUC of every draw."""
        return _weighted_auc(_ranked(y, score), self.weights)

    def average_precision(self, y: Array, score: Array) -> Array:
        """Average precision of every draw."""
        ranked = _ranked(y, -score)
        starts = np.flatnonzero(np.diff(ranked.group, prepend=-1))
        w = self.weights[:, ranked.order]
        positive = np.add.reduceat(w * ranked.y, starts, axis=1)
        seen = np.cumsum(np.add.reduceat(w, starts, axis=1), axis=1)
        found = np.cumsum(positive, axis=1)
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        total = found[:, -1]
        return np.asarray(np.divide((positive * precision).sum(axis=1), total, out=np.full_like(total, np.nan), where=total > 0))

    def mean(self, values: Array) -> Array:
        """Mean of a figure per row, of every draw."""
        return np.asarray((self.weights @ values) / self.weights.sum(axis=1))

    def expected_calibration_error(self, y: Array, p: Array, bins: int = BINS) -> Array:
        """Calibration error of every draw, over the whole sample's bins."""
        gaps = [np.abs(self.weights[:, part] @ (y - p)[part]) for part in np.array_split(np.argsort(p, kind="stable"), bins)]
        return np.asarray(np.sum(gaps, axis=0) / self.weights.sum(axis=1))

    def log_loss(self, y: Array, p: Array) -> Array:
        """Log loss of every draw."""
        return self.mean(_losses(y, p))


def interval(draws: Array) -> tuple[float, float]:
    """95 % percentile interval."""
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


@dataclass(frozen=True)
class _Ranked:
    order: NDArray[np.intp]
    y: Array
    group: NDArray[np.int64]


def _ranked(y: Array, score: Array) -> _Ranked:
    order = np.argsort(score, kind="stable")
    return _Ranked(order, y[order], np.unique(score[order], return_inverse=True)[1])


def _weighted_auc(ranked: _Ranked, weights: Array) -> Array:
    starts = np.flatnonzero(np.diff(ranked.group, prepend=-1))
    w = weights[:, ranked.order]
    positive = np.add.reduceat(w * ranked.y, starts, axis=1)
    negative = np.add.reduceat(w * (1 - ranked.y), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    pairs = (positive * (below + 0.5 * negative)).sum(axis=1)
    possible = positive.sum(axis=1) * negative.sum(axis=1)
    return np.asarray(np.divide(pairs, possible, out=np.full_like(pairs, np.nan), where=possible > 0))


def _losses(y: Array, p: Array) -> Array:
    q = np.clip(p, _CLIP, 1 - _CLIP)
    return np.asarray(-(y * np.log(q) + (1 - y) * np.log(1 - q)))
