"""The reward expected of every action, learned for each customer from the others: no customer's rewards reach their own expectations."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from training.evaluation.policy.logged_rounds import Array, LoggedRounds, Numbers

FOLDS = 5
_RIDGE = 10.0  # rounds' worth of belief that an input says nothing; DR is unbiased whatever is believed here
_TREES = {
    "objective": "regression", "num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 50, "feature_fraction": 0.6, "lambda_l2": 20.0,
    "num_threads": 1, "verbose": -1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
_ROUNDS = 100


class RewardModel(StrEnum):
    """What learns rewards."""

    RIDGE = "ridge"
    TREES = "trees"


Fit = Callable[[Array, Array, Array], Array]  # inputs and rewards that may be seen, inputs to answer for → rewards expected there


def customer_folds(customer: Numbers, folds: int, *, seed: int) -> Numbers:
    """(n,) fold of each round: customers are dealt evenly, all rounds of one together."""
    people, place = np.unique(customer, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(people)) % folds
    return np.asarray(dealt[place], dtype=np.int64)


def expected_rewards(rounds: LoggedRounds, model: RewardModel, *, seed: int, folds: int = FOLDS) -> Array:
    """(m,) reward expected of each action, cross-fitted by customer.

    Args:
        rounds: the log; a model learns from the taken actions of the other folds.
        model: which.
        seed: of the folds and the trees.
        folds: at least 2; with fewer customers as many as there are.
    """
    people = len(np.unique(rounds.customer))
    if people < 2:
        return np.zeros(len(rounds.propensity))  # nobody to learn from: DR is then IPS
    fold = customer_folds(rounds.customer, min(folds, people), seed=seed)
    fit: Fit = _ridge if model is RewardModel.RIDGE else _trees(seed)
    expected, taken = np.empty(len(rounds.propensity)), rounds.inputs[rounds.taken]
    for hidden in range(int(fold.max()) + 1):
        seen = fold != hidden
        asked = fold[rounds.round] == hidden
        expected[asked] = fit(taken[seen], rounds.reward[seen], rounds.inputs[asked])
    return expected


def _ridge(inputs: Array, reward: Array, asked: Array) -> Array:
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0)
    varies = spread > 1e-12
    x, level = (inputs[:, varies] - mean[varies]) / spread[varies], reward.mean()
    gram = x.T @ x + _RIDGE * np.eye(x.shape[1])
    weight = np.linalg.solve(gram, x.T @ (reward - level))
    return np.asarray(level + (asked[:, varies] - mean[varies]) / spread[varies] @ weight)


def _trees(seed: int) -> Fit:
    def fit(inputs: Array, reward: Array, asked: Array) -> Array:
        import lightgbm as lgb

        booster = lgb.train({**_TREES, "seed": seed}, lgb.Dataset(inputs, reward), num_boost_round=_ROUNDS)
        return np.asarray(booster.predict(asked, num_threads=1), dtype=np.float64)

    return fit
