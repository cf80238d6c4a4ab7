"""A reward model never sees the customer it answers for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.evaluation.policy.known_bandit import known_bandit
from training.evaluation.policy.reward_model import RewardModel, customer_folds, expected_rewards


def test_folds_keep_customers_together_and_are_even() -> None:
    customer = known_bandit(2).rounds.customer
    fold = customer_folds(customer, 5, seed=1)
    of_customer = {int(c): set(fold[customer == c].tolist()) for c in np.unique(customer)}
    assert {len(folds) for folds in of_customer.values()} == {1}
    assert np.ptp(np.bincount([next(iter(folds)) for folds in of_customer.values()])) <= 1


@pytest.mark.parametrize("model", list(RewardModel))
def test_what_is_expected_of_a_customer_never_moves_with_their_own_rewards(model: RewardModel) -> None:
    rounds = known_bandit(3, customers=150).rounds
    before = expected_rewards(rounds, model, seed=1)
    for customer in (0, 7):
        own = rounds.customer == customer
        after = expected_rewards(replace(rounds, reward=np.where(own, 1e4, rounds.reward)), model, seed=1)
        theirs = own[rounds.round]
        assert after[theirs].tolist() == before[theirs].tolist()
        assert np.abs(after[~theirs] - before[~theirs]).max() > 1.0


@pytest.mark.parametrize(("model", "least"), [(RewardModel.RIDGE, 0.99), (RewardModel.TREES, 0.7)])
def test_what_can_be_learned_is(model: RewardModel, least: float) -> None:
    bandit = known_bandit(4)
    told = bandit.rounds.inputs @ np.arange(1.0, 1.0 + bandit.rounds.inputs.shape[1])
    expected = expected_rewards(replace(bandit.rounds, reward=told[bandit.rounds.taken]), model, seed=2)
    assert np.corrcoef(expected, told)[0, 1] ** 2 > least


def test_one_customer_teaches_nothing() -> None:
    rounds = known_bandit(1, customers=1).rounds
    assert not expected_rewards(rounds, RewardModel.RIDGE, seed=1).any()
