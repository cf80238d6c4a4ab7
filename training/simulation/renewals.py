"""Purchases of one need over the coming days, in expectation: an exact recursion over the days since the need was last stilled.

Within a category the only thing that chance moves is that age, and it can only grow by a day or fall to 0. So the masses of the ages carry
everything: one that has grown since today, and one for every day on which the need may have been stilled since.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hazards:
    """Daily chances before what multiplies them; `n` customers, `h` days.

    Attributes:
        first, rival_first: `(h, n)` of a purchase here and elsewhere, while the need has not been stilled since today.
        again, rival_again: `(h, n)` the same by days since it was stilled; row 0 is the day after.
        most: no chance of a purchase is above it.
    """

    first: Array
    rival_first: Array
    again: Array
    rival_again: Array
    most: float

    def of(self, rows: NDArray[np.int64]) -> Hazards:
        """The same for some of the customers."""
        return Hazards(self.first[:, rows], self.rival_first[:, rows], self.again[:, rows], self.rival_again[:, rows], self.most)


@dataclass(frozen=True)
class Expected:
    """What is expected of customers who stay alive.

    Attributes:
        purchases: `(h, n)` expected purchases of each day.
        none: `(h, n)` chance of no purchase up to and including each day.
    """

    purchases: Array
    none: Array


def expected(hazards: Hazards, factor: Array) -> Expected:
    """Run the recursion.

    Args:
        hazards: before the factor.
        factor: `(h, n)` by which purchases here become more or less likely on each day (season, stock, spell, message).
    """
    days, n = factor.shape
    purchases, none = np.empty((days, n)), np.empty((days, n))
    grown = np.ones(n)  # not stilled since today
    without, after = np.zeros((days, n)), np.zeros((days, n))  # by days since it was stilled: never bought here since today; bought
    for day in range(days):
        buy = np.minimum(hazards.first[day] * factor[day], hazards.most)
        bought, away = grown * buy, grown * (1 - buy) * hazards.rival_first[day]
        grown = grown - bought - away
        fresh_without, fresh_after = away, bought
        if day:
            buy = np.minimum(hazards.again[:day] * factor[day], hazards.most)
            stay = (1 - buy) * (1 - hazards.rival_again[:day])
            elsewhere = 1 - buy - stay
            first_time = (without[:day] * buy).sum(axis=0)
            repeat = (after[:day] * buy).sum(axis=0)
            fresh_after = fresh_after + first_time + repeat + (after[:day] * elsewhere).sum(axis=0)
            fresh_without = fresh_without + (without[:day] * elsewhere).sum(axis=0)
            bought = bought + first_time + repeat
            without[1 : day + 1] = without[:day] * stay
            after[1 : day + 1] = after[:day] * stay
        without[0], after[0] = fresh_without, fresh_after
        purchases[day] = bought
        none[day] = grown + without[: day + 1].sum(axis=0)
    return Expected(purchases, none)
