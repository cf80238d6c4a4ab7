"""BG/NBD's laws, and its formulas against a simulation of the process itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from training.artifacts.bgnbd import BgNbd

# The estimates that Fader, Hardie and Lee (2005) print for CDNOW, in weeks.
PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)

REPEATS = st.integers(0, 60)
TIME = st.floats(0.1, 200)
LEAVING = st.sampled_from([1e-4, 0.5, 1.0, 30.0, 1e5])


def history(repeats: int, last: float, silence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    last = last if repeats else 0.0
    return np.array([float(repeats)]), np.array([last]), np.array([last + silence])


@settings(deadline=None)
@given(REPEATS, TIME, TIME, TIME)
def test_probabilities_are_probabilities(repeats: int, last: float, silence: float, horizon: float) -> None:
    past = history(repeats, last, silence)
    for probability in (PUBLISHED.probability_alive(*past)[0], PUBLISHED.probability_silent(*past, horizon)[0]):
        assert 0 <= probability <= 1


@settings(deadline=None)
@given(REPEATS, TIME, TIME, TIME, TIME)
def test_silence_over_two_spans_is_the_product_of_silences(repeats: int, last: float, silence: float, one: float, two: float) -> None:
    x, t_x, age = history(repeats, last, silence)
    whole = PUBLISHED.probability_silent(x, t_x, age, one + two)[0]
    parts = PUBLISHED.probability_silent(x, t_x, age, one)[0] * PUBLISHED.probability_silent(x, t_x, age + one, two)[0]
    assert whole == pytest.approx(parts, rel=1e-9)


def test_nobody_is_lost_before_the_first_repeat() -> None:
    assert PUBLISHED.probability_alive(*history(0, 0, 100))[0] == 1.0


def test_no_time_passes_without_an_order_for_certain() -> None:
    assert PUBLISHED.probability_silent(*history(3, 20, 5), 0.0)[0] == 1.0


def test_silence_lowers_the_chance_of_being_alive() -> None:
    alive = [PUBLISHED.probability_alive(*history(5, 20, s))[0] for s in (1, 10, 50)]
    assert alive == sorted(alive, reverse=True)
    assert alive[0] > 0.8
    assert alive[-1] < 0.1


def test_the_formula_agrees_with_the_simulated_process() -> None:
    rng = np.random.default_rng(4)
    model = BgNbd(r=2.0, alpha=8.0, a=1.0, b=3.0)
    n, age, horizon = 400_000, 20.0, 6.0
    rate, leave = rng.gamma(model.r, 1 / model.alpha, n), rng.beta(model.a, model.b, n)
    clock, last, repeats, alive = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, bool)
    silent = np.ones(n, bool)
    for _ in range(60):
        clock = clock + rng.exponential(1 / rate)
        seen, later = alive & (clock <= age), alive & (clock > age) & (clock <= age + horizon)
        silent &= ~later
        last, repeats = np.where(seen, clock, last), repeats + seen
        alive &= ~(seen & (rng.random(n) < leave)) & (clock <= age)
    for count in (0, 1, 3):
        group = (repeats == count) & ((last > 8) | (count == 0)) & (last < 12)
        expected = model.probability_silent(repeats[group], last[group], np.full(group.sum(), age), horizon).mean()
        assert silent[group].mean() == pytest.approx(expected, abs=0.012)


def test_the_published_customer_is_expected_to_order_as_published() -> None:
    # Fader, Hardie, Lee (2005): customer 0001 of the sample, two repeats by week 30.43, in the next 39 weeks.
    assert PUBLISHED.expected_orders(np.array([2.0]), np.array([30.43]), np.array([38.86]), 39.0)[0] == pytest.approx(1.226, abs=5e-4)


@pytest.mark.parametrize("horizon", [1.0, 26.0, 52.0])
def test_expected_orders_equal_equation_ten(horizon: float) -> None:
    x, last, age = np.array([0.0, 0.0, 3.0, 20.0, 60.0]), np.array([0.0, 0.0, 10.0, 30.0, 38.0]), np.array([39.0, 0.0, 39.0, 38.0, 38.5])
    g = PUBLISHED
    whole = g.a + g.b + x - 1
    series = hyp2f1(g.r + x, g.b + x, whole, horizon / (g.alpha + age + horizon))
    numerator = whole / (g.a - 1) * (1 - ((g.alpha + age) / (g.alpha + age + horizon)) ** (g.r + x) * series)
    np.testing.assert_allclose(g.expected_orders(x, last, age, horizon), numerator * g.probability_alive(x, last, age), rtol=1e-9)


@settings(deadline=None)
@given(REPEATS, TIME, TIME, TIME, st.tuples(LEAVING, LEAVING))
def test_expected_orders_bound_the_chance_of_one(
    repeats: int, last: float, silence: float, horizon: float, leaving: tuple[float, float]
) -> None:
    past, model = history(repeats, last, silence), PUBLISHED.model_copy(update={"a": leaving[0], "b": leaving[1]})
    expected = model.expected_orders(*past, horizon)[0]
    assert np.isfinite(expected)
    assert expected >= 1 - model.probability_silent(*past, horizon)[0] - 1e-6
