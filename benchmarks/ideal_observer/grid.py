"""The points on which the observer weighs what it cannot see, and what the world's equations say at each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from training.simulation.parameters import WorldParameters
from training.simulation.world import VIEWS_PER_NEED

Array = NDArray[np.float64]

LOOKED_MOST = 0.6  # as `World` bounds the daily chance of a look


@dataclass(frozen=True)
class Evidence:
    """What the observer uses. All of it by default; less to see what each part is worth.

    Attributes:
        looks: product views.
        pace: how fast somebody buys and uses up, learned from their purchases; else everybody's is the population's median.
        elsewhere: that the need may have been stilled by a purchase elsewhere.
        clicks: what was clicked of what was opened.
        silence: that who has not been seen for long may have left for good.
    """

    looks: bool = True
    pace: bool = True
    elsewhere: bool = True
    clicks: bool = True
    silence: bool = True


@dataclass(frozen=True)
class Grid:
    """`k` categories, `c` points of a cycle, `h` of haste, `s` of spells, `a` ages: 1 to a days, the last for all above.

    Attributes:
        haste: `(h,)` standard normal index of how fast somebody buys what they need; `haste_weight` of the population.
        cycle: `(k, c)` days; `cycle_weight` `(c,)`.
        spell: `(s,)` factor on a week's needs.
        need: `(k, c, a)` how far a need is there.
        late: `(k, c, a)` relevance of winning back.
        here: `(k, c, h, a)` daily chance of a purchase here, before what multiplies it.
        viewed: `(k, c, h, a)` of a look; 0 everywhere if looks are not used.
        elsewhere: `(k, c, a)` of a purchase elsewhere.
    """

    haste: Array
    haste_weight: Array
    cycle: Array
    cycle_weight: Array
    spell: Array
    need: Array
    late: Array
    here: Array
    viewed: Array
    elsewhere: Array

    @property
    def ages(self) -> int:
        """How many."""
        return int(self.need.shape[-1])


def make_grid(world: WorldParameters, *, hastes: int = 7, cycles: int = 7, ages: int = 200, evidence: Evidence = Evidence()) -> Grid:
    """Tabulate a world.

    Args:
        world: whose equations.
        hastes: points, from −2.1 to 2.1 deviations of a normal.
        cycles: the same.
        ages: days; from there on a need does not grow.
        evidence: what is used of it.
    """
    haste, haste_weight = _normal(hastes if evidence.pace else 1)
    point, cycle_weight = _normal(cycles if evidence.pace else 1)
    typical, spread = np.array([(c.cycle_days, c.cycle_spread) for c in world.categories]).T
    cycle = typical[:, None] * np.exp(spread[:, None] * point)
    used = np.arange(1, ages + 1) / cycle[:, :, None]
    need = used**world.needs.sharpness / (1 + used**world.needs.sharpness)
    speed = world.needs.plateau * np.exp(world.people.need_spread * haste) / cycle[:, :, None]
    here = speed[:, :, :, None] * need[:, :, None, :]
    spells = (world.spells.hot, world.spells.cold)
    return Grid(
        haste=haste,
        haste_weight=haste_weight,
        cycle=cycle,
        cycle_weight=cycle_weight,
        spell=np.array(spells if spells[0] != spells[1] else spells[:1]),
        need=need,
        late=np.clip((used - 1.3) / 0.7, 0.0, 1.0),
        here=here,
        viewed=np.minimum(VIEWS_PER_NEED * here, LOOKED_MOST) * evidence.looks,
        elsewhere=np.minimum(world.needs.rivals / cycle[:, :, None] * need, 1.0) * evidence.elsewhere,
    )


def _normal(points: int) -> tuple[Array, Array]:
    if points == 1:
        return np.zeros(1), np.ones(1)
    at = np.linspace(-2.1, 2.1, points)
    weight = np.exp(-(at**2) / 2)
    return at, weight / weight.sum()


def normal_points(points: int) -> Array:
    """`(points,)` standard normal ordinates, all as likely."""
    middle: Array = ndtri((np.arange(points) + 0.5) / points)
    return middle
