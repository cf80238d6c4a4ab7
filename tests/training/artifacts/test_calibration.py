"""The logit map: it keeps order, is found again from data, and refuses to reverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.artifacts.calibration import LogitMap, fit_logit_map, logit, sigmoid

PROBABILITY = st.floats(1e-6, 1 - 1e-6)


@settings(deadline=None)
@given(PROBABILITY)
def test_sigmoid_undoes_logit(p: float) -> None:
    assert sigmoid(logit(np.array([p])))[0] == pytest.approx(p, rel=1e-9)


def test_logit_is_finite_at_the_ends() -> None:
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


@settings(deadline=None)
@given(PROBABILITY, PROBABILITY, st.floats(-3, 3), st.floats(0.1, 3))
def test_order_is_kept(p: float, q: float, intercept: float, slope: float) -> None:
    low, high = LogitMap(intercept=intercept, slope=slope)(np.sort(np.array([p, q])))
    assert 0 <= low <= high <= 1


def test_the_default_changes_nothing() -> None:
    p = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(LogitMap()(p), p)


def test_a_known_distortion_is_found_again() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.02, 0.98, 200_000)
    y = (rng.random(len(p)) < sigmoid(0.7 + 0.6 * logit(p))).astype(float)
    found = fit_logit_map(p, y)
    assert found.intercept == pytest.approx(0.7, abs=0.03)
    assert found.slope == pytest.approx(0.6, abs=0.02)
    # At the optimum of the log loss the mean prediction is the observed share.
    assert found(p).mean() == pytest.approx(y.mean(), abs=1e-9)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_equal_outcomes_teach_nothing(outcome: float) -> None:
    assert fit_logit_map(np.array([0.2, 0.5, 0.9]), np.full(3, outcome)) == LogitMap()


def test_a_reversing_fit_is_refused() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, 5_000)
    y = (rng.random(len(p)) > p).astype(float)
    assert fit_logit_map(p, y) == LogitMap()
