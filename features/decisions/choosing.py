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
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import DecisionPolicy, Exploration, Ranking
from features.decisions.record import NO_ACTION, Considered, Holdout
from features.decisions.slate import Slate
from features.decisions.worth import Worth, worth

Array = NDArray[np.float64]
_NEEDS = frozenset({"replenishment", "new_need"})  # what `category_first` puts first: the customer's own needs
_FIRST = 1e9  # money that no offer is worth: what goes first goes before everything that does not
# How what is believed before it is proven is shared out: by all offers of a shop, by those of a type; the rest is an offer's own. As in
# training/artifacts/effect_prior.py, a test holds them together.
_COMMON, _OF_TYPE = 0.5, 0.25
_SILENT = 0.5  # of an exploring draw, without its floor: as much silence as offers leaves the least noise in their difference
_LEAST = 1e-9  # money: what differs from nothing by rounding only is worth no more than silence


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


def propensities(
    considered: Sequence[Considered] | Slate, policy: DecisionPolicy, *, seed: int, state: Mapping[str, float | None]
) -> Array:
    """P(comes first) of every offer under a policy, exact, (k,); sums to 1.

    Args:
        considered: offers with their factors, `no_action` among them; their own values and propensities are not looked at.
        policy: that decides.
        seed: of the decision.
        state: what is known of the customer.
    """
    return _propensities(_Ground(Slate.of(considered), policy, state), policy, seed)


def choose(
    considered: Sequence[Considered] | Slate,
    policy: DecisionPolicy,
    *,
    seed: int,
    state: Mapping[str, float | None],
    holdout: Holdout | None = None,
    explore: bool = True,
) -> Choice:
    """Draw the order of the offers.

    Args:
        considered: as `propensities`.
        policy: that decides.
        seed: of the decision; equal arguments give equal draws.
        state: what is known of the customer.
        holdout: the holdout into which the customer falls.
        explore: False: the best first, whatever the policy explores; for answers in which nothing personal is used.
    """
    ground = _Ground(Slate.of(considered), policy, state)
    random = np.random.default_rng([seed, 1])
    if not explore:
        exact = _one_hot(len(considered), ground.ranked(ground.cautious)[0])
        return Choice(ground.ranked(ground.cautious), exact, exact, explored=False)
    of_policy = _propensities(ground, policy, seed)
    if holdout is Holdout.UNIVERSAL:
        silent = ground.silence
        order = (silent, *(i for i in range(len(considered)) if i != silent))
        return Choice(order, _one_hot(len(considered), silent), of_policy, explored=False)
    if holdout is Holdout.MODEL_CONTROL:
        even = np.full(len(considered), 1.0 / len(considered))
        return Choice(tuple(random.permutation(len(considered)).tolist()), even, of_policy, explored=False)
    if random.random() < policy.exploration.share:
        return Choice(_explored(ground, policy.exploration, seed, random), of_policy, of_policy, explored=True)
    return Choice(ground.ranked(ground.cautious), of_policy, of_policy, explored=False)


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


class _Ground:
    """The offers at hand as arrays, and how a ranking orders them."""

    def __init__(self, slate: Slate, policy: DecisionPolicy, state: Mapping[str, float | None]) -> None:
        self._ids = slate.offer_ids
        kinds = {name: place for place, name in enumerate(dict.fromkeys(slate.types))}
        self._kinds = [kinds[name] for name in slate.types]
        self._worth: Worth = worth(slate.factors, policy.value)
        self.silence = slate.silence
        self._ranking = policy.ranking
        self._first = _goes_first(slate, policy.ranking)
        self._sd = slate.factors.tau_sd
        self.mean = self.score = self._worth.mean
        self.cautious = self.mean - policy.value.caution * np.abs(self._worth.slope) * self._sd
        if policy.ranking not in _BY_VALUE:
            self.mean = self.score = self.cautious = _other_scores(slate, policy, state)

    def ranked(self, values: Array) -> tuple[int, ...]:
        """Best first, silence before what is worth no more than it; equals by their ids: a total order."""
        keys = self._keys(values)
        return tuple(sorted(range(len(keys)), key=lambda i: (-keys[i], self._ids[i])))

    def draws(self, count: int, seed: int) -> Array | None:
        """(count, k) values under draws of what is believed of τ; None where nothing is uncertain, or nothing but silence is at hand."""
        if count == 0 or len(self._ids) == 1 or self._ranking not in _BY_VALUE or not self._sd.any():
            return None
        return np.asarray(self._worth.fixed + self._worth.slope * (self._worth.tau + self._sd * self._unit(count, seed)))

    def _unit(self, count: int, seed: int) -> Array:
        """(count, k) draws of mean 0 and deviation 1: offers of a shop resemble each other, those of a type more so."""
        normal = np.random.default_rng([seed, 0]).standard_normal((count, 1 + max(self._kinds) + 1 + len(self._kinds)))
        common, own = normal[:, :1], normal[:, -len(self._kinds) :]
        of_type = normal[:, 1 : 2 + max(self._kinds)][:, self._kinds]
        return np.asarray(math.sqrt(_COMMON) * common + math.sqrt(_OF_TYPE) * of_type + math.sqrt(1 - _COMMON - _OF_TYPE) * own)

    def best_offer(self, draws: Array) -> NDArray[np.intp]:
        """(count,) the place of the best offer of each draw, silence left out; of equals the first by id, as in `ranked`."""
        by_id = np.argsort(self._ids, kind="stable")
        by_id = by_id[by_id != self.silence]
        return np.asarray(by_id[self._keys(draws)[:, by_id].argmax(axis=1)])

    def _keys(self, values: Array) -> Array:
        """Values (…, k) in which silence stands above what rounds to nothing, and what goes first above the rest."""
        keys = np.where(values > _LEAST, values + _FIRST * self._first, np.minimum(values, _LEAST) - 2 * _LEAST)
        keys[..., self.silence] = 0.0
        return np.asarray(keys)


_BY_VALUE = frozenset({Ranking.EXPECTED_VALUE, Ranking.PRICE_FIRST, Ranking.CATEGORY_FIRST})


def _propensities(ground: _Ground, policy: DecisionPolicy, seed: int) -> Array:
    share, count = policy.exploration.share, len(ground.mean)
    best = _one_hot(count, ground.ranked(ground.cautious)[0])
    draws = ground.draws(policy.exploration.draws, seed)
    if draws is None:
        return np.asarray((1.0 - share) * best + share * softmax(ground.score, policy.exploration))
    tried = (1.0 - _SILENT) * np.bincount(ground.best_offer(draws), minlength=count) / len(draws)
    tried[ground.silence] += _SILENT
    floor = policy.exploration.floor
    return np.asarray((1.0 - share) * best + share * ((1.0 - floor) * tried + floor / count))


def _explored(ground: _Ground, exploration: Exploration, seed: int, random: np.random.Generator) -> tuple[int, ...]:
    """An order whose first is drawn as `_propensities` says."""
    draws, count = ground.draws(exploration.draws, seed), len(ground.mean)
    if draws is None:
        gumbel = -np.log(-np.log(random.random(count)))
        with np.errstate(divide="ignore"):
            drawn = np.log(softmax(ground.score, exploration)) + gumbel
        return tuple(np.argsort(-drawn, kind="stable").tolist())
    if random.random() < exploration.floor:
        return tuple(random.permutation(count).tolist())
    ranked = ground.ranked(ground.cautious)
    first = ground.silence
    if random.random() >= _SILENT:
        place = int(random.integers(len(draws)))
        ranked, first = ground.ranked(draws[place]), int(ground.best_offer(draws[place : place + 1])[0])
    return (first, *(place for place in ranked if place != first))


def _goes_first(slate: Slate, ranking: Ranking) -> NDArray[np.bool_]:
    if ranking is Ranking.PRICE_FIRST:
        return np.asarray(slate.factors.discount > 0)
    if ranking is Ranking.CATEGORY_FIRST:
        return np.array([name in _NEEDS for name in slate.types])
    return np.zeros(len(slate), np.bool_)


def _other_scores(slate: Slate, policy: DecisionPolicy, state: Mapping[str, float | None]) -> Array:
    """Scores that are no money, with silence at 0."""
    if policy.ranking is Ranking.PROPENSITY:
        return 100.0 * slate.factors.p0  # any response is worth more than silence
    chance = state.get("p_order")
    sent = policy.ranking is Ranking.BEST_SINGLE or (
        policy.ranking is Ranking.HIGHEST_RISK and chance is not None and chance < policy.risk_below
    )
    scores = np.array([1.0 if sent and name == policy.single_offer else -1.0 for name in slate.offer_ids])
    scores[[name == NO_ACTION for name in slate.types]] = 0.0
    return scores


def _one_hot(count: int, place: int) -> Array:
    hot = np.zeros(count)
    hot[place] = 1.0
    return hot
