"""m(x): the response expected whichever way the draw falls, a logistic regression that corrects P₀; cross-fitted by customer.

It need not be right: the draw does not depend on it. The better it is, the less noise is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artifacts.effect_design import EffectDesign
from training.artifacts.effect_prior import spread
from training.datasets.effect_rows import EffectRows

Array = NDArray[np.float64]

_ROUNDS = 5  # of Newton's method; it has settled to the fourth digit by then
_RIDGE = 3.0  # on standardised columns: hardly any at hundreds of rows, enough where nobody responded
_MOST = 40_000  # rows a fit reads; of more, so many are drawn: some twenty weights need no more
_LEAST = 1e-3


@dataclass(frozen=True)
class ExpectedResponse:
    """A fitted m.

    Attributes:
        types: that have a weight of their own.
        weights: of `response_inputs`.
    """

    types: tuple[str, ...]
    weights: Array

    def __call__(self, inputs: Array) -> Array:
        """(n,) expected response of `response_inputs`, held a little from 0 and 1."""
        return np.asarray(np.clip(_sigmoid(inputs @ self.weights), _LEAST, 1.0 - _LEAST))


def types_of(rows: EffectRows) -> tuple[str, ...]:
    """Offer types, in the order of `response_inputs`."""
    return tuple(sorted({kind for _, kind in rows.offers}))


def response_inputs(rows: EffectRows, columns: Array, arm: Array) -> Array:
    """Columns, the arm (its chance, or what was given) by itself and in steps, and a flag for each type.

    Args:
        rows: n of them.
        columns: (n, len(COLUMNS)) of the design.
        arm: (n,) the chance of being given the offer, for m; whether it was given, for a response model.
    """
    place = {name: i for i, name in enumerate(types_of(rows))}
    of = np.array([place[kind] for _, kind in rows.offers], dtype=np.int64)[rows.offer]
    flags = (of[:, None] == np.arange(len(place))).astype(np.float64)
    return np.column_stack([columns, arm, arm * spread(rows.p0, _LEAST), flags])


def fit_response(inputs: Array, outcome: Array, design: EffectDesign, *, types: tuple[str, ...], seed: int) -> ExpectedResponse:
    """Fit on these rows.

    Args:
        inputs: of `response_inputs`.
        outcome: (n,).
        design: that made the columns.
        types: of `types_of`.
        seed: draws the rows where there are many.
    """
    if len(outcome) > _MOST:
        some = np.sort(np.random.default_rng(seed).choice(len(outcome), _MOST, replace=False))
        inputs, outcome = inputs[some], outcome[some]
    start = np.zeros(inputs.shape[1])
    start[:2] = design.mean[1], design.deviation[1]  # the log-odds of P₀ as they are: the correction begins at none
    weights, penalty = start.copy(), np.eye(len(start)) * _RIDGE
    for _ in range(_ROUNDS):
        chance = _sigmoid(inputs @ weights)
        slope = inputs.T @ (outcome - chance) - penalty @ (weights - start)
        curve = (inputs * np.maximum(chance * (1.0 - chance), 1e-4)[:, None]).T @ inputs + penalty
        weights = weights + np.clip(np.linalg.solve(curve, slope), -2.0, 2.0)
    return ExpectedResponse(types, weights)


def cross_fitted(rows: EffectRows, columns: Array, design: EffectDesign, *, folds: int, seed: int) -> Array:
    """(n,) expected response of each row, by a fit that has not seen its customer."""
    fold = np.random.default_rng(seed).permutation(int(rows.customer.max()) + 1) % folds
    of = fold[rows.customer[rows.decision]]
    inputs, expected = response_inputs(rows, columns, rows.chance), np.empty(len(rows.outcome))
    for hidden in range(folds):
        test = of == hidden
        if test.any():
            fitted = fit_response(inputs[~test], rows.outcome[~test], design, types=types_of(rows), seed=seed)
            expected[test] = fitted(inputs[test])
    return expected


def _sigmoid(logit: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))
