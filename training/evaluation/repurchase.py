"""Judges repurchase probabilities of customer × category, beside the peers, with customer-bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.artifacts.category_path import CATEGORY_INPUTS
from training.artifacts.repurchase import HORIZONS
from training.datasets.category_rows import CategorySnapshots
from training.evaluation.classification import expected_calibration_error, log_loss, perfect_calibration_error, reliability
from training.evaluation.customer_bootstrap import CustomerRows, Measure, Ranking
from training.recipe import Curve, Evaluation

Array = NDArray[np.float64]

LIST_LENGTH = 5  # categories shown to a customer
LIST_HORIZON = 14  # days within which one of them should be bought
LONG_LIST_HORIZON = 28  # the same over the longest horizon; its metrics carry it in their names
_CALIBRATION_BINS = 10
_AGAINST_ALL = ("pr_auc_28d", "hit_rate_5", "hit_rate_5_28d")  # compared with every peer, not with the best one only
_CLIP = 1e-6


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

    `hit_rate_5` is the share of lists (customer × as-of date) of whose five categories likeliest within 14 days at least one was bought
    within them, `precision_5` the share of those categories that was; `hit_rate_5_28d` and `precision_5_28d` are the same for 28 days.
    `ece_perfect_p95_28d` is the 95th percentile of the calibration error that a perfectly calibrated model would show on these rows.
    The paired difference is against the best peer of each metric; for the ranking within 28 days and both hit rates, against every peer.

    Args:
        name: of the model.
        own: horizon in days → its probabilities of the judged rows, (n,).
        judged: every pair at the judged dates; all labels of the longest horizon must be closed.
        probable: peer → the same of that peer.
        ranked: peer that only ranks → its score of the judged rows, (n,), the same for every horizon.
        seed: of the bootstrap.
    """
    rows = CustomerRows.of(judged.customer_code, judged.as_of, seed=seed)
    mine = _measures(rows, judged.wait, own, are_probabilities=True)
    peers = {n: _measures(rows, judged.wait, p, are_probabilities=True) for n, p in probable.items()}
    for n, score in ranked.items():
        peers[n] = _measures(rows, judged.wait, dict.fromkeys(HORIZONS, score), are_probabilities=False)
    usual, last = _quantity_errors(rows, judged)
    if usual and last:
        mine["quantity_mae"], peers["last quantity"] = usual, {"quantity_mae": last}
    longest = max(HORIZONS)
    perfect = {f"ece_perfect_p95_{longest}d": perfect_calibration_error(own[longest], seed=seed)}
    return Evaluation(
        name=name,
        protocol="",
        rows=len(judged.wait),
        metrics={key: measure.value for key, measure in mine.items()} | perfect,
        intervals={key: measure.interval() for key, measure in mine.items()},
        baselines={n: {key: measure.value for key, measure in p.items()} for n, p in peers.items()},
        differences=_differences(mine, peers),
        curves=_curves(judged, own),
        notes=["The usual quantity is the decayed mean of past quantities; it is not modelled."],
    )


def _measures(rows: CustomerRows, wait: Array, scores: Mapping[int, Array], *, are_probabilities: bool) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    rankings: dict[int, Ranking] = {}  # by identity: a peer that only ranks gives one array for all horizons
    for horizon, score in scores.items():
        y = (wait <= horizon).astype(np.float64)
        if y.min() == y.max():
            continue
        if id(score) not in rankings:
            rankings[id(score)] = Ranking.of(rows, score)
        found |= {f"{key}_{horizon}d": measure for key, measure in rankings[id(score)].areas(rows, y).items()}
        if are_probabilities:
            found |= {f"{key}_{horizon}d": measure for key, measure in _losses(rows, y, score).items()}
    for horizon, suffix in ((LIST_HORIZON, ""), (LONG_LIST_HORIZON, f"_{LONG_LIST_HORIZON}d")):
        lists = _lists(rows, (wait <= horizon).astype(np.float64), scores[horizon])
        found |= {f"{key}{suffix}": measure for key, measure in lists.items()}
    return found


def _losses(rows: CustomerRows, y: Array, p: Array) -> dict[str, Measure]:
    q = np.clip(p, _CLIP, 1 - _CLIP)
    loss = -(y * np.log(q) + (1 - y) * np.log(1 - q))
    code = np.empty(len(p), dtype=np.int64)
    for number, part in enumerate(np.array_split(np.argsort(p, kind="stable"), _CALIBRATION_BINS)):
        code[part] = number
    gap = rows.binned(y - p, code, _CALIBRATION_BINS)
    return {
        "log_loss": Measure(log_loss(y, p), rows.mean(loss)),
        "ece": Measure(expected_calibration_error(y, p), np.abs(gap).sum(axis=1) / rows.drawn),
    }


def _lists(rows: CustomerRows, y: Array, score: Array) -> dict[str, Measure]:
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
        f"hit_rate_{LIST_LENGTH}": Measure(float(hit.mean()), rows.mean(hit, rows.list_customer)),
        f"precision_{LIST_LENGTH}": Measure(float(share.mean()), rows.mean(share, rows.list_customer)),
    }


def _quantity_errors(rows: CustomerRows, judged: CategorySnapshots) -> tuple[Measure | None, Measure | None]:
    """Mean absolute error of the usual and of the last quantity, over pairs bought within the longest horizon."""
    bought = judged.wait <= max(HORIZONS)
    if not bought.any():
        return None, None
    actual, customer = judged.next_quantity[bought], rows.customer[bought]
    usual, last = (np.abs(judged.category[bought, CATEGORY_INPUTS.index(name)] - actual) for name in ("quantity_recent", "quantity_last"))
    return Measure(float(usual.mean()), rows.mean(usual, customer)), Measure(float(last.mean()), rows.mean(last, customer))


def _differences(mine: dict[str, Measure], peers: dict[str, dict[str, Measure]]) -> dict[str, tuple[float, float]]:
    differences = {}
    for key, measure in mine.items():
        rivals = {n: p[key] for n, p in peers.items() if key in p}
        if rivals:
            lower_is_better = key.startswith(("log_loss", "ece", "quantity"))
            best = (min if lower_is_better else max)(rivals, key=lambda n: rivals[n].value)
            for name in rivals if key in _AGAINST_ALL else [best]:
                differences[f"{key} vs {name}"] = measure.interval(rivals[name])
    return differences


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
