"""The belief before there is data: small where a response is all but sure or out of the question, alike for offers of a type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.decisions.policy import Prior
from features.decisions.state import STATE
from training.artifacts.effect_prior import EffectPrior, prior_belief

STATE_OF_ONE = np.full(len(STATE), np.nan)
OFFERS = [("coupon:a", "coupon"), ("coupon:b", "coupon"), ("winback", "winback")]


@given(p0=st.floats(0, 1), mean=st.floats(-0.2, 0.2), sd=st.floats(0.001, 0.3))
def test_one_number_or_an_array_is_the_same_belief_and_leaves_a_probability(p0: float, mean: float, sd: float) -> None:
    tau, deviation = EffectPrior(mean, sd, 0.02).beliefs(STATE_OF_ONE, OFFERS[:1], np.array([p0]))
    expected = prior_belief(p0, mean, sd, 0.02)
    assert tau[0] == pytest.approx(np.clip(expected[0], -p0, 1 - p0))
    assert deviation[0] == pytest.approx(expected[1])
    assert 0 <= p0 + tau[0] <= 1


def test_the_step_is_one_at_one_half_and_never_below_the_least() -> None:
    mean, sd = EffectPrior(0.01, 0.02, 0.1).beliefs(STATE_OF_ONE, OFFERS, np.array([0.5, 0.25, 0.001]))
    np.testing.assert_allclose(mean, [0.01, 0.0075, 0.001])
    np.testing.assert_allclose(sd, [0.02, 0.015, 0.002])


def test_draws_repeat_and_offers_of_a_type_go_together() -> None:
    prior, p0 = EffectPrior.of(Prior()), np.array([0.5, 0.5, 0.5])
    drawn = prior.draws(STATE_OF_ONE, OFFERS, p0, 20_000, seed=5)
    np.testing.assert_array_equal(drawn, prior.draws(STATE_OF_ONE, OFFERS, p0, 20_000, seed=5))
    assert not np.array_equal(drawn, prior.draws(STATE_OF_ONE, OFFERS, p0, 20_000, seed=6))
    np.testing.assert_allclose(drawn.mean(axis=0), Prior().mean, atol=0.002)
    np.testing.assert_allclose(drawn.std(axis=0), Prior().sd, rtol=0.03)
    together = np.corrcoef(drawn.T)
    assert together[0, 1] == pytest.approx(0.75, abs=0.02)
    assert together[0, 2] == pytest.approx(0.5, abs=0.02)
