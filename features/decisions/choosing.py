"""From values to one answer: exact probabilities of what comes first, and a draw that can be made again.

With probability 1 − ε the best offer is taken: the highest mean value, less what caution takes off for not knowing it well. Taking the
best of many uncertain draws instead would be optimism, and in a new shop everything is uncertain.

With probability ε something is found out. Part of it is shared out evenly, so that every offer keeps a floor. Of the rest, half goes to
silence and half to an offer: what an effect is learned from is offers beside silence, among those who are usually sent something as much as
among the others. Which offer is drawn as Thompson sampling does, from the frequencies with which each is the best of them in M seeded draws
of what is believed, so that its probability is a number and not an integral; what is surely worse is then not tried in vain. Where nothing
is uncertain, or the ranking is by no money, a softmax takes the place of that rest.

Several slots follow the same draw: in the order of value, of a draw, or of the softmax by the Gumbel top-k trick (Kool, van Hoof and
Welling 2019), whose first is a draw from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.ground import Ground
from features.decisions.policy import DecisionPolicy, Exploration
from features.decisions.record import Considered, Holdout
from features.decisions.slate import Slate

Array = NDArray[np.float64]
_SILENT = 0.5  # of an exploring draw, without its floor: as much silence as offers leaves the least noise in their difference


@dataclass(frozen=True)
class Choice:
    """One draw.

    Attributes:
        order: places in the list of what was considered, first slot first, all of them.
        propensities: (k,) P(comes first) of this draw.
        policy_propensities: (k,) the same of the policy, were the customer in no holdout.
        explored: whether it was drawn to find something out, rather than the best taken.
    """

    order: tuple[int, ...]
    propensities: Array
    policy_propensities: Array
    explored: bool


def seed_of(policy_seed: int, customer_id: str | None, decision_id: str) -> int:
    """The seed of one decision's draw."""
    told = hashlib.blake2b(f"{policy_seed}:{len(customer_id or '')}:{customer_id or ''}:{decision_id}".encode(), digest_size=8).digest()
    return int.from_bytes(told, "big")


def takes_best(seed: int, share: float) -> bool:
    """Whether the draw of a seed, itself a hash, takes the best offer, where so large a share of draws finds something out."""
    return (seed >> 11) * 2.0**-53 >= share


def beliefs_seed_of(policy_seed: int, customer_id: str | None) -> int:
    """The seed of the draws of what is believed: the customer's own, and the same in each of their decisions.

    Whatever the seed, a probability made of the draws is exact. With one a customer it stays as it is until something new is known, and is
    worked out once.
    """
    return seed_of(policy_seed, customer_id, "beliefs")


@dataclass(frozen=True)
class Odds:
    """The probabilities of what comes first, before anything is drawn: any number of decisions are drawn from them.

    Attributes:
        ground: the offers.
        policy: that decides.
        beliefs: seed of the draws of what is believed.
    """

    ground: Ground
    policy: DecisionPolicy
    beliefs: int

    @classmethod
    def of(
        cls, considered: Sequence[Considered] | Slate, policy: DecisionPolicy, *, beliefs: int, state: Mapping[str, float | None]
    ) -> Odds:
        """Of offers with their factors, `no_action` among them; `state` is what is known of the customer."""
        return cls(Ground(Slate.of(considered), policy, state), policy, beliefs)

    @cached_property
    def ranked(self) -> tuple[int, ...]:
        """Places, the best first."""
        return self.ground.ranked(self.ground.cautious)

    @cached_property
    def surely(self) -> Array:
        """(k,) P(comes first) where nothing is explored."""
        return _one_hot(len(self.ground.mean), self.ranked[0])

    @cached_property
    def of_policy(self) -> Array:
        """(k,) P(comes first) under the policy, exact."""
        exploration, count, best = self.policy.exploration, len(self.ground.mean), self.surely
        share, floor = exploration.share, exploration.floor
        if not self._by_belief:
            return np.asarray((1.0 - share) * best + share * softmax(self.ground.score, exploration))
        draws = self.ground.draws(exploration.draws, self.beliefs)
        tried = (1.0 - _SILENT) * np.bincount(self.ground.best_offer(draws), minlength=count) / len(draws)
        tried[self.ground.silence] += _SILENT
        return np.asarray((1.0 - share) * best + share * ((1.0 - floor) * tried + floor / count))

    def draw(self, seed: int, *, holdout: Holdout | None = None, explore: bool = True, formerly: bool = False) -> Choice:
        """Draw the order of the offers; arguments as `choose`."""
        if not explore:
            return Choice(self.ranked, self.surely, self.surely, explored=False)
        count = len(self.ground.mean)
        if holdout is Holdout.UNIVERSAL:
            silent = self.ground.silence
            order = (silent, *(i for i in range(count) if i != silent))
            return Choice(order, _one_hot(count, silent), self.of_policy, explored=False)
        share = self.policy.exploration.share
        if holdout is None and not formerly and takes_best(seed, share):
            return Choice(self.ranked, self.of_policy, self.of_policy, explored=False)
        random = np.random.default_rng([seed, 1])  # costs more than all the rest: nine decisions of ten do without
        if holdout is Holdout.MODEL_CONTROL:
            return Choice(tuple(random.permutation(count).tolist()), np.full(count, 1.0 / count), self.of_policy, explored=False)
        if formerly and random.random() >= share:
            return Choice(self.ranked, self.of_policy, self.of_policy, explored=False)
        return Choice(self._explored(random), self.of_policy, self.of_policy, explored=True)

    @property
    def _by_belief(self) -> bool:
        return self.policy.exploration.draws > 0 and self.ground.uncertain

    def _explored(self, random: np.random.Generator) -> tuple[int, ...]:
        """An order whose first is drawn as `of_policy` says."""
        exploration, count = self.policy.exploration, len(self.ground.mean)
        if not self._by_belief:
            gumbel = -np.log(-np.log(random.random(count)))
            with np.errstate(divide="ignore"):
                drawn = np.log(softmax(self.ground.score, exploration)) + gumbel
            return tuple(np.argsort(-drawn, kind="stable").tolist())
        if random.random() < exploration.floor:
            return tuple(random.permutation(count).tolist())
        ranked, first = self.ranked, self.ground.silence
        if random.random() >= _SILENT:
            drawn = self.ground.one_draw(int(random.integers(exploration.draws)), self.beliefs)
            ranked, first = self.ground.ranked(drawn), int(self.ground.best_offer(drawn[None, :])[0])
        return (first, *(place for place in ranked if place != first))


def propensities(
    considered: Sequence[Considered] | Slate, policy: DecisionPolicy, *, seed: int, state: Mapping[str, float | None]
) -> Array:
    """P(comes first) of every offer under a policy, exact, (k,); sums to 1.

    Args:
        considered: offers with their factors, `no_action` among them; their own values and propensities are not looked at.
        policy: that decides.
        seed: of the draws of what is believed.
        state: what is known of the customer.
    """
    return Odds.of(considered, policy, beliefs=seed, state=state).of_policy


def choose(
    considered: Sequence[Considered] | Slate,
    policy: DecisionPolicy,
    *,
    seed: int,
    state: Mapping[str, float | None],
    beliefs: int | None = None,
    holdout: Holdout | None = None,
    explore: bool = True,
    formerly: bool = False,
) -> Choice:
    """Draw the order of the offers.

    Args:
        considered: as `propensities`.
        policy: that decides.
        seed: of the decision; equal arguments give equal draws.
        state: what is known of the customer.
        beliefs: seed of the draws of what is believed; None: the decision's.
        holdout: the holdout into which the customer falls.
        explore: False: the best first, whatever the policy explores; for answers in which nothing personal is used.
        formerly: draw as records of format 1 were drawn, to make them again.
    """
    odds = Odds.of(considered, policy, beliefs=seed if beliefs is None else beliefs, state=state)
    return odds.draw(seed, holdout=holdout, explore=explore, formerly=formerly)


def softmax(scores: Array, exploration: Exploration) -> Array:
    """Chances, (k,), of which every offer has at least floor ÷ k.

    (1 − floor) · softmax(score ÷ (temperature · spread)) + floor ÷ k. The spread is the scores' standard deviation: a temperature then
    means the same in a shop of cents and in one of thousands. Equal scores give equal chances.
    """
    spread, count = float(np.std(scores)), len(scores)
    if spread <= 1e-12 * max(1.0, float(np.abs(scores).max())):
        return np.full(count, 1.0 / count)
    raised = np.exp((scores - scores.max()) / (exploration.temperature * spread))
    return np.asarray((1.0 - exploration.floor) * raised / raised.sum() + exploration.floor / count)


def _one_hot(count: int, place: int) -> Array:
    hot = np.zeros(count)
    hot[place] = 1.0
    return hot
