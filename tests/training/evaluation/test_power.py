from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.power import arm_size, arm_size_for_mean


@pytest.mark.parametrize(
    ("base", "effect", "power", "expected"),
    [
        # R's power.prop.test: n = 387.34, 76.7 (its own help page), 3,840.85
        (0.5, 0.1, 0.8, 388),
        (0.5, 0.25, 0.9, 77),
        (0.1, 0.02, 0.8, 3841),
    ],
)
def test_two_proportions_as_power_prop_test(base: float, effect: float, power: float, expected: int) -> None:
    assert arm_size(base, effect, power=power) == expected


def test_two_means_as_power_t_test() -> None:
    # R's power.t.test(delta = 1, sd = 1, power = .9) is 22.02; the normal approximation is one person short of it
    assert arm_size_for_mean(1.0, 1.0, power=0.9) == 22
    assert arm_size_for_mean(10.0, 1.0) == pytest.approx(arm_size_for_mean(1.0, 0.1))


def test_that_many_people_find_the_effect_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    people = arm_size(0.1, 0.05)
    found = 0
    for _ in range(2000):
        a, b = rng.binomial(people, 0.1) / people, rng.binomial(people, 0.15) / people
        pooled = (a + b) / 2
        found += abs(b - a) / np.sqrt(2 * pooled * (1 - pooled) / people) > 1.96
    assert found / 2000 == pytest.approx(0.8, abs=0.03)


def test_smaller_effects_need_more_people_and_a_loss_counts_like_a_gain() -> None:
    assert arm_size(0.1, 0.01) > arm_size(0.1, 0.02) > arm_size(0.1, 0.04)
    assert arm_size(0.12, -0.02) == arm_size(0.1, 0.02)


@pytest.mark.parametrize(("base", "effect"), [(0.0, 0.1), (0.5, 0.5), (0.5, 0.0), (1.2, 0.1)])
def test_shares_that_cannot_be_are_refused(base: float, effect: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        arm_size(base, effect)
    with pytest.raises(ValueError, match="above 0"):
        arm_size_for_mean(0.0, 1.0)
