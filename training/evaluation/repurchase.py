"""Judges repurchase probabilities of customer × category, beside the peers, with customer-bootstrap intervals.

The bootstrap never touches a row: scores are cut into bins once, positives and rows are counted per customer and bin, and all draws are one
matrix product. With 1,000 equal-mass bins the areas differ from the exact ones in the fourth digit; reported values are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.artifacts.category_path import CATEGORY_INPUTS
from training.artifacts.repurchase import HORIZONS
from training.datasets.category_rows import CategorySnapshots
from training.evaluation.classification import average_precision, expected_calibration_error, interval, log_loss, reliability
from training.recipe import Curve, Evaluation

Array = NDArray[np.float64]

LIST_LENGTH = 5  # categories shown to a customer
LIST_HORIZON = 14  # days within which one of them should be bought
_DRAWS = 200
_BINS = 1000
_CALIBRATION_BINS = 10
_CLIP = 1e-6


@dataclass(frozen=True)
class _Rows:
    """Judged rows and the bootstrap's draws of whole customers.

    Attributes:
        customer: (n,) 0..customers − 1.
        list_code: (n,) number of the list (customer × as-of date) the row belongs to.
        draws: (draws, customers) how often each customer was drawn.
    """

    customer: NDArray[np.int64]
    list_code: NDArray[np.int64]
    draws: Array

    @classmethod
    def of(cls, judged: CategorySnapshots, *, seed: int) -> _Rows:
        customer = np.unique(judged.customer_code, return_inverse=True)[1].astype(np.int64)
        date = np.unique(judged.as_of, return_inverse=True)[1]
        n = int(customer.max()) + 1
        draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=_DRAWS)
        return cls(customer, np.unique(customer * (date.max() + 1) + date, return_inverse=True)[1], draws.astype(np.float64))

    def mean(self, value: Array, customer: NDArray[np.int64] | None = None) -> Array:
        """Mean of a value in every draw; NaN in a draw that holds none of the rows."""
        of = self.customer if customer is None else customer
        n = self.draws.shape[1]
        return _share(self.draws @ np.bincount(of, value, n), self.draws @ np.bincount(of, minlength=n))

    def binned(self, y: Array, code: NDArray[np.int64], bins: int) -> tuple[Array, Array]:
        """Sum of `y` and number of rows per bin in every draw, (draws, bins) each."""
        n = self.draws.shape[1]
        cell = self.customer * bins + code
        total = np.bincount(cell, y, n * bins).reshape(n, bins)
        count = np.bincount(cell, minlength=n * bins).reshape(n, bins)
        return self.draws @ total, self.draws @ count

    @cached_property
    def list_customer(self) -> NDArray[np.int64]:
        """Customer of each list."""
        owner = np.zeros(int(self.list_code.max()) + 1, dtype=np.int64)
        owner[self.list_code] = self.customer
        return owner


@dataclass(frozen=True)
class _Measure:
    """One figure: its value and its bootstrap draws."""

    value: float
    draws: Array

    def interval(self, peer: _Measure | None = None) -> tuple[float, float]:
        """95 % interval of the figure, or of its paired difference to a peer's, over the draws in which it is defined."""
        draws = self.draws if peer is None else self.draws - peer.draws
        defined = draws[np.isfinite(draws)]
        return interval(defined) if len(defined) else (float("nan"), float("nan"))


def judge_repurchase(
    name: str,
    own: Mapping[int, Array],
    judged: CategorySnapshots,
    *,
    probable: Mapping[str, Mapping[int, Array]],
    ranked: Mapping[str, Array],
    seed: int,
) -> Evaluation:
    """Metrics `pr_auc_7d`, `auc_7d`, `log_loss_7d`, `ece_7d`, …, `hit_rate_5`, `precision_5`, `quantity_mae`.

    `hit_rate_5` is the share of lists (customer × as-of date) of whose five highest-ranked categories at least one was bought within
    14 days, `precision_5` the share of those categories that was. The paired difference is against the best peer of each metric.

    Args:
        name: of the model.
        own: horizon in days → its probabilities of the judged rows, (n,).
        judged: every pair at the judged dates; all labels of the longest horizon must be closed.
        probable: peer → the same of that peer.
        ranked: peer that only ranks → its score of the judged rows, (n,), the same for every horizon.
        seed: of the bootstrap.
    """
    rows = _Rows.of(judged, seed=seed)
    mine = _measures(rows, judged.wait, own, are_probabilities=True)
    peers = {n: _measures(rows, judged.wait, p, are_probabilities=True) for n, p in probable.items()}
    for n, score in ranked.items():
        peers[n] = _measures(rows, judged.wait, dict.fromkeys(HORIZONS, score), are_probabilities=False)
    usual, last = _quantity_errors(rows, judged)
    if usual and last:
        mine["quantity_mae"], peers["last quantity"] = usual, {"quantity_mae": last}
    return Evaluation(
        name=name,
        protocol="",
        rows=len(judged.wait),
        metrics={key: measure.value for key, measure in mine.items()},
        intervals={key: measure.interval() for key, measure in mine.items()},
        baselines={n: {key: measure.value for key, measure in p.items()} for n, p in peers.items()},
        differences=_differences(mine, peers),
        curves=_curves(judged, own),
        notes=["The usual quantity is the decayed mean of past quantities; it is not modelled."],
    )


def _measures(rows: _Rows, wait: Array, scores: Mapping[int, Array], *, are_probabilities: bool) -> dict[str, _Measure]:
    found: dict[str, _Measure] = {}
    for horizon, score in scores.items():
        y = (wait <= horizon).astype(np.float64)
        if y.min() == y.max():
            continue
        found |= {f"{key}_{horizon}d": measure for key, measure in _areas(rows, y, score).items()}
        if are_probabilities:
            found |= {f"{key}_{horizon}d": measure for key, measure in _losses(rows, y, score).items()}
    return found | _lists(rows, (wait <= LIST_HORIZON).astype(np.float64), scores[LIST_HORIZON])


def _areas(rows: _Rows, y: Array, score: Array) -> dict[str, _Measure]:
    _, group, size = np.unique(-score, return_inverse=True, return_counts=True)  # best first; equal scores share a bin
    middle = np.cumsum(size) - (size + 1) / 2
    positive, count = rows.binned(y, (middle[group] * _BINS / len(y)).astype(np.int64), _BINS)
    negative = count - positive
    before = np.cumsum(positive, axis=1)
    pairs = (negative * (before - 0.5 * positive)).sum(axis=1)
    precision = np.divide(before, np.cumsum(count, axis=1), out=np.zeros_like(before), where=before > 0)
    total = before[:, -1]
    exact_positive = np.bincount(group, y)
    exact_before = np.cumsum(exact_positive)
    exact_pairs = ((size - exact_positive) * (exact_before - 0.5 * exact_positive)).sum()
    return {
        "pr_auc": _Measure(average_precision(y, -group.astype(np.float64)), _share((positive * precision).sum(axis=1), total)),
        "auc": _Measure(float(exact_pairs / (y.sum() * (len(y) - y.sum()))), _share(pairs, total * negative.sum(axis=1))),
    }


def _losses(rows: _Rows, y: Array, p: Array) -> dict[str, _Measure]:
    q = np.clip(p, _CLIP, 1 - _CLIP)
    loss = -(y * np.log(q) + (1 - y) * np.log(1 - q))
    code = np.empty(len(p), dtype=np.int64)
    for number, part in enumerate(np.array_split(np.argsort(p, kind="stable"), _CALIBRATION_BINS)):
        code[part] = number
    gap, count = rows.binned(y - p, code, _CALIBRATION_BINS)
    return {
        "log_loss": _Measure(log_loss(y, p), rows.mean(loss)),
        "ece": _Measure(expected_calibration_error(y, p), np.abs(gap).sum(axis=1) / count.sum(axis=1)),
    }


def _lists(rows: _Rows, y: Array, score: Array) -> dict[str, _Measure]:
    # Equal scores fall in a fixed arbitrary order, not in that of the rows, which are sorted by category: that would favour the alphabet.
    tie = np.random.default_rng(0).random(len(score))
    order = np.lexsort((tie, -score, rows.list_code))
    code = rows.list_code[order]
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    place = np.arange(len(code)) - starts[code]
    top = place < LIST_LENGTH
    bought = np.bincount(code[top], y[order][top], len(starts))
    hit, share = (bought > 0).astype(np.float64), bought / np.bincount(code[top], minlength=len(starts))
    return {
        f"hit_rate_{LIST_LENGTH}": _Measure(float(hit.mean()), rows.mean(hit, rows.list_customer)),
        f"precision_{LIST_LENGTH}": _Measure(float(share.mean()), rows.mean(share, rows.list_customer)),
    }


def _quantity_errors(rows: _Rows, judged: CategorySnapshots) -> tuple[_Measure | None, _Measure | None]:
    """Mean absolute error of the usual and of the last quantity, over pairs bought within the longest horizon."""
    bought = judged.wait <= max(HORIZONS)
    if not bought.any():
        return None, None
    actual, customer = judged.next_quantity[bought], rows.customer[bought]
    usual, last = (np.abs(judged.category[bought, CATEGORY_INPUTS.index(name)] - actual) for name in ("quantity_recent", "quantity_last"))
    return _Measure(float(usual.mean()), rows.mean(usual, customer)), _Measure(float(last.mean()), rows.mean(last, customer))


def _differences(mine: dict[str, _Measure], peers: dict[str, dict[str, _Measure]]) -> dict[str, tuple[float, float]]:
    differences = {}
    for key, measure in mine.items():
        rivals = {n: p[key] for n, p in peers.items() if key in p}
        if rivals:
            lower_is_better = key.startswith(("log_loss", "ece", "quantity"))
            best = (min if lower_is_better else max)(rivals, key=lambda n: rivals[n].value)
            differences[f"{key} vs {best}"] = measure.interval(rivals[best])
    return differences


def _share(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def _curves(judged: CategorySnapshots, own: Mapping[int, Array]) -> list[Curve]:
    curves = []
    for horizon, p in own.items():
        predicted, observed = reliability((judged.wait <= horizon).astype(np.float64), p)
        curves.append(
            Curve(
                plot="Calibration of repurchase",
                label=f"within {horizon} days",
                x_label="predicted",
                y_label="observed",
                x=predicted,
                y=observed,
            )
        )
    return curves
