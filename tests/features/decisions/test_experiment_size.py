from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from features.decisions.experiment_size import planned_size
from training.evaluation.power import arm_size, arm_size_for_mean


@given(base=st.floats(0.02, 0.9), effect=st.floats(0.005, 0.09), power=st.floats(0.6, 0.95))
def test_two_equal_arms_need_twice_the_size_of_one(base: float, effect: float, power: float) -> None:
    assert abs(planned_size([1, 1], baseline=base, effect=effect, power=power) - 2 * arm_size(base, effect, power=power)) <= 2
    mean = planned_size([3, 3], baseline=7, effect=effect, deviation=base, power=power)
    assert abs(mean - 2 * arm_size_for_mean(base, effect, power=power)) <= 2


def test_the_planned_power_is_reached_in_arms_of_any_weights() -> None:
    weights = np.array([0.7, 0.3])
    size = planned_size(weights.tolist(), baseline=0.2, effect=0.05, power=0.8)
    rng = np.random.default_rng(1)
    n = np.round(size * weights).astype(int)
    a, b = rng.binomial(n[0], 0.2, 4000), rng.binomial(n[1], 0.25, 4000)
    pooled = (a + b) / n.sum()
    z = (b / n[1] - a / n[0]) / np.sqrt(pooled * (1 - pooled) * (1 / n[0] + 1 / n[1]))
    assert 0.78 < np.mean(np.abs(z) > stats.norm.ppf(0.975)) < 0.82


def test_more_arms_need_more_customers_and_a_stricter_test() -> None:
    two, three = (planned_size([1] * arms, baseline=0.2, effect=0.05) for arms in (2, 3))
    assert three > 1.5 * two


@pytest.mark.parametrize(("baseline", "effect", "said"), [(0.2, 0, "smallest_effect"), (0.98, 0.05, "baseline"), (0.0, 0.1, "baseline")])
def test_what_makes_no_sense_is_named(baseline: float, effect: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        planned_size([1, 1], baseline=baseline, effect=effect)
    assert math.isfinite(planned_size([1, 1], baseline=0.5, effect=-0.2))
