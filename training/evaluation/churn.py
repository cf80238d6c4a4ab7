"""Judges churn probabilities at every horizon whose label is closed, beside the baselines, with customer-bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.artifacts.return_hazard import HORIZONS
from training.datasets.hazard_rows import Snapshots, naive
from training.evaluation.classification import (
    BootstrapWeights,
    auc,
    average_precision,
    expected_calibration_error,
    gain,
    interval,
    log_loss,
    perfect_calibration_error,
    reliability,
)
from training.recipe import Curve, Evaluation

Array = NDArray[np.float64]
Baseline = Callable[[Array, int], Array | None]  # (stored features, horizon in days) → P(leaving), None where it could not be fitted


class Survival(Protocol):
    """A model that gives survival curves."""

    def survival(self, stored: Array, days: Array) -> Array:
        """P(nothing happened within each of `days`), (n, len(days))."""
        ...


@dataclass(frozen=True)
class Leaving:
    """Which leaving is judged.

    Attributes:
        model: the model in the plots.
        churn: what is forecast, in the plots.
        by_event: leaving is the event that is waited for, rather than its absence.
        staying, stayed: title and axis of the survival curves.
    """

    model: str
    churn: str
    by_event: bool
    staying: str
    stayed: str


ORDERS = Leaving("return hazard", "churn", by_event=False, staying="no order yet", stayed="share without an order")
CHANNEL = Leaving("channel churn", "channel churn", by_event=True, staying="still in the channel", stayed="share still in the channel")


def judge_churn(
    name: str,
    model: Survival,
    baselines: Mapping[str, Baseline],
    judged: Snapshots,
    *,
    now: datetime,
    seed: int,
    of: Leaving = ORDERS,
) -> Evaluation:
    """Metrics `auc_14d`, `average_precision_14d`, `log_loss_14d`, `ece_14d`, … for every horizon with both outcomes among closed labels.

    `ece_perfect_p95_28d` is the 95th percentile of the calibration error that a perfectly calibrated model would show on these rows.
    """
    survival = model.survival(judged.stored, np.array(HORIZONS, dtype=np.float64))
    parts = _Parts(seed, of)
    leaving = 1.0 - survival if of.by_event else survival
    for column, horizon in enumerate(HORIZONS):
        closed, label = closed_label(judged.as_of, judged.wait, horizon, now=now)
        if not is_measurable(label):
            parts.notes.append(f"{horizon} days: no closed label with both outcomes in the judged weeks; not measured.")
            continue
        label = 1.0 - label if of.by_event else label
        others = {b: f(judged.stored[closed], horizon) for b, f in baselines.items()}
        parts.add(horizon, label, leaving[closed, column], others, judged.customer[closed])
    return Evaluation(
        name=name,
        protocol="",
        rows=len(judged.wait),
        metrics=parts.metrics,
        intervals=parts.intervals,
        baselines=parts.baselines,
        differences=parts.differences,
        curves=[*parts.curves, *_survival_curves(model, judged, of)],
        notes=parts.notes,
    )


def closed_label(as_of: NDArray[np.datetime64], wait: Array, horizon: int, *, now: datetime) -> tuple[NDArray[np.bool_], Array]:
    """Which judged rows' labels are closed by now, (n,), and the labels of those: 1 where no order came within the horizon."""
    closed = np.asarray(as_of + np.timedelta64(horizon, "D") <= naive(now))
    return closed, (wait > horizon).astype(np.float64)[closed]


def is_measurable(label: Array) -> bool:
    """Whether there are labels, of both outcomes."""
    return len(label) > 0 and bool(label.min() != label.max())


class _Parts:
    """Collects one horizon after another."""

    def __init__(self, seed: int, of: Leaving) -> None:
        self.seed, self.of = seed, of
        self.metrics: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.baselines: dict[str, dict[str, float]] = {}
        self.differences: dict[str, tuple[float, float]] = {}
        self.curves: list[Curve] = []
        self.notes: list[str] = []

    def add(self, horizon: int, y: Array, p: Array, others: dict[str, Array | None], customers: NDArray[np.int64]) -> None:
        draws = BootstrapWeights.draw(customers, seed=self.seed)
        own_auc, own_loss = draws.auc(y, p), draws.log_loss(y, p)
        self.metrics |= _metrics(horizon, y, p)
        self.metrics[f"ece_perfect_p95_{horizon}d"] = perfect_calibration_error(p, seed=self.seed)
        self.intervals |= {f"auc_{horizon}d": interval(own_auc), f"log_loss_{horizon}d": interval(own_loss)}
        self.intervals[f"ece_{horizon}d"] = interval(draws.expected_calibration_error(y, p))
        for name, q in others.items():
            if q is None:
                self.notes.append(f"{name}: no closed {horizon}-day label before the judged weeks; not fitted.")
                continue
            self.baselines.setdefault(name, {}).update(_metrics(horizon, y, q))
            self.differences[f"auc_{horizon}d vs {name}"] = interval(own_auc - draws.auc(y, q))
            self.differences[f"log_loss_{horizon}d vs {name}"] = interval(own_loss - draws.log_loss(y, q))
        predicted, observed = reliability(y, p)
        self.curves.append(
            _curve(f"Calibration of {self.of.churn} within {horizon} days", self.of.model, (predicted, observed), ("predicted", "observed"))
        )
        for label, q in {self.of.model: p, **others}.items():
            if q is not None and horizon == 28:
                share, found = gain(y, q)
                self.curves.append(
                    _curve("Gain: leavers within 28 days found", label, (share, found), ("share of customers", "share of leavers"))
                )


def _metrics(horizon: int, y: Array, p: Array) -> dict[str, float]:
    return {
        f"auc_{horizon}d": auc(y, p),
        f"average_precision_{horizon}d": average_precision(y, p),
        f"log_loss_{horizon}d": log_loss(y, p),
        f"ece_{horizon}d": expected_calibration_error(y, p),
    }


def _curve(plot: str, label: str, points: tuple[list[float], list[float]], axes: tuple[str, str]) -> Curve:
    return Curve(plot=plot, label=label, x=points[0], y=points[1], x_label=axes[0], y_label=axes[1])


def _survival_curves(model: Survival, judged: Snapshots, of: Leaving) -> list[Curve]:
    """Mean survival of the calmest to the most endangered quarter of customers, at the newest judged date."""
    newest = judged.stored[judged.as_of == judged.as_of.max()]
    days = np.arange(0.0, 92.0, 7.0)
    survival = model.survival(newest, days)
    quarters = np.array_split(np.argsort(survival[:, 4]), 4)
    return [
        _curve(
            f"Survival: {of.staying}, by risk quarter",
            f"quarter {i + 1}",
            (days.tolist(), survival[q].mean(axis=0).tolist()),
            ("days after the as-of date", of.stayed),
        )
        for i, q in enumerate(quarters)
        if len(q)
    ]
