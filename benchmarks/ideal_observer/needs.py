"""Who needs what: an exact forward filter over the days since each need was last stilled, its cycle, the haste of the person, and life.

Given haste and the spell of the week, categories share nothing but what is known of a person's life, so each is filtered by itself. Where
spells change from week to week the categories are taken to be independent given haste and this week's spell alone; that is the one thing
about needs that is not exact (a factored filter; Boyen and Koller 1998), and without spells it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.grid import Evidence, Grid, normal_points
from benchmarks.ideal_observer.lifts import WAITING, Lifts
from benchmarks.ideal_observer.masses import Lot, Masses
from benchmarks.ideal_observer.sightings import Seen
from training.simulation.parameters import WorldParameters
from training.simulation.world import VIEWS_WAITING, WEEK

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

_YEAR = 365.0
_RATES = 9  # points of the daily chance of leaving for good


@dataclass(frozen=True)
class Drawn:
    """States of needs that may be true, `(…, k)` each.

    Attributes:
        used: the category is used.
        waits: a new need waits.
        age, cycle: days.
    """

    used: Flags
    waits: Flags
    age: Array
    cycle: Array

    def flat(self) -> Drawn:
        """One after the other, `(m, k)`."""
        k = self.age.shape[-1]
        return Drawn(self.used.reshape(-1, k), self.waits.reshape(-1, k), self.age.reshape(-1, k), self.cycle.reshape(-1, k))


@dataclass
class Needs:
    """What is known in the morning of `day`; `n` customers, `k` categories, `h` points of haste, `s` of spells.

    Attributes:
        world: its equations.
        grid: of what is not seen.
        arrives: `(n,)` first day of each customer, ascending: the shop sees who signs up.
        season: `(days, k)` factor on needs, regimes counted in.
        evidence: what is used.
        day: that begins.
        unused, waiting: `(n, k, h, s)` chance that the category is not used yet, and that a new need for it waits; the rest is in `masses`.
        masses: by category, of who uses it.
        person: `(n, h, s)` chance of haste and spell, given life.
        alive: `(n,)` chance to be a customer still.
        needed, pointed: `(n, k, h)` for whom a message works: chance of a purchase on the day before without it, and by how much of the
            message's strength it is raised.
    """

    world: WorldParameters
    grid: Grid
    arrives: Numbers
    season: Array
    evidence: Evidence
    day: int = 0
    unused: Array = field(init=False)
    waiting: Array = field(init=False)
    masses: list[Masses] = field(init=False)
    person: Array = field(init=False)
    alive: Array = field(init=False)
    needed: Array = field(init=False)
    pointed: Array = field(init=False)

    def __post_init__(self) -> None:
        """Nobody is there yet."""
        n, k, h, s = len(self.arrives), len(self.world.categories), len(self.grid.haste), len(self.grid.spell)
        self.unused, self.waiting = np.ones((n, k, h, s)), np.zeros((n, k, h, s))
        self.masses = [Masses(self.grid, c, self.world.needs.most_per_day) for c in range(k)]
        self.person = np.broadcast_to(self.grid.haste_weight[:, None] / s, (n, h, s)).copy()
        self.alive = np.ones(n)
        yearly = np.array([c.later for c in self.world.categories])
        self._begins = 1 - (1 - yearly) ** (1 / _YEAR)
        rates = np.minimum(self.world.people.dying_per_day * np.exp(self.world.people.dying_spread * normal_points(_RATES)), 0.05)
        self._rates = rates * self.evidence.silence
        self._arrive()

    @property
    def there(self) -> int:
        """How many have arrived: the first ones."""
        return int(np.searchsorted(self.arrives, self.day, side="right"))

    def dying(self, tenure: Array) -> Array:
        """`(n, rates)` how likely each daily chance of leaving is for who has stayed so many days."""
        weight = (1 - self._rates) ** np.maximum(tenure, 0.0)[:, None]
        posterior: Array = weight / weight.sum(axis=1, keepdims=True)
        return posterior

    @property
    def rates(self) -> Array:
        """`(rates,)` daily chances of leaving."""
        return self._rates

    def step(self, seen: Seen, share: Array, lifts: Lifts) -> None:
        """Learn from a day, and let it pass.

        Args:
            seen: what was seen of it.
            share: `(n, k)` expected share of the taste that was in stock.
            lifts: of the messages that work today.
        """
        n, k, h, _s = self.unused.shape
        factor = (self.season[self.day] * share)[:, :, None] * self.grid.spell
        begins = self.unused * self._begins[:, None, None]
        waiting, unused = self.waiting + begins, self.unused - begins
        viewed, own, other = (x[:, :, None, None].astype(np.float64) for x in (seen.viewed, seen.own, seen.other))
        plain = factor[:, :, None, :] / self.world.needs.first_purchase_days
        lift = _lift_of_waiting(lifts)
        buys = np.minimum(plain * np.exp(lift)[:, :, :, None], self.world.needs.most_per_day)
        if self.evidence.looks:
            waiting = waiting * np.where(viewed > 0, VIEWS_WAITING, 1 - VIEWS_WAITING)
            unused = unused * (1 - viewed)
        begun, waiting = waiting * buys * own, waiting * (1 - buys) * other
        unused = unused * other
        self.needed, self.pointed = np.zeros((n, k, h)), np.zeros((n, k, h))
        waits = (lifts.running & (lifts.follows == WAITING))[:, None, None] & lifts.targets[:, :, None]
        spell = self.person / self.person.sum(axis=2, keepdims=True)
        chance = (self.waiting * plain * spell[:, None]).sum(axis=3) * waits
        self.needed, self.pointed = chance, chance * (lifts.strength * lifts.fade)[:, None, None]
        total = unused + waiting + begun
        looks = seen.viewed & self.evidence.looks
        for c, masses in enumerate(self.masses):
            masses.ready(np.flatnonzero(own[:, c, 0, 0] > 0))
            found = masses.step(self.day, Lot(looks[:, c], seen.own[:, c], seen.other[:, c], factor[:, c], begun[:, c], spell), lifts)
            total[masses.rows, c] += found.total
            self.needed[masses.rows, c] += found.needed
            self.pointed[masses.rows, c] += found.pointed
        total = np.maximum(total, 1e-30)
        self.unused, self.waiting = unused / total, waiting / total
        for c, masses in enumerate(self.masses):
            masses.scale /= total[masses.rows, c]
        self._live(seen, total)
        self.day += 1
        self._arrive()
        if self.day % WEEK == 0:
            self._week()

    def _live(self, seen: Seen, total: Array) -> None:
        there = self.there
        person = self.person[:there] * np.exp(np.log(total[:there]).sum(axis=1))
        likely = person.sum(axis=(1, 2))
        self.person[:there] = person / likely[:, None, None]
        living = self.alive[:there] * likely
        gone = (1 - self.alive[:there]) * ~seen.lives[:there]
        tenure = (self.day - self.arrives[:there]).astype(np.float64)
        stays = 1 - self.dying(tenure) @ self._rates
        self.alive[:there] = living / np.maximum(living + gone, 1e-300) * stays

    def _arrive(self) -> None:
        """Those whose first day this is: their needs are anywhere in the cycle on day 0, and near its end later."""
        new = np.flatnonzero(self.arrives == self.day)
        if not len(new):
            return
        low, high = (0.0, 1.3) if self.day == 0 else (0.8, 1.4)
        for c, (masses, category) in enumerate(zip(self.masses, self.world.categories, strict=True)):
            off = (1 - category.wanted) * (1 - self._begins[c]) ** self.day
            self.unused[new, c], self.waiting[new, c] = off, 1 - category.wanted - off
            masses.begin(new, category.wanted, low, high, self.day)

    def _week(self) -> None:
        """A new spell, where there are any; and what is as good as impossible is no longer carried."""
        there, s = self.there, len(self.grid.spell)
        mixed: Array | None = None
        if s > 1:
            stay = self.world.spells.staying
            change = np.where(np.eye(s) > 0, stay, (1 - stay) / max(s - 1, 1))
            joint = self.person[:, :, :, None] * change  # before, after
            after = joint.sum(axis=2)
            mixed = joint / np.maximum(after, 1e-300)[:, :, None, :]
            new = self.arrives == self.day
            mixed[new] = np.eye(s)
            self.person = np.where(new[:, None, None], self.person, after)
            for name in ("unused", "waiting"):
                setattr(self, name, np.einsum("nkhs,nhst->nkht", getattr(self, name), mixed))
        person = self.person[:there]
        for masses in self.masses:
            masses.week(person, mixed)

    def draw(self, rows: Numbers, haste: Numbers, spell: Numbers, random: np.random.Generator) -> Drawn:
        """Draw states of needs from what is known.

        Args:
            rows: `(r,)` customers.
            haste: `(r, m)` point of each draw.
            spell: the same.
            random: source of chance.

        Returns:
            `(r, m, k)` each.
        """
        shape = (*haste.shape, len(self.masses))
        used, waits = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        age, cycle = np.ones(shape), np.empty(shape)
        for c, masses in enumerate(self.masses):
            lot = random.random(haste.shape)
            unused = self.unused[rows[:, None], c, haste, spell]
            waiting = self.waiting[rows[:, None], c, haste, spell]
            carried = masses.place(rows) >= 0
            using = (lot >= unused + waiting) & carried[:, None]
            used[:, :, c], waits[:, :, c] = using, (lot >= unused) & ~using
            points = random.choice(len(self.grid.cycle_weight), size=haste.shape, p=self.grid.cycle_weight)
            age[:, :, c], cycle[:, :, c] = 1.0, self.grid.cycle[c][points]
            if carried.any():
                drawn = masses.draw(rows[carried], haste[carried], spell[carried], self.day, random)
                for into, value in zip((age, cycle), drawn, strict=True):
                    into[carried, :, c] = np.where(using[carried], value, into[carried, :, c])
        return Drawn(used, waits, age, cycle)


def _lift_of_waiting(lifts: Lifts) -> Array:
    """`(n, k, h)` for who waits: wholly by offers of new needs, half by discounts."""
    pull = (lifts.strength * (lifts.follows == WAITING) * lifts.running * lifts.fade)[:, None]
    moved = lifts.mean * pull + 0.5 * lifts.variance * pull**2 + 0.5 * (lifts.price * lifts.running * lifts.fade)[:, None]
    lift: Array = moved[:, None, :] * lifts.targets[:, :, None]
    return lift
