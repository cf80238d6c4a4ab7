"""The posterior of offers' effects: a Gaussian belief about shop, types and offers, met by the R-learner's scores of randomised decisions.

With `r = Y − m(x)`, m cross-fitted by customer, and `z = (A − e)·s·φ/σ`, the normal equations of the R-learner (Nie and Wager 2021) are
`Σ z·r/σ = (Σ z z′)·ξ`: their left side h is a sum of independent scores over decisions with mean Hξ, whatever m is, because e is known.
Its covariance J is not H: rows of one silent decision share what the customer did, so their scores go together. The belief about ξ is the
Gaussian one for `h ~ N(Hξ, J)` and `ξ ~ N(μ, P)`; the variances in P are those under which h is most likely (empirical Bayes), held by a
broad prior around the policy's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.artifacts.effect_design import COLUMNS, OWN
from training.artifacts.effect_prior import OF_TYPE, SHARED, EffectPrior
from training.artifacts.effect_prior import OWN as OWN_SHARE
from training.artifacts.offer_effect import Levels
from training.datasets.effect_rows import EffectRows

Array = NDArray[np.float64]

_WIDTH = len(COLUMNS)
_CHUNK = 5_000  # rows made dense together
_NOTHING = 1e-8  # of the largest eigenvalue of J: what is smaller was not observed
# Of the variance of an average customer's effect, what the other columns add before there is data, and how it is shared out: customers
# differ, and mostly in the same way whatever the offer (docs/offer-effects.md, "Customers differ").
_SLOPES, _SLOPE_SHARES = 0.5, (0.6, 0.3, 0.1)
_DOUBT = 1.0  # standard deviation of the logarithm of each level around the policy's: a factor of three either way is nothing unusual
_BOUNDS = (np.log(0.02), np.log(30.0))  # levels are looked for between these factors of the policy's


@dataclass(frozen=True)
class Scores:
    """What the rows say.

    Attributes:
        types: in the order of the vector.
        offers: id and type of the offers that have a part of their own.
        score: (m,) h.
        slope: (m, m) H.
        covariance: (m, m) J.
        together: correlation of the residuals of one silent decision's rows of different products.
    """

    types: tuple[str, ...]
    offers: tuple[tuple[str, str], ...]
    score: Array
    slope: Array
    covariance: Array
    together: float


@dataclass(frozen=True)
class Posterior:
    """Mean and covariance of ξ, and the levels of its prior."""

    mean: Array
    covariance: Array
    levels: Levels


def scores(rows: EffectRows, columns: Array, expected: Array, *, step: Array, most_offers: int, weight: Array | None = None) -> Scores:
    """Sum up the rows.

    Args:
        rows: of randomised decisions.
        columns: (n, len(COLUMNS)) of each row.
        expected: (n,) m(x), of a fit that has not seen the row's customer.
        step: (n,) size of a step.
        most_offers: offers with a part of their own, those of most rows; the others are what their type is.
        weight: (n,) how much a row counts, at most 1; older ones less. By default 1.
    """
    layout = _Layout.of(rows, most_offers)
    noise = np.sqrt(np.maximum(expected * (1.0 - expected), 1e-3))
    residual = (rows.outcome - expected) / noise
    size = (rows.treated - rows.chance) * step / noise
    if weight is not None:
        size, residual = size * np.sqrt(weight), residual * np.sqrt(weight)
    together = _together(rows, residual, size)
    m = layout.length
    score, slope, covariance = np.zeros(m), np.zeros((m, m)), np.zeros((m, m))
    for part in _parts(rows.decision):
        dense = layout.dense(columns[part] * size[part, None], rows.offer[part])
        score += dense.T @ residual[part]
        gram = dense.T @ dense
        slope += gram
        covariance += gram + _shared(dense, rows, part, together)
    return Scores(layout.types, layout.offers, score, slope, covariance, together)


def posterior(found: Scores, prior: EffectPrior) -> Posterior:
    """Meet the scores with the prior, whose variances the scores choose."""
    values, vectors = np.linalg.eigh(found.covariance)
    kept = values > _NOTHING * max(float(values.max()), 1e-300)
    root = vectors[:, kept] / np.sqrt(values[kept])
    told, at = root.T @ found.score, root.T @ found.slope
    mean = np.zeros(len(found.score))
    mean[0] = prior.mean
    groups = _groups(found)
    start = prior_levels(prior)
    surprise = told - at @ mean
    spreads = np.array([at[:, group == 1.0] @ at[:, group == 1.0].T for group in groups])
    bounds = [_BOUNDS] * len(groups)
    best = minimize(_loss, np.zeros(len(groups)), args=(spreads, surprise, start), jac=True, method="L-BFGS-B", bounds=bounds)
    chosen = start * np.exp(best.x)
    precision = at.T @ at + np.diag(1.0 / (chosen**2 @ groups))
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.T) / 2.0
    return Posterior(
        mean + covariance @ (at.T @ surprise), covariance, Levels(**dict(zip(Levels.model_fields, chosen.tolist(), strict=True)))
    )


def prior_levels(prior: EffectPrior) -> Array:
    """Standard deviations of `Levels` before there is data, in their order."""
    firsts = [prior.sd * share**0.5 for share in (SHARED, OF_TYPE, OWN_SHARE)]
    others = [prior.sd * (_SLOPES * share / (_WIDTH - 1)) ** 0.5 for share in _SLOPE_SHARES]
    return np.array([*firsts, *others])


def _loss(factors: Array, spreads: Array, surprise: Array, start: Array) -> tuple[float, Array]:
    """−log P(h | levels) − log P(levels), and its slope; levels are `start·exp(factors)`."""
    variance = (start * np.exp(factors)) ** 2
    total = np.eye(len(surprise)) + np.tensordot(variance, spreads, axes=1)
    inverse = np.linalg.inv(total)
    solved = inverse @ surprise
    loss = 0.5 * float(np.linalg.slogdet(total)[1]) + 0.5 * float(surprise @ solved) + 0.5 * float(factors @ factors) / _DOUBT**2
    traces = np.einsum("kij,ji->k", spreads, inverse)
    slope = variance * (traces - np.einsum("i,kij,j->k", solved, spreads, solved)) + factors / _DOUBT**2
    return loss, slope


def _groups(found: Scores) -> Array:
    """Which entries of ξ each level of `Levels` is of, (levels, m), 0 and 1."""
    firsts, others = np.zeros(_WIDTH), np.ones(_WIDTH)
    firsts[0], others[0] = 1.0, 0.0
    common, types, own = _WIDTH, _WIDTH * len(found.types), OWN * len(found.offers)
    groups = np.zeros((6, common + types + own))
    for place, part in enumerate((firsts, others)):
        groups[3 * place, :common] = part
        groups[3 * place + 1, common : common + types] = np.tile(part, len(found.types))
        groups[3 * place + 2, common + types :] = np.tile(part[:OWN], len(found.offers))
    return groups


@dataclass(frozen=True)
class _Layout:
    """Where in ξ the parts of each offer stand: (offers of the rows,) of its type, and of itself or −1."""

    types: tuple[str, ...]
    offers: tuple[tuple[str, str], ...]
    type_start: NDArray[np.int64]
    own_start: NDArray[np.int64]

    @classmethod
    def of(cls, rows: EffectRows, most_offers: int) -> _Layout:
        counts = np.bincount(rows.offer, minlength=len(rows.offers))
        types = tuple(sorted({rows.offers[place][1] for place in np.flatnonzero(counts)}))
        kept = np.sort(np.argsort(-counts, kind="stable")[:most_offers])
        kept = kept[counts[kept] > 0]
        type_start = np.array([_WIDTH * (1 + types.index(kind)) if kind in types else -1 for _, kind in rows.offers], dtype=np.int64)
        own_start = np.full(len(rows.offers), -1, dtype=np.int64)
        own_start[kept] = _WIDTH * (1 + len(types)) + OWN * np.arange(len(kept))
        return cls(types, tuple(rows.offers[place] for place in kept.tolist()), type_start, own_start)

    @property
    def length(self) -> int:
        return _WIDTH * (1 + len(self.types)) + OWN * len(self.offers)

    def dense(self, columns: Array, offer: NDArray[np.int64]) -> Array:
        """(n, m) rows in terms of ξ."""
        made = np.zeros((len(columns), self.length))
        made[:, :_WIDTH] = columns
        every = np.arange(len(columns))[:, None]
        made[every, self.type_start[offer][:, None] + np.arange(_WIDTH)] = columns
        own = np.flatnonzero(self.own_start[offer] >= 0)
        made[own[:, None], self.own_start[offer[own]][:, None] + np.arange(OWN)] = columns[own, :OWN]
        return made


def _parts(decision: NDArray[np.int64]) -> list[slice]:
    """Slices of about `_CHUNK` rows that cut no decision in two."""
    if not len(decision):
        return []
    starts = np.flatnonzero(np.r_[True, np.diff(decision) > 0])
    cuts, last = [0], 0
    for start in starts.tolist():
        if start - last >= _CHUNK:
            cuts.append(start)
            last = start
    cuts.append(len(decision))
    return [slice(a, b) for a, b in pairwise(cuts)]


def _shared(dense: Array, rows: EffectRows, part: slice, together: float) -> Array:
    """What the rows of one silent decision add to J by going together, (m, m): wholly where any order was their response."""
    silent = rows.treated[part] == 0
    if not silent.any():
        return np.zeros((dense.shape[1],) * 2)
    decision, anything, mine = rows.decision[part][silent], rows.any_order[part][silent], dense[silent]
    starts = np.flatnonzero(np.r_[True, np.diff(decision) > 0])
    every = np.add.reduceat(mine, starts, axis=0)
    same = np.add.reduceat(mine * anything[:, None], starts, axis=0)
    other, equal = mine[~anything], mine[anything]
    # ρ·(all pairs) + (1 − ρ)·(pairs of equal outcome) − the rows with themselves, which H holds already
    return np.asarray(together * (every.T @ every - other.T @ other) + (1.0 - together) * (same.T @ same) - equal.T @ equal)


def _together(rows: EffectRows, residual: Array, size: Array) -> float:
    """Correlation of the residuals of a silent decision's rows of different outcome, between 0 and 1."""
    silent = (rows.treated == 0) & ~rows.any_order
    if not silent.any():
        return 0.0
    decision = np.unique(rows.decision[silent], return_inverse=True)[1]
    scored, sized = (size * residual)[silent], np.abs(size)[silent]
    seen = float((np.bincount(decision, scored) ** 2).sum() - (scored**2).sum())
    most = float((np.bincount(decision, sized) ** 2).sum() - (sized**2).sum())
    return float(min(max(seen / most, 0.0), 1.0)) if most > 0 else 0.0
