"""The offers at hand as arrays, and how a ranking orders them: by their value, by money of another kind, or by no money."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import DecisionPolicy, Ranking
from features.decisions.record import NO_ACTION
from features.decisions.slate import Slate
from features.decisions.worth import Worth, worth

Array = NDArray[np.float64]
_NEEDS = frozenset({"replenishment", "new_need"})  # what `category_first` puts first: the customer's own needs
_FIRST = 1e9  # money that no offer is worth: what goes first goes before everything that does not
# How what is believed before it is proven is shared out: by all offers of a shop, by those of a type; the rest is an offer's own. As in
# training/artifacts/effect_prior.py, a test holds them together.
_COMMON, _OF_TYPE = 0.5, 0.25
_LEAST = 1e-9  # money: what differs from nothing by rounding only is worth no more than silence
_BY_VALUE = frozenset({Ranking.EXPECTED_VALUE, Ranking.PRICE_FIRST, Ranking.CATEGORY_FIRST})


class Ground:
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

    @cached_property
    def uncertain(self) -> bool:
        """Whether draws of what is believed tell offers apart: not where nothing is uncertain, or nothing but silence is at hand."""
        return len(self._ids) > 1 and self._ranking in _BY_VALUE and bool(self._sd.any())

    def draws(self, count: int, seed: int) -> Array:
        """(count, k) values under draws of what is believed of τ; only where that is `uncertain`."""
        return self._under(self._unit(count, seed))

    def one_draw(self, place: int, seed: int) -> Array:
        """(k,) row `place` of `draws`, without those behind it: they are drawn in their order."""
        return np.asarray(self._under(self._unit(place + 1, seed, since=place))[0])

    def _under(self, unit: Array) -> Array:
        return np.asarray(self._worth.fixed + self._worth.slope * (self._worth.tau + self._sd * unit))

    def _unit(self, count: int, seed: int, *, since: int = 0) -> Array:
        """(count − since, k) draws of mean 0 and deviation 1: offers of a shop resemble each other, those of a type more so."""
        normal = np.random.default_rng([seed, 0]).standard_normal((count, 1 + max(self._kinds) + 1 + len(self._kinds)))[since:]
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
