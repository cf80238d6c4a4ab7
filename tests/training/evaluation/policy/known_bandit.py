"""A shop's log in which the value of every policy is known: ragged offers, money that is mostly nothing, customers who come back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.policy.logged_rounds import LoggedRounds

Array = NDArray[np.float64]

MOST_ACTIONS = 6


@dataclass(frozen=True)
class KnownBandit:
    """One log and what is true of it.

    Attributes:
        rounds: the log.
        truth: (m,) expected reward of each action.
        targets: policy → (m,) probabilities: logged, nothing, uniform, greedy (the best by a rough guess), softer (half greedy).
    """

    rounds: LoggedRounds
    truth: Array
    targets: dict[str, Array]

    def value(self, policy: str) -> float:
        """Expected reward a round on these very states."""
        return float((self.targets[policy] * self.truth).sum() / self.rounds.count)


def known_bandit(seed: int, *, customers: int = 600, share: float = 0.2) -> KnownBandit:
    """Deal a log.

    A customer has a taste (kept over their rounds) and one to six rounds; an order of some 40 comes with a chance that the offer moves by
    a few points. The logging policy takes the best by a rough guess, and with probability `share` draws evenly.
    """
    rng = np.random.default_rng([20261125, seed])
    per = rng.integers(1, 7, customers)
    customer = np.repeat(np.arange(customers), per)
    n = len(customer)
    width = rng.integers(2, MOST_ACTIONS + 1, n)
    first = np.concatenate([[0], np.cumsum(width)])
    at = np.repeat(np.arange(n), width)
    place = np.arange(len(at)) - first[at]
    taste = rng.normal(size=customers)[customer][at]
    moment = rng.normal(size=n)[at]
    lift = np.where(place == 0, 0.0, 0.01 + 0.04 * np.tanh(taste * (place - 2.5) + 0.5 * moment))
    margin = np.where(place == 0, 40.0, 40.0 - 3.0 * place)
    chance = np.clip(0.12 + 0.05 * np.tanh(taste) + lift, 0.01, 0.9)
    truth = chance * margin - 0.05 * (place > 0)
    guess = truth + 0.7 * rng.normal(size=len(at))
    greedy = _best(guess, first, at)
    propensity = (1 - share) * greedy + share / width[at]
    # Rounds of one customer are alike beyond what is known of them: only then must customers be drawn whole.
    mood = rng.gamma(2.0, 0.5, customers)[customer]
    taken = first[:-1] + _drawn(rng.random(n), propensity, first)
    ordered = rng.random(n) < chance[taken]
    reward = ordered * margin[taken] * mood * rng.gamma(4.0, 0.25, n) - 0.05 * (place[taken] > 0)
    inputs = np.column_stack([taste, moment, margin, place > 0, taste * (place - 2.5), *(place == k for k in range(1, MOST_ACTIONS))])
    rounds = LoggedRounds(customer, first, propensity, taken, reward, inputs.astype(np.float64))
    nothing, uniform = (place == 0).astype(np.float64), 1.0 / width[at]
    softer = 0.5 * greedy + 0.5 / width[at]
    targets = {"logged": propensity, "nothing": nothing, "uniform": uniform, "greedy": greedy, "softer": softer}
    return KnownBandit(rounds, truth, targets)


def _best(guess: Array, first: NDArray[np.int64], at: NDArray[np.int64]) -> Array:
    best = np.maximum.reduceat(guess, first[:-1])[at]
    return (guess == best).astype(np.float64)


def _drawn(even: Array, propensity: Array, first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place within its round of the action that an even number in [0, 1) falls upon."""
    before = np.concatenate([[0.0], np.cumsum(propensity)])
    found = np.searchsorted(before, before[first[:-1]] + even * (before[first[1:]] - before[first[:-1]]), side="right") - 1
    return np.clip(found - first[:-1], 0, np.diff(first) - 1)
