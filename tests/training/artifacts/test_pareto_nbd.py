"""Pareto/NBD against its closed form, against published figures, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from training.artifacts.pareto_nbd import ParetoNbd

# CDNOW's sample of 2,357 customers in weeks, as printed in the vignette of the R package BTYD.
CDNOW = ParetoNbd(r=0.5533971, alpha=10.5801985, s=0.6060625, beta=11.6562237)
parameter = st.floats(min_value=1e-3, max_value=1e3)


def row(*values: float) -> tuple[np.ndarray, ...]:
    return tuple(np.array([value]) for value in values)


def test_the_published_customer() -> None:
    assert CDNOW.probability_alive(*row(26.0, 30.86, 31.0))[0] == pytest.approx(0.9979, abs=1e-4)
    assert CDNOW.expected_orders(*row(26.0, 30.86, 31.0), 52.0)[0] == pytest.approx(25.46, abs=0.01)
    assert CDNOW.expected_orders_of_new(52.0) == pytest.approx(1.473, abs=0.001)


def closed_form(model: ParetoNbd, x: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Fader and Hardie's A_0 times s, in their two branches."""
    low, high = min(model.alpha, model.beta), max(model.alpha, model.beta)
    whole = model.r + model.s + x
    part = model.s + 1 if model.alpha >= model.beta else model.r + x

    def term(y: np.ndarray) -> np.ndarray:
        return hyp2f1(whole, part, whole + 1, (high - low) / (high + y)) / (high + y) ** whole

    return model.s / whole * (term(start) - term(end))


@pytest.mark.parametrize("swap", [False, True])
def test_the_quadrature_equals_gausss_2f1(swap: bool) -> None:
    model = CDNOW.model_copy(update={"alpha": 12.0, "beta": 4.0} if swap else {})
    x, start, end = np.array([0.0, 1.0, 5.0, 12.0]), np.array([0.0, 8.0, 20.0, 30.0]), np.array([39.0, 30.0, 38.0, 39.0])
    alive = (model.alpha + end) ** -(model.r + x) * (model.beta + end) ** -model.s
    expected = 1 / (1 + closed_form(model, x, start, end) / alive)
    np.testing.assert_allclose(model.probability_alive(x, start, end), expected, rtol=1e-9)


@settings(deadline=None)
@given(st.tuples(parameter, parameter, parameter, parameter), st.integers(0, 500), st.floats(0, 1), st.floats(1e-3, 2e3))
def test_it_is_a_probability_law_whatever_the_history(values: tuple[float, float, float, float], x: int, last: float, age: float) -> None:
    """Silence grows less likely with the horizon, never above who is no customer any more, and bounds the expected orders."""
    r, alpha, s, beta = values
    model, history = ParetoNbd(r=r, alpha=alpha, s=s, beta=beta), row(float(x), last * age if x else 0.0, age)
    alive = model.probability_alive(*history)[0]
    silent = np.array([model.probability_silent(*history, h)[0] for h in (0.0, 1.0, 30.0, 400.0)])
    orders = np.array([model.expected_orders(*history, h)[0] for h in (0.0, 1.0, 30.0, 400.0)])
    assert 0 <= alive <= 1
    assert np.isfinite(orders).all()
    assert silent[0] == pytest.approx(1.0, abs=1e-9)
    assert (np.diff(silent) <= 1e-9).all()
    assert (silent >= 1 - alive - 1e-9).all()
    assert (np.diff(orders) >= -1e-9).all()
    assert (orders >= 1 - silent - 1e-6).all()  # Markov: P(at least one) <= E


def test_a_lifetime_parameter_of_one_is_no_hole() -> None:
    near = [CDNOW.model_copy(update={"s": s}).expected_orders(*row(3.0, 20.0, 30.0), 52.0)[0] for s in (1 - 1e-6, 1.0, 1 + 1e-6)]
    assert near[0] == pytest.approx(near[1], rel=1e-5)
    assert near[2] == pytest.approx(near[1], rel=1e-5)


def test_a_new_customer_has_no_past_to_leave_in() -> None:
    assert CDNOW.probability_alive(*row(0.0, 0.0, 0.0))[0] == 1.0
