"""A log from which nothing can be estimated is refused, by its round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.evaluation.policy.known_bandit import known_bandit
from training.evaluation.policy.logged_rounds import BrokenLog, LoggedRounds, check_probabilities


@pytest.fixture
def rounds() -> LoggedRounds:
    return known_bandit(1, customers=30).rounds


def changed(array: np.ndarray, place: int, value: float) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


def test_sums_are_those_of_each_round(rounds: LoggedRounds) -> None:
    assert rounds.summed(rounds.propensity) == pytest.approx(np.ones(rounds.count))
    assert rounds.round[rounds.taken].tolist() == list(range(rounds.count))


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan])
def test_what_is_no_probability_is_refused(rounds: LoggedRounds, value: float) -> None:
    with pytest.raises(BrokenLog, match=r"logged propensities: round 0 holds .*no probability"):
        replace(rounds, propensity=changed(rounds.propensity, 0, value))


def test_probabilities_that_do_not_sum_to_one_are_refused(rounds: LoggedRounds) -> None:
    with pytest.raises(BrokenLog, match="those of round 3 sum to"):
        check_probabilities(rounds, changed(rounds.propensity, int(rounds.first[3]), rounds.propensity[rounds.first[3]] * 0.9), "target")


def test_an_action_that_had_no_chance_cannot_have_been_taken(rounds: LoggedRounds) -> None:
    propensity = rounds.propensity.copy()
    propensity[rounds.first[0] : rounds.first[1]] = 0.0
    other = rounds.first[0] if rounds.taken[0] != rounds.first[0] else rounds.first[0] + 1
    propensity[other] = 1.0
    with pytest.raises(BrokenLog, match="round 0 took an action that is said to have had no chance"):
        replace(rounds, propensity=propensity)


def test_rewards_and_inputs_are_numbers(rounds: LoggedRounds) -> None:
    with pytest.raises(BrokenLog, match="round 2 has a reward that is no number"):
        replace(rounds, reward=changed(rounds.reward, 2, np.inf))
    inputs = rounds.inputs.copy()
    inputs[0, 0] = np.nan
    with pytest.raises(BrokenLog, match="reward model"):
        replace(rounds, inputs=inputs)


def test_arrays_fit_each_other(rounds: LoggedRounds) -> None:
    with pytest.raises(BrokenLog, match="do not fit"):
        replace(rounds, reward=rounds.reward[1:])
    with pytest.raises(BrokenLog, match="round 0 took an action that was not among its own"):
        replace(rounds, taken=np.roll(rounds.taken, 1))
    with pytest.raises(BrokenLog, match="no logged round"):
        LoggedRounds(rounds.customer[:0], rounds.first[:1], rounds.propensity[:0], rounds.taken[:0], rounds.reward[:0], rounds.inputs[:0])
    with pytest.raises(BrokenLog, match="2 probabilities for"):
        check_probabilities(rounds, np.array([0.5, 0.5]), "target")
