"""Intervals of policy values and of their differences: whole customers are drawn, the same ones for every policy and estimator.

The studentised bootstrap (Efron and Tibshirani 1993, ch. 12.5; clusters: Cameron, Gelbach and Miller 2008): in every draw the estimate's
distance from the whole log's is counted in that draw's own standard errors. Money is skewed, most rounds earn nothing and a few carry large
weights: intervals from the draws' percentiles alone then cover too seldom. All draws are products of small matrices: of each customer only
sums and products of sums are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.evaluation.policy.estimators import Shares
from training.evaluation.policy.logged_rounds import Array, Numbers

DRAWS = 1000
_AT_ONCE = 4_000_000  # drawn numbers held at a time: 32 MB
_NOTHING = 1e-7  # of a sum's mean size: an error below is what rounding leaves of squares


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: of the whole log.
        low, high: bounds; both NaN where there are fewer than two customers.
        error: standard error over customers.
    """

    value: float
    low: float
    high: float
    error: float


class CustomerBootstrap:
    """Draws customers with replacement; equal seeds draw equal customers, so differences are paired."""

    def __init__(self, customer: Numbers, *, seed: int, draws: int = DRAWS) -> None:
        """Prepare.

        Args:
            customer: (n,) customer of each round.
            seed: of the draws.
            draws: how many.
        """
        self._place = np.unique(customer, return_inverse=True)[1]
        self._people = int(self._place.max()) + 1
        self._seed, self._draws = seed, draws

    def intervals(self, asked: list[tuple[Shares, Shares | None]]) -> list[Interval]:
        """Intervals of values, or of differences to a second value, all on the same draws.

        Args:
            asked: a value, and what is taken off it if anything.
        """
        parts = [self._of_customers(first, second) for first, second in asked]
        drawn = np.concatenate([sums @ np.hstack([part.sums for part in parts]) for sums in self._counts()])
        found, begin = [], 0
        for part in parts:
            end = begin + part.sums.shape[1]
            found.append(part.interval(drawn[:, begin:end]))
            begin = end
        return found

    def _of_customers(self, first: Shares, second: Shares | None) -> _Part:
        columns = [first.above, first.below]
        if second is not None and np.array_equal(first.below, second.below):
            columns = [first.above - second.above, first.below]  # exact where the policies agree
        elif second is not None:
            columns += [second.above, second.below]
        return _Part(np.stack([np.bincount(self._place, column, self._people) for column in columns], axis=1))

    def _counts(self) -> Iterator[Array]:
        """How often each customer was drawn, (some draws, customers) at a time; the same whoever asks."""
        random, n = np.random.default_rng(self._seed), self._people
        block = max(1, _AT_ONCE // n)
        for begin in range(0, self._draws, block):
            size = min(block, self._draws - begin)
            who = random.integers(0, n, size=(size, n)) + np.arange(size)[:, None] * n
            yield np.bincount(who.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


class _Part:
    """A ratio of customers' sums, or the difference of two, and what of them must be drawn to know its error in every draw."""

    def __init__(self, columns: Array) -> None:
        self._k = columns.shape[1]
        self._scale = np.maximum(np.abs(columns).mean(axis=0), 1e-300)  # squares of large money would drown the small
        scaled = columns / self._scale
        self._unit = float(max(self._scale[at] / self._scale[at + 1] for at in range(0, self._k, 2)))
        self._pairs = [(i, j) for i in range(self._k) for j in range(i, self._k)]
        self.sums = np.hstack([scaled, np.stack([scaled[:, i] * scaled[:, j] for i, j in self._pairs], axis=1)])

    def interval(self, drawn: Array) -> Interval:
        """From (draws, columns) drawn sums."""
        value, error = self._estimate(self.sums.sum(axis=0)[None, :])
        if len(self.sums) < 2 or not np.isfinite(error[0]):
            return Interval(float(value[0]), float("nan"), float("nan"), float("nan"))
        values, errors = self._estimate(drawn)
        least = _NOTHING * self._unit
        sound = np.isfinite(values) & (errors > least)
        if error[0] <= least or not sound.any():
            return Interval(float(value[0]), float(value[0]), float(value[0]), 0.0)
        low, high = np.quantile((values[sound] - value[0]) / errors[sound], [0.025, 0.975])
        return Interval(float(value[0]), float(value[0] - high * error[0]), float(value[0] - low * error[0]), float(error[0]))

    def _estimate(self, sums: Array) -> tuple[Array, Array]:
        """Value and standard error in every draw: the error of the linearised ratio, customers being independent."""
        total = sums[:, : self._k]
        with np.errstate(divide="ignore", invalid="ignore"):
            value, slopes = self._ratio(total, 0), self._slopes(total)
            if self._k == 4:
                value = value - self._ratio(total, 2)
            # Residuals of the linearised ratio sum to 0 in every draw, so their squares need no centring.
            square = np.zeros(len(sums))
            for position, (i, j) in enumerate(self._pairs):
                square += (1.0 if i == j else 2.0) * slopes[:, i] * slopes[:, j] * sums[:, self._k + position]
            return value, np.sqrt(np.maximum(square, 0.0))

    def _ratio(self, total: Array, at: int) -> Array:
        return np.asarray(total[:, at] / total[:, at + 1] * (self._scale[at] / self._scale[at + 1]))

    def _slopes(self, total: Array) -> Array:
        """(draws, k) how the value moves with each sum."""
        slopes = np.empty_like(total)
        for at, sign in ((0, 1.0), (2, -1.0))[: self._k // 2]:
            unit = self._scale[at] / self._scale[at + 1] / total[:, at + 1]
            slopes[:, at] = sign * unit
            slopes[:, at + 1] = -sign * unit * total[:, at] / total[:, at + 1]
        return slopes
