"""The best of many products for a taste, without looking at most of them, and without missing one.

A product's log-odds are `c·log(factor·taste) + static`, and by Cauchy and Schwarz `factor·taste` is at most `‖factor‖·‖taste‖`. So
`c·log‖factor‖ + static`, which no customer has a part in, bounds what any customer can make of the product. Products are laid down in the
order of that bound, and looked at from the top until the bound of the next is below what the worst of the best so far has: exact, with
any filter. It is what LEMP does for inner products (Teflioudi, Gemulla and Mykytiuk, SIGMOD 2015), with the map's logarithm and popularity
in the bound. How much of the catalogue that leaves depends on how unequal the products are: docs/benchmarks.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artifacts.fold_in import FoldIn

_ARRAYS, _PREFIX = ("order", "factors", "bounds", "statics", "highest"), "ranked_"
_LOG = logging.getLogger("huitou.models")
LEAST_RECALL = 0.98
_SAMPLES = 20  # of tastes by which the short way is tried when a model is loaded
_MOST_LOOKED_AT = 0.5  # beyond it the order is followed for nothing
_FIRST, _GROWTH, _MOST = 1_024, 2, 65_536  # products looked at in one go: few at first, since few may do
_ROUNDING = 1e-4  # of the bound, above what float32 makes of sums of a hundred products


@dataclass(frozen=True)
class Proof:
    """How good the short way is.

    Attributes:
        recall: share of the best by the long way that the short way found; below 1 only where float32 makes equals of them.
        looked_at: share of all products that it looked at, in the median.
    """

    recall: float
    looked_at: float

    @property
    def holds(self) -> bool:
        """Whether the short way is as good, and short."""
        return self.recall >= LEAST_RECALL and self.looked_at <= _MOST_LOOKED_AT


@dataclass(frozen=True)
class RankedItems:
    """Products in the order of what they can be worth to anybody.

    Attributes:
        order: `(n,)` int32, positions in the model.
        factors: `(n, f)` float32, in that order.
        bounds: `(n,)` float32, `c·log‖factor‖ + static`, never rising.
        statics: `(n,)` float32, `static`.
        highest: `(n,)` float32, the greatest `static` from there on.
        coefficient: c, above 0.
        floor: inner products at or below count as this much.
    """

    order: NDArray[np.int32]
    factors: NDArray[np.float32]
    bounds: NDArray[np.float32]
    statics: NDArray[np.float32]
    highest: NDArray[np.float32]
    coefficient: float
    floor: float

    @classmethod
    def of(cls, factors: NDArray[np.float32], static: NDArray[np.float32], coefficient: float, floor: float) -> RankedItems | None:
        """Lay products down; None where the map lets no bound be: a score that speaks against a product, or numbers that are none.

        Args:
            factors: `(n, f)`.
            static: `(n,)`, what the map says of the product itself.
            coefficient: of the logarithm of the score.
            floor: of scores, above 0.
        """
        if coefficient <= 0 or not (np.isfinite(factors).all() and np.isfinite(static).all()):
            return None
        norms = np.linalg.norm(factors, axis=1)
        bounds = (coefficient * np.log(np.maximum(norms, np.finfo(np.float32).tiny)) + static).astype(np.float32)
        order = np.argsort(-bounds, kind="stable").astype(np.int32)
        statics = static[order].astype(np.float32)
        highest = np.maximum.accumulate(statics[::-1])[::-1]
        return cls(order, factors[order], bounds[order], statics, np.ascontiguousarray(highest), coefficient, floor)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], coefficient: float, floor: float) -> RankedItems | None:
        """What `arrays` told; None where they hold nothing of it."""
        if f"{_PREFIX}order" not in arrays:
            return None
        order, factors, bounds, statics, highest = (arrays[f"{_PREFIX}{name}"] for name in _ARRAYS)
        return cls(order, factors, bounds, statics, highest, coefficient, floor)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its arrays by name, to be kept beside those of the model."""
        return {f"{_PREFIX}{name}": getattr(self, name) for name in _ARRAYS}

    def best(
        self, taste: NDArray[np.float32], limit: int, *, allowed: NDArray[np.bool_] | None = None, without: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
        """The best products, best first; ties by position.

        Args:
            taste: `(f,)`.
            limit: how many at most, above 0.
            allowed: `(n,)` mask over positions.
            without: positions that are left out.

        Returns:
            Positions, `c·log(score) + static` of each, and how many products were looked at.
        """
        length = float(np.linalg.norm(taste))
        reach = self.coefficient * np.log(max(length, float(np.finfo(np.float32).tiny)))
        lowest = self.coefficient * np.log(self.floor)
        places, values = np.empty(0, np.int64), np.empty(0, np.float32)
        start, size = 0, _FIRST
        while start < len(self.order):
            more = self._valued(taste, slice(start, start + size))
            positions = self.order[start : start + size].astype(np.int64)
            keep = np.ones(len(positions), np.bool_) if allowed is None else allowed[positions]
            if without is not None and len(without):
                keep = keep & ~np.isin(positions, without)
            places, values = np.concatenate([places, positions[keep]]), np.concatenate([values, more[keep]])
            start, size = start + size, min(size * _GROWTH, _MOST)
            if len(values) > limit:
                worst = np.partition(values, -limit)[-limit]
                reached = values >= worst
                places, values = places[reached], values[reached]
            if len(values) >= limit and start < len(self.order):
                still = max(float(self.bounds[start]) + reach, float(self.highest[start]) + lowest)
                if still + _ROUNDING * max(1.0, abs(still)) < values.min():
                    break
        chosen = np.lexsort((places, -values))[:limit]
        return places[chosen], values[chosen], min(start, len(self.order))

    def proof(self, tastes: Iterable[NDArray[np.float32]], limit: int = 20) -> Proof:
        """Find the best for some tastes by both ways."""
        recalls, looked_at = [], []
        for taste in tastes:
            found, _, looked = self.best(taste, limit)
            every = self.order[np.argsort(-self._valued(taste, slice(None)), kind="stable")[:limit]]
            recalls.append(len(np.intersect1d(found, every)) / len(every))
            looked_at.append(looked / len(self.order))
        return Proof(float(np.mean(recalls)), float(np.median(looked_at)))

    def _valued(self, taste: NDArray[np.float32], some: slice) -> NDArray[np.float32]:
        score = self.factors[some] @ taste
        np.log(np.maximum(score, np.float32(self.floor), out=score), out=score)
        score *= np.float32(self.coefficient)
        score += self.statics[some]
        return score


def proved(ranked: RankedItems, folding: FoldIn, buyers: NDArray[np.int32]) -> bool:
    """Try the short way for people who bought a dozen products by their popularity; says in the log what came out.

    Args:
        ranked: the short way.
        folding: makes their tastes.
        buyers: `(n,)` of each product.
    """
    random, total = np.random.default_rng(_SAMPLES), int(buyers.sum())
    if not total:
        return True  # nobody is known to have bought anything: there is nobody to try it with
    baskets = [np.unique(random.choice(len(buyers), 12, p=buyers / total)) for _ in range(_SAMPLES)]
    proof = ranked.proof(folding.solve(basket, np.ones(len(basket), np.float32)) for basket in baskets)
    told = "Of %d products %.2f %% are looked at for an answer, in the median of %d samples; recall@20 %.3f."
    _LOG.info(told, len(buyers), 100 * proof.looked_at, _SAMPLES, proof.recall)
    if not proof.holds:
        _LOG.warning("All %d products are looked at for each answer: the short way is not as good, or not short.", len(buyers))
    return proof.holds
