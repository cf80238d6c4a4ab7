"""Judges expected quantities of customers (orders, spend): errors, correlation, bias and calibration, with bootstrap draws of customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.classification import interval
from training.recipe import Curve

METRICS = ("mae", "rmse", "correlation", "bias")
PAST_ORDERS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, None))  # order days so far: the groups of the calibration by history
_DRAWS = 400

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One prediction of one quantity.

    Attributes:
        metrics: `mae`, `rmse`, `correlation` (0 where either is constant), `bias` (mean prediction − mean outcome).
        draws: the same names → (draws,) under customers drawn with replacement.
    """

    metrics: dict[str, float]
    draws: dict[str, Array]

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals."""
        return {name: interval(values) for name, values in self.draws.items()}

    def differences(self, other: Judged) -> dict[str, tuple[float, float]]:
        """95 % intervals of the paired difference, this − other."""
        return {name: interval(values - other.draws[name]) for name, values in self.draws.items()}


def customer_draws(customers: int, *, seed: int) -> Array:
    """How often each customer is drawn, (draws, customers); equal seeds pair the draws of different models."""
    return np.random.default_rng(seed).multinomial(customers, np.full(customers, 1 / customers), size=_DRAWS).astype(np.float64)


def judge_quantity(outcome: Array, predicted: Array, draws: Array) -> Judged:
    """Judge one row a customer.

    Args:
        outcome: (n,) what came.
        predicted: (n,) what was expected.
        draws: (draws, n) of `customer_draws`.
    """
    whole = _figures(outcome, predicted, np.ones((1, len(outcome))))
    return Judged({name: float(value[0]) for name, value in whole.items()}, _figures(outcome, predicted, draws))


def _figures(y: Array, p: Array, weights: Array) -> dict[str, Array]:
    n = weights.sum(axis=1)
    mean_y, mean_p, error = weights @ y / n, weights @ p / n, p - y
    # Centred first: sums of squares of large numbers would cancel.
    a, b = y - y.mean(), p - p.mean()
    shift_a, shift_b = weights @ a / n, weights @ b / n
    covariance = weights @ (a * b) / n - shift_a * shift_b
    product = (weights @ a**2 / n - shift_a**2) * (weights @ b**2 / n - shift_b**2)
    return {
        "mae": weights @ np.abs(error) / n,
        "rmse": np.sqrt(weights @ error**2 / n),
        "correlation": np.divide(covariance, np.sqrt(np.maximum(product, 0.0)), out=np.zeros_like(n), where=product > 1e-24),
        "bias": mean_p - mean_y,
    }


def decile_curves(plot: str, label: str, outcome: Array, predicted: Array) -> list[Curve]:
    """Mean outcome against mean prediction, customers in ten equal groups by prediction; the diagonal is perfect."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), 10)
    x, y = ([float(values[part].mean()) for part in parts if len(part)] for values in (predicted, outcome))
    axes = {"x_label": "predicted", "y_label": "observed"}
    return [Curve(plot=plot, label=label, x=x, y=y, style="points", **axes)]


def past_order_curves(plot: str, order_days: Array, series: dict[str, Array]) -> list[Curve]:
    """Mean of each series by the number of order days so far: whether thin customers get what they deserve.

    Args:
        plot: title.
        order_days: (n,) order days before the as-of date.
        series: legend entry → (n,) predictions or outcomes.
    """
    groups = [(low, np.flatnonzero((order_days >= low) & (order_days <= (high or np.inf)))) for low, high in PAST_ORDERS]
    full = [(float(low), rows) for low, rows in groups if len(rows)]
    return [
        Curve(
            plot=plot,
            label=label,
            x_label="order days so far, at least",
            y_label="mean within the horizon",
            x=[low for low, _ in full],
            y=[float(values[rows].mean()) for _, rows in full],
        )
        for label, values in series.items()
    ]


def past_order_metrics(name: str, order_days: Array, outcome: Array, predicted: Array) -> dict[str, float]:
    """Mean prediction ÷ mean outcome per group of order days so far, e.g. `orders_ratio_1`; groups in which nobody ordered are left out."""
    found = {}
    for low, high in PAST_ORDERS:
        rows = (order_days >= low) & (order_days <= (high or np.inf))
        if rows.any() and outcome[rows].sum() > 0:
            found[f"{name}_ratio_{low}"] = float(predicted[rows].sum() / outcome[rows].sum())
    return found
