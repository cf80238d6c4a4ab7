"""Laws of the estimators: unbiased where they promise it, equal where they must be, bounded where they are clipped."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.evaluation.policy.known_bandit import known_bandit
from training.evaluation.policy.estimators import Estimator, Shrinkage, estimate
from training.evaluation.policy.logged_rounds import LoggedRounds

IPS, SNIPS, DM, DR, CLIPPED = Estimator

probabilities = st.lists(st.floats(0.05, 1.0), min_size=3, max_size=3).map(lambda x: np.array(x) / sum(x))
money = st.floats(-50, 50)


def two_rounds(propensity: np.ndarray, reward: np.ndarray, taken: tuple[int, int]) -> LoggedRounds:
    """Two rounds of three actions; the reward of an action is certain."""
    place = np.array([taken[0], 3 + taken[1]])
    return LoggedRounds(np.array([0, 1]), np.array([0, 3, 6]), propensity, place, reward[place], np.zeros((6, 1)))


@settings(max_examples=60, deadline=None)
@given(st.tuples(probabilities, probabilities), st.tuples(probabilities, probabilities), st.lists(money, min_size=6, max_size=6), money)
def test_ips_and_dr_are_unbiased_over_everything_the_log_could_have_been(
    logged: tuple[np.ndarray, np.ndarray], judged: tuple[np.ndarray, np.ndarray], rewards: list[float], guess: float
) -> None:
    propensity, target, reward = np.concatenate(logged), np.concatenate(judged), np.array(rewards)
    expected = np.full(6, guess)  # a reward model that is wrong
    mean = dict.fromkeys((IPS, DR), 0.0)
    for taken in itertools.product(range(3), range(3)):
        chance = propensity[taken[0]] * propensity[3 + taken[1]]
        found = estimate(two_rounds(propensity, reward, taken), target, expected)
        for estimator in mean:
            mean[estimator] += chance * found.shares[estimator].value
    true = float(target @ reward) / 2
    assert mean[IPS] == pytest.approx(true, abs=1e-9)
    assert mean[DR] == pytest.approx(true, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["nothing", "uniform", "greedy", "softer"]))
def test_dm_dr_and_clipped_dr_are_the_truth_where_the_reward_model_is(seed: int, policy: str) -> None:
    bandit = known_bandit(seed, customers=20)
    certain = replace(bandit.rounds, reward=bandit.truth[bandit.rounds.taken])
    found = estimate(certain, bandit.targets[policy], bandit.truth, clip=2.0)
    for estimator in (DM, DR, CLIPPED):
        assert found.shares[estimator].value == pytest.approx(bandit.value(policy))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), money)
def test_the_logged_policy_is_worth_what_was_earned(seed: int, guess: float) -> None:
    rounds = known_bandit(seed, customers=20).rounds
    found = estimate(rounds, rounds.propensity, np.full(len(rounds.propensity), guess))
    for estimator in (IPS, SNIPS, DR, CLIPPED):
        assert found.shares[estimator].value == pytest.approx(rounds.reward.mean())
    assert found.clipped == pytest.approx(0.0)


def test_snips_does_not_mind_a_constant() -> None:
    bandit = known_bandit(5)
    more = replace(bandit.rounds, reward=bandit.rounds.reward + 100.0)
    low, high = (estimate(rounds, bandit.targets["greedy"], None).shares for rounds in (bandit.rounds, more))
    assert high[SNIPS].value - low[SNIPS].value == pytest.approx(100.0)
    assert abs(high[IPS].value - low[IPS].value - 100.0) > 0.1
    assert set(low) == {IPS, SNIPS}


def test_clipping_lies_between_the_model_and_dr() -> None:
    bandit = known_bandit(6)
    expected = np.full(len(bandit.truth), 3.0)
    values = [estimate(bandit.rounds, bandit.targets["nothing"], expected, clip=clip) for clip in (1e-9, 5.0, 1e9)]
    clipped = [found.shares[CLIPPED].value for found in values]
    assert clipped[0] == pytest.approx(values[0].shares[DM].value)
    assert clipped[2] == pytest.approx(values[2].shares[DR].value)
    assert min(clipped[0], clipped[2]) < clipped[1] < max(clipped[0], clipped[2])
    assert [found.clipped for found in values] == pytest.approx([1.0, values[1].clipped, 0.0])


def test_a_policy_of_which_nothing_was_logged_has_no_snips() -> None:
    rounds = two_rounds(np.array([0.5, 0.5, 0.0] * 2), np.ones(6), (0, 0))
    found = estimate(rounds, np.array([0.0, 0.0, 1.0] * 2), None)
    assert np.isnan(found.shares[SNIPS].value)
    assert found.clipped == 0.0


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(Shrinkage)), st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(1e-3, 1e6))
def test_shrinking_only_shrinks_and_lets_go_in_the_end(shrinkage: Shrinkage, weights: list[float], limit: float) -> None:
    weight = np.array(weights)
    held = shrinkage.of(weight, limit)
    assert ((held >= 0) & (held <= weight * (1 + 1e-12))).all()
    assert shrinkage.of(weight, 1e30) == pytest.approx(weight)
