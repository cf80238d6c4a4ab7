"""Figures of expected quantities against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.quantities import customer_draws, decile_curves, judge_quantity, past_order_curves, past_order_metrics

RNG = np.random.default_rng(4)
OUTCOME = RNG.poisson(3, 500).astype(float)
PREDICTED = OUTCOME * 0.5 + RNG.gamma(2.0, 1.0, 500)


def test_figures_are_what_their_names_say() -> None:
    found = judge_quantity(OUTCOME, PREDICTED, customer_draws(500, seed=1)).metrics
    assert found["mae"] == pytest.approx(np.abs(OUTCOME - PREDICTED).mean())
    assert found["rmse"] == pytest.approx(np.sqrt(((OUTCOME - PREDICTED) ** 2).mean()))
    assert found["correlation"] == pytest.approx(np.corrcoef(OUTCOME, PREDICTED)[0, 1])
    assert found["bias"] == pytest.approx((PREDICTED - OUTCOME).mean())


def test_draws_are_the_figures_of_drawn_customers() -> None:
    draws = customer_draws(500, seed=1)
    judged = judge_quantity(OUTCOME + 1e6, PREDICTED + 1e6, draws)  # a large mean must not cancel
    rows = np.repeat(np.arange(500), draws[7].astype(int))
    assert judged.draws["correlation"][7] == pytest.approx(np.corrcoef(OUTCOME[rows], PREDICTED[rows])[0, 1], rel=1e-6)
    assert judged.draws["rmse"][7] == pytest.approx(np.sqrt(((OUTCOME - PREDICTED)[rows] ** 2).mean()))
    for name, (low, high) in judged.intervals.items():
        assert low < judged.metrics[name] < high


def test_differences_are_paired() -> None:
    draws = customer_draws(500, seed=1)
    worse = judge_quantity(OUTCOME, PREDICTED + 0.2 * (PREDICTED - OUTCOME), draws)
    low, high = judge_quantity(OUTCOME, PREDICTED, draws).differences(worse)["mae"]
    assert high < 0
    assert high - low < 0.1


def test_constant_predictions_have_no_correlation() -> None:
    assert judge_quantity(OUTCOME, np.full(500, 3.0), customer_draws(500, seed=1)).metrics["correlation"] == 0.0


def test_calibration_is_shown_by_tenth_and_by_past_orders() -> None:
    (curve,) = decile_curves("plot", "model", OUTCOME, OUTCOME)
    assert len(curve.x) == 10
    assert curve.x == curve.y
    past = np.array([1.0, 1.0, 2.0, 20.0])
    outcome, predicted = np.array([1.0, 3.0, 5.0, 8.0]), np.array([2.0, 4.0, 5.0, 4.0])
    assert past_order_metrics("orders", past, outcome, predicted) == {
        "orders_ratio_1": 1.5,
        "orders_ratio_2": 1.0,
        "orders_ratio_17": 0.5,
    }
    observed, expected = past_order_curves("plot", past, {"observed": outcome, "model": predicted})
    assert (observed.x, observed.y) == ([1.0, 2.0, 17.0], [2.0, 5.0, 8.0])
    assert expected.y == [3.0, 5.0, 4.0]
