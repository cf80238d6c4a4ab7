"""What products somebody likes and how they mind prices, by what they took and looked at: importance sampling from the population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.grid import normal_points
from benchmarks.ideal_observer.sightings import Choice
from training.simulation.parameters import WorldParameters

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_PRICES, _TASTES = 9, 256


@dataclass(frozen=True)
class Tastes:
    """Of `n` customers; `q` points of price sensitivity, `j` tastes of a category's products at each.

    Attributes:
        price: `(q,)` standard normal index of price sensitivity.
        of_price: `(n, q)` how likely each is.
        liking: by category, `(q, j, products)`; the tastes that were drawn.
        of_taste: by category, `(n, q, j)` how likely each is, given the price point.
    """

    price: Array
    of_price: Array
    liking: list[Array]
    of_taste: list[Array]

    @property
    def mean(self) -> Array:
        """`(n, p)` expected taste."""
        return np.concatenate(
            [
                np.einsum("nq,nqj,qjp->np", self.of_price, w, liking, optimize=True)
                for w, liking in zip(self.of_taste, self.liking, strict=True)
            ],
            axis=1,
        )

    def moments(self) -> tuple[Array, Array]:
        """`(n,)` mean and variance of the price index."""
        mean = self.of_price @ self.price
        return mean, self.of_price @ self.price**2 - mean**2

    def draw_price(self, rows: NDArray[np.int64], draws: int, random: np.random.Generator) -> NDArray[np.int64]:
        """`(rows, draws)` price points."""
        reached = np.cumsum(self.of_price[rows], axis=1)
        points: NDArray[np.int64] = (reached[:, None, :-1] <= random.random((len(rows), draws, 1))).sum(axis=2)
        return points

    def draw_liking(self, rows: NDArray[np.int64], price: NDArray[np.int64], random: np.random.Generator) -> Array:
        """`(rows, draws, p)` tastes at the price points drawn."""
        parts = []
        for weight, liking in zip(self.of_taste, self.liking, strict=True):
            reached = np.cumsum(weight[rows], axis=2)
            reached /= reached[:, :, -1:]
            count, points = reached.shape[0] * reached.shape[1], reached.shape[2]
            line = np.arange(len(rows))[:, None] * reached.shape[1] + price
            flat = (reached.reshape(count, points) + np.arange(count)[:, None]).ravel()
            at = np.minimum(np.searchsorted(flat, random.random(price.shape) + line, side="right") - line * points, points - 1)
            parts.append(liking[price, at])
        return np.concatenate(parts, axis=2)


def tastes_of(world: WorldParameters, choices: Sequence[Choice], stocked: Flags, customers: int, *, seed: int = 0) -> Tastes:
    """Learn them.

    Args:
        world: whose population is drawn from.
        choices: everything that was taken or looked at.
        stocked: `(days, p)` what could be bought.
        customers: how many there are.
        seed: of the tastes drawn.
    """
    random = np.random.default_rng(seed)
    price = normal_points(_PRICES)
    log_price, weights, tastes, first = np.zeros((customers, _PRICES)), [], [], 0
    nothing = np.zeros(0, np.int64)
    customer, product = (np.concatenate([nothing, *(getattr(c, name) for c in choices)]) for name in ("customer", "product"))
    there = np.concatenate([stocked[:0], *(stocked[c.day][None, :].repeat(len(c.product), axis=0) | (not c.bought) for c in choices)])
    for category in world.categories:
        count = len(category.prices)
        relative = np.log(np.array(category.prices) / np.mean(category.prices))
        drawn = world.people.taste * random.standard_normal((1, _TASTES, count)) - np.exp(0.5 * price)[:, None, None] * relative
        liking = np.exp(drawn)
        liking /= liking.sum(axis=2, keepdims=True)
        mine = np.flatnonzero((product >= first) & (product < first + count))
        fit = np.zeros((customers, _PRICES, _TASTES))
        for one in mine.tolist():
            fit[customer[one]] += np.log(liking[:, :, product[one] - first]) - np.log(liking @ there[one, first : first + count])
        top = fit.max(axis=(1, 2), keepdims=True)
        weight = np.exp(fit - top)
        log_price += np.log(weight.mean(axis=2)) + top[:, :, 0]
        weights.append(weight / weight.sum(axis=2, keepdims=True))
        tastes.append(liking)
        first += count
    of_price = np.exp(log_price - log_price.max(axis=1, keepdims=True))
    return Tastes(price, of_price / of_price.sum(axis=1, keepdims=True), tastes, weights)
