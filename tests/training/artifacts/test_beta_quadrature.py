"""Expectations over beta distributions."""

from __future__ import annotations

import numpy as np
import pytest

from training.artifacts.beta_quadrature import beta_quadrature


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.5, 0.5), (0.79, 2.43), (6e-6, 1.6e5), (1.6e5, 6e-6), (3.0, 200.0)])
def test_moments_are_exact(a: float, b: float) -> None:
    p, weight = beta_quadrature(a, b)
    assert weight.sum() == pytest.approx(1.0)
    assert ((p >= 0) & (p <= 1)).all()
    mean = a / (a + b)
    assert weight @ p == pytest.approx(mean, rel=1e-6)
    assert weight @ p**2 == pytest.approx(mean * (a + 1) / (a + b + 1), rel=1e-6)


def test_a_smooth_function_needs_few_nodes() -> None:
    rough, fine = (beta_quadrature(0.8, 2.4, nodes) for nodes in (12, 60))
    values = [weight @ np.exp(-3 * p) for p, weight in (rough, fine)]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
