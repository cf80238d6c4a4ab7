"""What the shop sees of a day, in numbers: looks, purchases that still a need, messages and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.simulation.state import NOTHING
from training.simulation.world import Happened, World

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

TWO_AT_A_TIME = 0.3  # as `training.simulation.people` draws quantities


@dataclass(frozen=True)
class Seen:
    """A day; `n` customers, `k` categories.

    Attributes:
        day: which.
        viewed: `(n, k)` looked at a product of the category.
        own: `(n, k)` likelihood of what was bought, if the need for the category was stilled by a purchase here; 0 if nothing was bought.
        other: `(n, k)` the same if it was not: 1 if nothing was bought, 0 if what was bought cannot have been taken along.
        sent: `(n,)` number of the offer that was sent; `NOTHING` where none was.
        opened, clicked: `(n,)` of that message.
        lives: `(n,)` bought or looked at something.
    """

    day: int
    viewed: Flags
    own: Array
    other: Array
    sent: Numbers
    opened: Flags
    clicked: Flags
    lives: Flags


@dataclass(frozen=True)
class Choice:
    """Products taken or looked at on a day: `customer` and `product`, `(m,)`; `bought`: it was in stock as all it was chosen among."""

    day: int
    customer: Numbers
    product: Numbers
    bought: bool


@dataclass
class Notebook:
    """Keeps what of the days before is needed to read the next.

    Attributes:
        world: of which nothing is read that a shop would not know, or the file would not say.
        quantity: `(n, k)` how many are bought at a time; 0 where that was not seen yet.
        choices: of all days.
    """

    world: World
    quantity: Array
    choices: list[Choice] = field(default_factory=list)

    def read(self, happened: Happened) -> Seen:
        """Note a day."""
        n, k = self.quantity.shape
        viewed, one, two = np.zeros((n, k), np.bool_), np.zeros((n, k)), np.zeros((n, k))
        category = self.world.category_of
        viewed[happened.viewed[:, 0], category[happened.viewed[:, 1]]] = True
        lines = happened.lines
        np.add.at(one, (lines.customer, category[lines.product]), lines.quantity < 2)
        np.add.at(two, (lines.customer, category[lines.product]), lines.quantity >= 2)
        own, other = self._stilled(one, two)
        sure = other == 0
        self.quantity = np.where((self.quantity == 0) & sure, np.where(two > 0, 2.0, 1.0), self.quantity)
        self.choices += [
            Choice(happened.day, happened.viewed[:, 0], happened.viewed[:, 1], bought=False),
            Choice(happened.day, lines.customer, lines.product, bought=True),
        ]
        sent, opened, clicked = np.full(n, NOTHING), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        sent[happened.sent[:, 0]] = happened.sent[:, 1]
        opened[happened.sent[:, 0]], clicked[happened.sent[:, 0]] = happened.opened, happened.clicked
        lives: Flags = np.asarray(viewed.any(axis=1) | ((one + two) > 0).any(axis=1))
        return Seen(happened.day, viewed, own, other, sent, opened, clicked, lives)

    def _stilled(self, one: Array, two: Array) -> tuple[Array, Array]:
        """A single line of what is taken along with something else that was bought may be either; two at a time are never taken along."""
        lines = one + two
        own, other = (lines > 0).astype(np.float64), (lines == 0).astype(np.float64)
        for (first, second), chance in zip(self.world.offers.rules, self.world.offers.chances.tolist(), strict=True):
            either = (lines[:, first] > 0) & (one[:, second] == 1) & (two[:, second] == 0)
            known = self.quantity[either, second]
            single = np.where(known == 0, 1 - TWO_AT_A_TIME, known == 1)
            own[either, second], other[either, second] = single * (1 - chance), chance
        return own, other


def notebook(world: World) -> Notebook:
    """An empty one."""
    return Notebook(world, np.zeros((world.people.count, len(world.parameters.categories))))
