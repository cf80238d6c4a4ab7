"""Metrics against scikit-learn and by hand; the bootstrap draws customers and is seeded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

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

# A coarse grid of scores makes many ties.
ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 4)), min_size=2, max_size=60)


def scored(n: int = 500, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.random(n).round(2)
    return (rng.random(n) < p).astype(float), p


@settings(deadline=None)
@given(ROWS)
def test_auc_is_scikit_learns_with_ties_and_weights(rows: list[tuple[int, int, int]]) -> None:
    y, score, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assume(0 < y.sum() < len(y))
    assert auc(y, score) == pytest.approx(roc_auc_score(y, score))
    assume((weight * y).sum() > 0 and (weight * (1 - y)).sum() > 0)
    assert auc(y, score, weight) == pytest.approx(roc_auc_score(y, score, sample_weight=weight))


def test_auc_of_one_outcome_is_not_a_number() -> None:
    assert np.isnan(auc(np.ones(3), np.arange(3.0)))


def test_log_loss_is_scikit_learns_and_finite_at_the_ends() -> None:
    y, p = scored()
    assert log_loss(y, p) == pytest.approx(sklearn_log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)))
    assert np.isfinite(log_loss(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


def test_average_precision_by_hand() -> None:
    # Ranked: hit, miss, hit: (1/1 + 2/3) / 2.
    assert average_precision(np.array([0.0, 1.0, 1.0]), np.array([0.5, 0.9, 0.1])) == pytest.approx((1 + 2 / 3) / 2)


def test_calibration_error_by_hand() -> None:
    # Two bins of two: |0.5 − 0.15| and |1 − 0.7|, equally heavy.
    y, p = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.6, 0.8])
    assert expected_calibration_error(y, p, bins=2) == pytest.approx((0.35 + 0.3) / 2)
    np.testing.assert_allclose(reliability(y, p, bins=2), [[0.15, 0.7], [0.5, 1.0]])


def test_bins_are_weighed_by_their_size() -> None:
    y, p = np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.9])
    assert expected_calibration_error(y, p, bins=2) == pytest.approx((0.5 * 2 + 0.9) / 3)


def test_a_perfect_model_stays_below_its_bound_and_a_shifted_one_does_not() -> None:
    rng = np.random.default_rng(8)
    p = rng.random(5000)
    bound = perfect_calibration_error(p, seed=1)
    errors = [expected_calibration_error((rng.random(len(p)) < p).astype(float), p) for _ in range(200)]
    assert np.mean(np.array(errors) <= bound) == pytest.approx(0.95, abs=0.05)
    shifted = (rng.random(len(p)) < np.clip(p + 0.05, 0, 1)).astype(float)
    assert expected_calibration_error(shifted, p) > bound
    assert perfect_calibration_error(p, seed=1) == bound


def test_gain_finds_all_at_the_end_and_first_those_ranked_first() -> None:
    y = np.array([1.0] * 10 + [0.0] * 90)
    shares, found = gain(y, -np.arange(100.0))
    assert (shares[0], found[0]) == (0.0, 0.0)
    assert found[int(np.argmin(np.abs(np.array(shares) - 0.1)))] == 1.0
    assert (shares[-1], found[-1]) == (1.0, 1.0)
    assert found == sorted(found)


def test_rows_of_one_customer_are_drawn_together() -> None:
    customers = np.array([7, 7, 7, 2, 2, 9])
    weights = BootstrapWeights.draw(customers, seed=3, draws=50).weights
    assert weights.shape == (50, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 3] == weights[:, 4]).all()
    assert (weights[:, [0, 3, 5]].sum(axis=1) == 3).all()  # as many customers as there are
    assert len(np.unique(weights[:, 0])) > 1


def test_draws_are_seeded() -> None:
    customers = np.arange(100)
    first = BootstrapWeights.draw(customers, seed=3, draws=5).weights
    np.testing.assert_array_equal(first, BootstrapWeights.draw(customers, seed=3, draws=5).weights)
    assert not np.array_equal(first, BootstrapWeights.draw(customers, seed=4, draws=5).weights)


def test_a_draw_judges_the_drawn_customers() -> None:
    y, p = scored(200)
    draws = BootstrapWeights.draw(np.arange(200) // 2, seed=1, draws=3)
    for weight, area, loss in zip(draws.weights, draws.auc(y, p), draws.log_loss(y, p), strict=True):
        repeated = np.repeat(np.arange(200), weight.astype(int))
        assert area == pytest.approx(roc_auc_score(y[repeated], p[repeated]))
        assert loss == pytest.approx(log_loss(y[repeated], p[repeated]))


def test_correlated_rows_widen_the_interval() -> None:
    y, p = (np.repeat(part, 10) for part in scored(60))
    by_customer = interval(BootstrapWeights.draw(np.repeat(np.arange(60), 10), seed=1).auc(y, p))
    by_row = interval(BootstrapWeights.draw(np.arange(600), seed=1).auc(y, p))
    assert by_customer[1] - by_customer[0] > 2 * (by_row[1] - by_row[0])
    assert by_customer[0] < auc(y, p) < by_customer[1]


def test_calibration_error_of_unit_weights_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(5)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    draws = BootstrapWeights(np.vstack([np.ones(400), rng.integers(0, 3, 400).astype(float)]))
    errors = draws.expected_calibration_error(y, p)
    assert errors[0] == pytest.approx(expected_calibration_error(y, p))
    assert errors[1] != errors[0]
