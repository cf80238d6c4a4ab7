"""Judges the value model: order days and spend within closed horizons beside BG/NBD with gamma–gamma and the mean of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER
from training.artifacts.value import ValueModel, purchase_history, usual_amount
from training.datasets.hazard_rows import Snapshots
from training.datasets.order_periods import OrderDays
from training.evaluation.quantities import customer_draws, decile_curves, judge_quantity, past_order_curves, past_order_metrics
from training.recipe import Curve, Evaluation

Array = NDArray[np.float64]
BGNBD, MEAN = "bg_nbd, gamma_gamma", "mean of the past"

_AGE, _DAYS, _ORDERS, _AMOUNT = (
    CUSTOMER.columns.index(name) for name in ("days_since_first_order", "order_day_count", "order_count", "amount_mean")
)
_LEAST_AGE = 28.0  # days: a customer of yesterday is not taken to order every day for ever


def judge_value(name: str, model: ValueModel, judged: Snapshots, later: OrderDays, *, horizons: Sequence[int], seed: int) -> Evaluation:
    """Metrics `orders_mae_182d`, `orders_rmse_182d`, `orders_correlation_182d`, `orders_bias_182d` and the same of spend.

    `spend_coverage_182d` is the share of customers whose spend lies in the 80 % interval; `orders_ratio_1_182d` predicted ÷ observed order
    days of customers with one order day so far, and so on for more.

    Args:
        name: model name.
        model: fitted on what was known at the as-of date.
        judged: one row a customer, one as-of date.
        later: the orders after it.
        horizons: days, each closed; the first is the one that is plotted.
        seed: of the bootstrap.
    """
    draws = customer_draws(len(judged.wait), seed=seed)
    metrics: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    differences: dict[str, tuple[float, float]] = {}
    baselines: dict[str, dict[str, float]] = {BGNBD: {}, MEAN: {}}
    for days in horizons:
        outcomes = dict(zip(("orders", "spend"), later.within(judged.customer_id, judged.as_of, days), strict=True))
        own, peers, covered = _predictions(model, judged.stored, days, outcomes["spend"])
        metrics[f"spend_coverage_{days}d"] = covered
        metrics |= {
            f"{k}_{days}d": v for k, v in past_order_metrics("orders", judged.stored[:, _DAYS], outcomes["orders"], own["orders"]).items()
        }
        for what, outcome in outcomes.items():
            mine = judge_quantity(outcome, own[what], draws)
            metrics |= {f"{what}_{m}_{days}d": value for m, value in mine.metrics.items()}
            intervals |= {f"{what}_{m}_{days}d": bounds for m, bounds in mine.intervals.items()}
            for peer, predicted in peers.items():
                theirs = judge_quantity(outcome, predicted[what], draws)
                baselines[peer] |= {f"{what}_{m}_{days}d": value for m, value in theirs.metrics.items()}
                differences |= {f"{what}_{m}_{days}d vs {peer}": bounds for m, bounds in mine.differences(theirs).items() if m != "bias"}
    return Evaluation(
        name=name,
        protocol="",
        rows=len(judged.wait),
        metrics=metrics,
        intervals=intervals,
        baselines=baselines,
        differences=differences,
        curves=_curves(model, judged, later, horizons[0]),
    )


def _predictions(
    model: ValueModel, stored: Array, days: float, spent: Array
) -> tuple[dict[str, Array], Mapping[str, dict[str, Array]], float]:
    """Ours, the baselines', and the share of customers whose spend lies in our interval."""
    spend, low, high = model.spend(stored, days)
    own = {"orders": model.orders(stored, np.array([float(days)]))[:, 0], "spend": spend}
    return own, peer_predictions(model, stored, days), float(((spent >= low) & (spent <= high)).mean())


def peer_predictions(model: ValueModel, stored: Array, days: float) -> dict[str, dict[str, Array]]:
    """Orders and spend by the parametric models that the value model corrects, and by the customer's own rate so far.

    Args:
        model: holds BG/NBD and gamma–gamma as fitted on the same history.
        stored: (n, features).
        days: horizon.
    """
    parametric = model.header.orders.expected_orders(*purchase_history(stored), days)
    amounts = np.zeros(len(stored)) if model.header.amounts is None else usual_amount(model.header.amounts, stored)
    mean_orders, mean_spend = mean_of_past(stored, days)
    return {
        BGNBD: {"orders": parametric, "spend": parametric * amounts},
        MEAN: {"orders": mean_orders, "spend": mean_spend},
    }


def mean_of_past(stored: Array, days: float) -> tuple[Array, Array]:
    """Order days and spend, both (n,), if the customer's mean rate since the first order goes on."""
    age = np.maximum(np.nan_to_num(stored[:, _AGE]), _LEAST_AGE)
    return stored[:, _DAYS] / age * days, stored[:, _ORDERS] * np.nan_to_num(stored[:, _AMOUNT]) / age * days


def _curves(model: ValueModel, judged: Snapshots, later: OrderDays, days: int) -> list[Curve]:
    orders, spend = later.within(judged.customer_id, judged.as_of, days)
    own, peers, _ = _predictions(model, judged.stored, days, spend)
    curves = []
    for what, outcome in (("orders", orders), ("spend", spend)):
        plot = f"Calibration of {what} within {days} days, by tenth"
        curves += decile_curves(plot, "value", outcome, own[what]) + decile_curves(plot, BGNBD, outcome, peers[BGNBD][what])
    series = {"observed": orders, "value": own["orders"], BGNBD: peers[BGNBD]["orders"]}
    return curves + past_order_curves(f"Order days within {days} days, by order days so far", judged.stored[:, _DAYS], series)
