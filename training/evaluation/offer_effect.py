"""Effects of offers judged on randomised decisions of customers that the fit has not seen.

* **r_loss**: mean of `((Y − m) − (A − e)·τ)²`, the R-learner's loss (Nie and Wager 2021); lower is better. It is mostly noise, so read
  the paired differences.
* **qini**: area between the curve of responses gained from the top of the ranking and the straight line to its end, per row; 0 is a
  ranking by chance. **gain**: money per 100 rows of sending wherever the model's value is above zero. Both weigh by the known chances,
  `(A − e)/(e·(1 − e))·(Y − m)`, whose mean is the effect, on rows whose chance is between `OVERLAP` and `1 − OVERLAP`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.datasets.effect_rows import EffectRows
from training.evaluation.customer_bootstrap import CustomerRows, Measure
from training.recipe import Curve, Evaluation

Array = NDArray[np.float64]

OVERLAP = 0.05  # weights up to 20; beyond, single rows would decide
_BINS = 50


def judge_effects(name: str, rows: EffectRows, expected: Array, ours: Array, peers: Mapping[str, Array], *, seed: int) -> Evaluation:
    """Set the model beside its baselines on the same rows.

    Args:
        name: of the model.
        rows: of customers hidden from every fit.
        expected: (n,) m(x).
        ours: (n,) τ.
        peers: baseline → (n,) τ.
        seed: of the bootstrap of customers.
    """
    drawn = CustomerRows.of(rows.customer[rows.decision], np.zeros(len(expected), "datetime64[D]"), seed=seed)
    inside = (rows.chance >= OVERLAP) & (rows.chance <= 1.0 - OVERLAP)
    centred = rows.treated - rows.chance
    score = np.where(inside, centred / np.where(inside, rows.chance * (1.0 - rows.chance), 1.0) * (rows.outcome - expected), 0.0)
    judged = {
        label: _measures(rows, tau, drawn=drawn, expected=expected, score=score, inside=inside)
        for label, tau in {name: ours, **peers}.items()
    }
    mine = judged.pop(name)
    return Evaluation(
        name=name,
        protocol="",
        rows=len(expected),
        metrics={metric: measure.value for metric, measure in mine.items()},
        intervals={metric: measure.interval() for metric, measure in mine.items()},
        baselines={label: {metric: measure.value for metric, measure in of.items()} for label, of in judged.items()},
        differences={
            f"{metric} vs {label}": measure.interval(judged[label][metric]) for metric, measure in mine.items() for label in judged
        },
        curves=[_deciles(name, ours, score, inside)],
    )


def _measures(
    rows: EffectRows, tau: Array, *, drawn: CustomerRows, expected: Array, score: Array, inside: NDArray[np.bool_]
) -> dict[str, Measure]:
    loss = (rows.outcome - expected - (rows.treated - rows.chance) * tau) ** 2
    worth = _worth(rows, tau, rows.p0) > 0
    money = 100.0 * np.where(inside & worth, _worth(rows, score, rows.p0), 0.0)
    return {
        "r_loss": Measure(float(loss.mean()), drawn.mean(loss)),
        "qini": _qini(drawn, score, inside, tau),
        "gain": Measure(float(money.mean()), drawn.mean(money)),
    }


def _worth(rows: EffectRows, tau: Array, p0: Array) -> Array:
    """Money of sending: margin of what is caused, discount of all who respond, what sending costs."""
    return np.asarray(tau * rows.margin - (p0 + tau) * rows.discount - rows.cost)


def _qini(drawn: CustomerRows, score: Array, inside: NDArray[np.bool_], tau: Array) -> Measure:
    order = np.argsort(np.argsort(-np.where(inside, tau, -np.inf), kind="stable"), kind="stable")
    code = np.minimum(order * _BINS // max(int(inside.sum()), 1), _BINS - 1)
    every: Array = np.bincount(code, score * inside, _BINS).astype(np.float64)[None, :]
    count: Array = np.bincount(code, inside, _BINS).astype(np.float64)[None, :]
    draws = _area(drawn.binned(score * inside, code, _BINS), drawn.binned(inside.astype(np.float64), code, _BINS))
    return Measure(float(_area(every, count)[0]), draws)


def _area(gained: Array, count: Array) -> Array:
    total = np.maximum(count.sum(axis=1, keepdims=True), 1.0)
    share = np.cumsum(count, axis=1) / total
    curve = np.cumsum(gained, axis=1) / total
    zero = np.zeros((len(curve), 1))
    share, curve = np.hstack([zero, share]), np.hstack([zero, curve])
    return np.asarray(np.trapezoid(curve, share, axis=1) - curve[:, -1] / 2.0)


def _deciles(name: str, tau: Array, score: Array, inside: NDArray[np.bool_]) -> Curve:
    """Believed against measured effect in tenths of the ranking."""
    parts = np.array_split(np.flatnonzero(inside)[np.argsort(tau[inside], kind="stable")], 10)
    parts = [part for part in parts if len(part)]
    believed, measured = ([float(values[part].mean()) for part in parts] for values in (tau, score))
    return Curve(
        plot="Effect believed and measured, by tenths", label=name, x_label="believed", y_label="measured", x=believed, y=measured,
        style="points",
    )  # fmt: skip
