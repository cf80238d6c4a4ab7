"""What happens around the customers whatever anybody sends: seasons, sell-outs, hot and cold spells, regimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulation.draws import Draws, Purpose
from training.simulation.parameters import Regime, WorldParameters

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Surroundings:
    """Days of the world; `k` categories, `p` products.

    Attributes:
        season: `(days, k)` factor on needs.
        stocked: `(days, p)` whether the product can be bought.
        spell: `(weeks, n)` factor on needs.
        regime: `(days,)` number in `regimes`.
        regimes: factors; the first is all ones.
    """

    season: Array
    stocked: NDArray[np.bool_]
    spell: Array
    regime: NDArray[np.int64]
    regimes: tuple[Regime, ...]

    @property
    def days(self) -> int:
        """How many days are known."""
        return len(self.season)

    def at(self, day: int) -> Regime:
        """The regime of a day."""
        return self.regimes[int(self.regime[day])]

    def needs(self, day: int) -> Array:
        """`(n, k)` factor on the needs of a day; stock not counted in."""
        spell: Array = self.spell[day // 7][:, None] * self.season[day] * self.at(day).needs
        return spell


def draw_surroundings(world: WorldParameters, draws: Draws, people: int, days: int) -> Surroundings:
    """Draw so many days for so many people."""
    first = world.start.timetuple().tm_yday
    wave = np.array([[c.season, c.season_peak_day] for c in world.categories])
    angle = 2 * np.pi * (first + np.arange(days)[:, None] - wave[:, 1]) / 365.0
    starts = sorted(world.regimes, key=lambda regime: regime.from_week)
    weeks_live = np.arange(days) // 7 - world.history.weeks + 1
    regime = sum(((weeks_live >= r.from_week).astype(np.int64) for r in starts), np.zeros(days, np.int64))
    return Surroundings(
        season=1 + wave[:, 0] * np.cos(angle),
        stocked=_stock(world, draws, days),
        spell=_spells(world, draws, people, -(-days // 7)),
        regime=regime,
        regimes=(Regime(from_week=1), *starts),
    )


def _stock(world: WorldParameters, draws: Draws, days: int) -> NDArray[np.bool_]:
    products = sum(len(c.prices) for c in world.categories)
    chance = np.stack([draws.uniform(Purpose.STOCK, products, day) for day in range(days)])
    stocked = np.ones((days, products), np.bool_)
    for day in range(1, days):
        before = stocked[day - 1]
        stocked[day] = np.where(before, chance[day] >= world.stock.out_per_day, chance[day] < world.stock.back_per_day)
    return stocked


def _spells(world: WorldParameters, draws: Draws, people: int, weeks: int) -> Array:
    hot = draws.uniform(Purpose.SPELL, people) < 0.5
    spell = np.empty((weeks, people))
    for week in range(weeks):
        if week:
            hot = np.where(draws.uniform(Purpose.SPELL, people, week) < world.spells.staying, hot, ~hot)
        spell[week] = np.where(hot, world.spells.hot, world.spells.cold)
    return spell
