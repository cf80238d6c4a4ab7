"""Churn answers judged: discrimination, sharpness, accuracy and calibration per horizon, with paired customer-bootstrap differences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from training.datasets.hazard_rows import Snapshots
from training.evaluation.churn import closed_label
from training.evaluation.classification import (
    BootstrapWeights,
    accuracy,
    auc,
    average_precision,
    brier,
    expected_calibration_error,
    gain,
    interval,
    log_loss,
    perfect_calibration_error,
    reliability,
)
from training.recipe import Curve
from training.studies.churn.contenders import answer_key
from training.studies.study import Arrays, Interval, Judgement

Array = NDArray[np.float64]


def judge_answers(
    answers: Mapping[str, Arrays], judged: Snapshots, horizons: tuple[int, ...], *, own: str, end: datetime, seed: int
) -> Judgement:
    """Judge every contender at every horizon whose label is closed.

    Args:
        answers: contender → `churn_28d`, … of all judged rows.
        judged: the rows, with the true waits.
        horizons: days.
        own: the contender that differences are taken from.
        end: last moment of the data.
        seed: of the bootstrap; equal draws for all.
    """
    metrics: dict[str, dict[str, float]] = {name: {} for name in answers}
    intervals: dict[str, dict[str, Interval]] = {name: {} for name in answers}
    differences: dict[str, dict[str, Interval]] = {name: {} for name in answers if name != own}
    curves: list[Curve] = []
    for horizon in horizons:
        closed, left = closed_label(judged.as_of, judged.wait, horizon, now=end)
        draws = BootstrapWeights.draw(judged.customer[closed], seed=seed)
        drawn: dict[str, dict[str, Array]] = {}
        for name, arrays in answers.items():
            if answer_key(horizon) not in arrays:
                continue
            p = arrays[answer_key(horizon)][closed]
            drawn[name] = _draws(draws, left, p, horizon)
            metrics[name] |= _metrics(left, p, horizon, seed)
            intervals[name] |= {metric: interval(values) for metric, values in drawn[name].items()}
            curves += _curves(name, left, p, horizon)
        for name, values in drawn.items():
            if name != own:
                differences[name] |= {metric: interval(drawn[own][metric] - values[metric]) for metric in values}
    return Judgement(metrics=metrics, intervals=intervals, differences=differences, curves=curves)


def _metrics(left: Array, p: Array, horizon: int, seed: int) -> dict[str, float]:
    found = {
        "auc": auc(left, p),
        "average_precision": average_precision(left, p),
        "log_loss": log_loss(left, p),
        "accuracy": accuracy(left, p),
        "brier": brier(left, p),
        "ece": expected_calibration_error(left, p),
        "ece_perfect_p95": perfect_calibration_error(p, seed=seed),
    }
    return {f"{name}_{horizon}d": value for name, value in found.items()}


def _draws(draws: BootstrapWeights, left: Array, p: Array, horizon: int) -> dict[str, Array]:
    found = {
        "auc": draws.auc(left, p),
        "average_precision": draws.average_precision(left, p),
        "log_loss": draws.log_loss(left, p),
        "accuracy": draws.mean(((p > 0.5) == (left > 0.5)).astype(np.float64)),
        "brier": draws.mean((p - left) ** 2),
        "ece": draws.expected_calibration_error(left, p),
    }
    return {f"{name}_{horizon}d": values for name, values in found.items()}


def _curves(name: str, left: Array, p: Array, horizon: int) -> list[Curve]:
    predicted, observed = reliability(left, p)
    share, found = gain(left, p)
    return [
        Curve(
            plot=f"Calibration, {horizon} days", label=name, x=predicted, y=observed, x_label="predicted churn", y_label="observed churn"
        ),
        Curve(
            plot=f"Leavers found, {horizon} days", label=name, x=share, y=found, x_label="share of customers", y_label="share of leavers"
        ),
    ]
