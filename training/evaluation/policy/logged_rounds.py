"""Logged rounds: who was offered what with which probability, what came of it, and what another policy would have done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.errors import HuitouError

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_SUM = 1e-6  # by which probabilities of one round may miss 1: what many additions of doubles and a way through JSON leave


class BrokenLog(HuitouError):
    """Logged rounds from which nothing can be estimated; the message names the round."""


@dataclass(frozen=True)
class LoggedRounds:
    """Rounds with as many actions as each had; what belongs to actions stands in one long array, round after round.

    Attributes:
        customer: (n,) number of the customer; rounds of one customer are drawn together.
        first: (n + 1,) where each round's actions begin, and where the last one's end.
        propensity: (m,) P(action was taken) at the time, exact.
        taken: (n,) place of the taken action among all m.
        reward: (n,) what came of it.
        inputs: (m, k) what a reward model may see of state and action, finite; nothing that was learned after the decision.
    """

    customer: Numbers
    first: Numbers
    propensity: Array
    taken: Numbers
    reward: Array
    inputs: Array

    def __post_init__(self) -> None:
        """Check the log.

        Raises:
            BrokenLog: the shapes do not fit, a probability is none, a round's probabilities do not sum to 1, what was taken had none, or
                a reward is no number.
        """
        n, m = len(self.customer), len(self.propensity)
        if n == 0:
            raise BrokenLog("There is no logged round, so nothing can be estimated.")
        if (self.first.shape, self.taken.shape, self.reward.shape) != ((n + 1,), (n,), (n,)) or len(self.inputs) != m:
            raise BrokenLog("The arrays of the logged rounds do not fit each other.")
        if self.first[0] != 0 or self.first[-1] != m or (np.diff(self.first) < 1).any():
            raise BrokenLog("A logged round has no action; silence is one.")
        self._refuse((self.taken < self.first[:-1]) | (self.taken >= self.first[1:]), "took an action that was not among its own")
        self._refuse(~np.isfinite(self.reward), "has a reward that is no number")
        check_probabilities(self, self.propensity, "logged propensities")
        self._refuse(self.propensity[self.taken] <= 0, "took an action that is said to have had no chance")
        if not np.isfinite(self.inputs).all():
            raise BrokenLog("An input of the reward model is no number; fill what is not known before.")

    @property
    def count(self) -> int:
        """Rounds."""
        return len(self.customer)

    @cached_property
    def round(self) -> Numbers:
        """(m,) round of each action."""
        return np.repeat(np.arange(self.count), np.diff(self.first))

    def summed(self, values: Array) -> Array:
        """(n,) sums over each round's actions of (m,) values."""
        return np.asarray(np.add.reduceat(values, self.first[:-1]))

    def _refuse(self, wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            raise BrokenLog(f"Logged round {int(np.flatnonzero(wrong)[0])} {what}.")


def check_probabilities(rounds: LoggedRounds, probability: Array, name: str) -> None:
    """Check what a policy gives each action.

    Args:
        rounds: whose actions.
        probability: (m,) one for each action.
        name: for the message.

    Raises:
        BrokenLog: not one for each action, below 0, above 1, no number, or not summing to 1 in a round.
    """
    if probability.shape != rounds.propensity.shape:
        raise BrokenLog(f"{name}: {len(probability)} probabilities for {len(rounds.propensity)} actions.")
    wrong = ~((probability >= 0) & (probability <= 1 + _SUM))
    if wrong.any():
        raise BrokenLog(
            f"{name}: round {int(rounds.round[np.argmax(wrong)])} holds {probability[np.argmax(wrong)]}, which is no probability."
        )
    total = rounds.summed(probability)
    missed = np.abs(total - 1.0) > _SUM
    if missed.any():
        raise BrokenLog(f"{name}: those of round {int(np.argmax(missed))} sum to {total[np.argmax(missed)]:.6f}, not to 1.")
