"""Who can be persuaded: a posterior of the responsiveness index from what shows, what was clicked and what was bought after messages."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.ideal_observer.grid import normal_points
from benchmarks.ideal_observer.lifts import Lifts
from benchmarks.ideal_observer.sightings import Seen
from training.simulation.parameters import WorldParameters

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_OPENING_POINTS = 21
_INDEX = np.linspace(-4.0, 4.5, 35)


@dataclass
class Persuasion:
    """`n` customers, `h` points of haste, `z` of the responsiveness index, `w` of the opening rate.

    Attributes:
        world: its equations.
        haste: `(h,)` index of haste at each point.
        arrives: `(n,)` first day.
        rate: `(w,)` standard normal index of opening.
        of_rate: `(n, w)` how likely each is.
        answered: `(n, h, z)` log likelihood of clicks and purchases after messages, at each value of the index.
    """

    world: WorldParameters
    haste: Array
    arrives: Numbers
    rate: Array = field(default_factory=lambda: normal_points(_OPENING_POINTS))
    of_rate: Array = field(init=False)
    answered: Array = field(init=False)

    def __post_init__(self) -> None:
        """Nothing was seen."""
        n = len(self.arrives)
        self.of_rate = np.full((n, len(self.rate)), 1 / len(self.rate))
        self.answered = np.zeros((n, len(self.haste), len(_INDEX)))

    def logit(self, rate: Array) -> Array:
        """Logit of opening of somebody who was left alone."""
        messages = self.world.messages
        logit: Array = np.log(messages.opening / (1 - messages.opening)) + messages.opening_spread * rate
        return logit

    def responsiveness(self, index: Array) -> Array:
        """What an index means: `training.simulation.people`."""
        response = self.world.response
        beyond = np.maximum(index - response.persuaded_from, 0.0) + np.minimum(index - response.harmed_below, 0.0)
        responsive: Array = response.scale * beyond
        return responsive

    def sent(self, rows: Numbers, opened: NDArray[np.bool_], fatigue: Array) -> None:
        """Messages went to `rows`, `(r,)`, remembering so many before."""
        chance = expit(self.logit(self.rate) - self.world.messages.fatigue_opening * fatigue[:, None])
        weight = self.of_rate[rows] * np.where(opened[:, None], chance, 1 - chance)
        self.of_rate[rows] = weight / weight.sum(axis=1, keepdims=True)

    def clicked(self, rows: Numbers, clicked: NDArray[np.bool_], at_one: Array, at_none: Array) -> None:
        """Opened messages were clicked or not.

        Args:
            rows: `(r,)` customers.
            clicked: `(r,)`.
            at_one: `(r, h, draws, k)` lift at responsiveness 1 less that at 0, in states drawn from what is known.
            at_none: lift at responsiveness 0.
        """
        base = np.log(self.world.messages.clicking / max(1 - self.world.messages.clicking, 1e-9) + 1e-12)
        for place, value in enumerate(self.responsiveness(_INDEX).tolist()):
            chance = expit(base + 3.0 * (value * at_one + at_none).max(axis=3)).mean(axis=2)
            self.answered[rows, :, place] += np.log(np.maximum(np.where(clicked[:, None], chance, 1 - chance), 1e-9))

    def bought(self, seen: Seen, lifts: Lifts, needed: Array, pointed: Array) -> None:
        """A day on which messages worked.

        Args:
            seen: of it.
            lifts: of the messages.
            needed: of `Needs`, of the same day.
            pointed: the same.
        """
        working = needed.sum(axis=(1, 2)) > 0
        for c in range(needed.shape[1]):
            rows = np.flatnonzero(lifts.running & lifts.targets[:, c] & working)
            chance = np.clip(needed[rows, c], 1e-9, 0.5)
            gain = np.clip(pointed[rows, c] / chance, 0.0, 5.0)
            raised = self.responsiveness(_INDEX) * gain[:, :, None]
            silent = -chance[:, :, None] * np.expm1(raised)
            own, other = seen.own[rows, c, None, None], seen.other[rows, c, None, None]
            after = own * chance[:, :, None] * np.exp(raised) + other * np.exp(np.clip(silent, -5, 5)) * (1 - chance[:, :, None])
            plain = own * chance[:, :, None] + other * (1 - chance[:, :, None])
            self.answered[rows] += np.log(np.maximum(after, 1e-12)) - np.log(np.maximum(plain, 1e-12))

    def moments(self, price_mean: Array, price_variance: Array) -> tuple[Array, Array]:
        """`(n, h)` mean and variance of responsiveness, by haste.

        Args:
            price_mean: `(n,)` of the index of price sensitivity.
            price_variance: the same.
        """
        rate = self.of_rate @ self.rate
        spread = self.of_rate @ self.rate**2 - rate**2
        mean = self._expected(rate[:, None], self.haste, price_mean[:, None], self._new[:, None])
        by, hidden = self._weights()
        variance = by[0] ** 2 * spread + by[3] ** 2 * price_variance + hidden
        weight = np.exp(-((_INDEX - mean[:, :, None]) ** 2) / (2 * np.maximum(variance, 1e-6))[:, None, None] + self._relative())
        weight /= weight.sum(axis=2, keepdims=True)
        value = self.responsiveness(_INDEX)
        expected = weight @ value
        return expected, weight @ value**2 - expected**2

    def draw(self, rows: Numbers, haste: Numbers, price: Array, random: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw opening rates and responsiveness, to be weighted by what was answered.

        Args:
            rows: `(r,)` customers.
            haste: `(r, m)` points.
            price: `(r, m)` index of price sensitivity.
            random: source of chance.

        Returns:
            `(r, m)` each: logit of opening, responsiveness, weight.
        """
        reached = np.cumsum(self.of_rate[rows], axis=1)
        rate = self.rate[(reached[:, None, :-1] <= random.random((*haste.shape, 1))).sum(axis=2)]
        _, hidden = self._weights()
        index = self._expected(rate, self.haste[haste], price, self._new[rows][:, None])
        index = index + np.sqrt(hidden) * random.standard_normal(index.shape)
        place = np.clip((index - _INDEX[0]) / (_INDEX[1] - _INDEX[0]), 0, len(_INDEX) - 1.001)
        low = place.astype(np.int64)
        answered, line = self._relative(), rows[:, None]
        fit = answered[line, haste, low] * (low + 1 - place) + answered[line, haste, low + 1] * (place - low)
        return self.logit(rate), self.responsiveness(index), np.exp(fit)

    def _relative(self) -> Array:
        """Log likelihoods less their greatest, so that none overflows."""
        relative: Array = self.answered - self.answered.max(axis=(1, 2), keepdims=True)
        return relative

    @property
    def _new(self) -> Array:
        return np.where(self.arrives > 0, 1.0, -0.5)

    def _weights(self) -> tuple[Array, float]:
        response = self.world.response
        by = np.array([response.opening, response.dawdling, response.newness, response.price])
        norm = np.sqrt((by**2).sum()) or 1.0
        weights: Array = np.sqrt(1 - response.hidden) * by / norm
        return weights, response.hidden

    def _expected(self, rate: Array, haste: Array, price: Array, new: Array) -> Array:
        by, _ = self._weights()
        expected: Array = by[0] * rate - by[1] * haste + by[2] * new + by[3] * price
        return expected
