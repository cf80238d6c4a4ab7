"""The chance of every age, cycle, haste and spell of one category's need, of the customers who may use it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.grid import Grid
from benchmarks.ideal_observer.lifts import LATE, WAITING, Lifts, Working
from training.simulation.world import WEEK

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Single = NDArray[np.float32]

_ROOM = 64  # rows kept free for who comes within a week
_CARRIED = 1e-4  # who uses the category with less than this chance is no longer carried


@dataclass(frozen=True)
class Lot:
    """What a day brought in one category; `r` customers, `h` points of haste, `s` of spells.

    Attributes:
        viewed, own, other: `(r,)` as in `Seen`.
        factor: `(r, s)` on purchases.
        begun: `(r, h, s)` chance that a need begins by its first purchase today.
        spell: `(r, h, s)` chance of each spell, given haste.
    """

    viewed: Flags
    own: Array
    other: Array
    factor: Array
    begun: Array
    spell: Array

    def of(self, rows: Numbers) -> Lot:
        """The same of some."""
        return Lot(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Found:
    """Of a day and the rows carried; `(m, h, s)` and `(m, h)`.

    Attributes:
        total: chance of what was seen, with using the category.
        needed: chance of a purchase if the message that works did not.
        pointed: the same, times how much of the log hazard it raises at responsiveness 1.
    """

    total: Array
    needed: Array
    pointed: Array


@dataclass(frozen=True)
class _Tables:
    """A point of the cycle on a day, by place of the ring.

    Attributes:
        here, look: `(h, a)` daily chance of a purchase and of a look.
        away: `(a,)` of a purchase elsewhere.
        willing: `(a,)` share of a discount's pull.
        follows: `(3, a)` what an offer's effect is in proportion to, in the morning of the week, by `Lifts.follows`.
    """

    here: Single
    look: Single
    away: Single
    willing: Single
    follows: Single


class Masses:
    """One category. Ages are kept in a ring: a place stands for the day on which the need was stilled, so that nothing moves as days pass.

    Attributes:
        rows: `(m,)` customers carried.
        scale: `(m, h, s)` times what is kept is the chance; so that not everything need be divided every day.
    """

    def __init__(self, grid: Grid, category: int, most: float) -> None:
        self._grid, self._category, self._most = grid, category, most
        self.rows = np.zeros(0, np.int64)
        h, s = len(grid.haste), len(grid.spell)
        self.scale = np.ones((0, h, s))
        self._kept = np.zeros((len(grid.cycle_weight), _ROOM, h, s, grid.ages), np.float32)
        self._where = np.zeros(0, np.int64)

    def place(self, customers: Numbers) -> Numbers:
        """`(c,)` row of each customer; −1 where not carried."""
        found = np.full(len(customers), -1)
        inside = customers < len(self._where)
        found[inside] = self._where[customers[inside]]
        return found

    def ready(self, customers: Numbers) -> None:
        """Carry these customers, too, if they are not; nothing of them yet."""
        self._append(customers[self.place(customers) < 0])

    def begin(self, customers: Numbers, wanted: float, low: float, high: float, day: int) -> None:
        """Customers who arrive: their ages are anywhere between two shares of the cycle."""
        self._append(customers)
        places = self.place(customers)
        edges = np.arange(self._grid.ages + 1) + 0.5
        edges[0], edges[-1] = -np.inf, np.inf
        for point, cycle in enumerate(self._grid.cycle[self._category]):
            mass = np.diff(np.clip((edges / cycle - low) / (high - low), 0.0, 1.0)) * wanted * self._grid.cycle_weight[point]
            self._kept[point, places] = mass[self._ages(day) - 1]

    def step(self, day: int, lot: Lot, lifts: Lifts) -> Found:
        """Learn from a day, and let it pass; chances are left undivided by their total.

        Args:
            day: of the world.
            lot: what it brought, to everybody.
            lifts: the messages that work.
        """
        rows, m, ring = self.rows, len(self.rows), self._grid.ages
        lifted = lifts.running[rows] & lifts.targets[rows, self._category] & (lifts.follows[rows] != WAITING)
        apart = np.flatnonzero(lifted | lot.viewed[rows] | (lot.own[rows] > 0))
        working = lifts.of(rows[apart], self._category)
        some = lot.of(rows[apart])
        weight = self.scale[apart] * some.spell * some.factor[:, None, :]
        total, needed = np.zeros((m, *self.scale.shape[1:])), np.zeros((m, self.scale.shape[1]))
        pointed = needed.copy()
        today, oldest = day % ring, (day + 1) % ring
        minus = -lot.factor[rows].astype(np.float32)[:, None, :, None]
        for point in range(len(self._kept)):
            kept, tables = self._kept[point, :m], self._tables(point, day)
            mine = kept[apart]
            unseen = (1 - tables.look) * (1 - tables.away)
            passing = (unseen * tables.here)[None, :, None, :] * minus
            passing += unseen[None, :, None, :]
            kept *= passing
            columns = np.stack([np.ones_like(tables.away), tables.away / (1 - tables.away)], axis=1)
            summed = (kept.reshape(-1, ring) @ columns).reshape(*total.shape, 2)
            stilled = summed[..., 1].astype(np.float64)
            if len(apart):
                chances = _chances(mine, tables) * weight[..., None]
                needed[apart] += chances[..., 0].sum(axis=2) * (working.strength > 0)[:, None]
                late = (working.follows == LATE)[:, None, None]
                pointed[apart] += np.where(late, chances[..., 2], chances[..., 1]).sum(axis=2) * working.strength[:, None]
                kept[apart], stilled[apart] = _apart(mine, some, tables, working, self._most)
                summed[apart, ..., 0] = kept[apart].sum(axis=-1)
            total += summed[..., 0] + stilled
            kept[..., oldest] += kept[..., today]
            kept[..., today] = stilled + lot.begun[rows] * self._grid.cycle_weight[point] / self.scale
        return Found(total * self.scale, needed, pointed)

    def week(self, person: Array, mixed: Array | None) -> None:
        """Fold the scale in, mix spells, and drop who hardly uses the category."""
        kept = self._kept[:, : len(self.rows)]
        kept *= self.scale[None, ..., None].astype(np.float32)
        using = (kept.sum(axis=(0, 4)) * person[self.rows]).sum(axis=(1, 2))
        keep = np.flatnonzero(using > _CARRIED)
        kept = kept[:, keep]
        self._carry(self.rows[keep], np.ones((len(keep), *self.scale.shape[1:])), kept)
        if mixed is not None:
            m = len(self.rows)
            self._kept[:, :m] = np.einsum("cmhsa,mhst->cmhta", kept, mixed[self.rows].astype(np.float32), optimize=True)

    def draw(self, customers: Numbers, haste: Numbers, spell: Numbers, day: int, random: np.random.Generator) -> tuple[Array, Array]:
        """`(r, draws)` ages and cycles of customers carried, given that they use the category."""
        places, (h, s), a = self.place(customers), self.scale.shape[1:], self._grid.ages
        kept = self._kept[:, places].transpose(1, 2, 3, 0, 4).reshape(len(places) * h * s, -1).astype(np.float64)
        reached = np.cumsum(kept, axis=1)
        reached /= np.maximum(reached[:, -1:], 1e-300)
        line = (np.arange(len(places))[:, None] * h + haste) * s + spell
        flat = (reached + np.arange(len(reached))[:, None]).ravel()
        at = np.searchsorted(flat, line + random.random(line.shape), side="right") - line * kept.shape[1]
        at = np.clip(at, 0, kept.shape[1] - 1)
        age: Array = self._ages(day)[at % a].astype(np.float64)
        return age, self._grid.cycle[self._category][at // a]

    def _tables(self, point: int, day: int) -> _Tables:
        ages, c = self._ages(day) - 1, self._category
        need = self._grid.need[c, point]
        # The need that a message found is that of its morning; who was stilled since hardly buys again this week.
        sent = np.maximum(ages - day % WEEK, 0)
        follows = np.stack([need[sent], self._grid.late[c, point][sent], np.zeros(len(ages))])
        tables = (self._grid.here[c, point][:, ages], self._grid.viewed[c, point][:, ages], self._grid.elsewhere[c, point, ages])
        return _Tables(*(table.astype(np.float32) for table in (*tables, 0.3 + 0.7 * need[ages], follows)))

    def _ages(self, day: int) -> Numbers:
        """`(a,)` age of each place of the ring in the morning of a day."""
        return (day - np.arange(self._grid.ages) - 1) % self._grid.ages + 1

    def _append(self, customers: Numbers) -> None:
        if not len(customers):
            return
        m, more = len(self.rows), len(customers)
        if m + more > self._kept.shape[1]:
            self._carry(self.rows, self.scale, self._kept[:, :m], room=more + _ROOM)
        self._kept[:, m : m + more] = 0
        self.rows = np.concatenate([self.rows, customers])
        self.scale = np.concatenate([self.scale, np.ones((more, *self.scale.shape[1:]))])
        self._index()

    def _carry(self, rows: Numbers, scale: Array, kept: Single, room: int = _ROOM) -> None:
        shape = (kept.shape[0], len(rows) + room, *kept.shape[2:])
        self._kept = np.zeros(shape, np.float32)
        self._kept[:, : len(rows)] = kept
        self.rows, self.scale = rows, scale
        self._index()

    def _index(self) -> None:
        self._where = np.full(int(self.rows.max(initial=-1)) + 1, -1)
        self._where[self.rows] = np.arange(len(self.rows))


def _chances(mine: Single, tables: _Tables) -> Array:
    """`(r, h, s, 3)`: of a purchase without a message, and times the need and the lateness of the morning of sending."""
    found = np.empty((*mine.shape[:3], 3))
    for h, here in enumerate(tables.here):
        columns = np.stack([here, here * tables.follows[0], here * tables.follows[1]], axis=1)
        found[:, h] = (mine[:, h].reshape(-1, mine.shape[3]) @ columns).reshape(len(mine), mine.shape[2], 3)
    return found


def _apart(mine: Single, lot: Lot, tables: _Tables, working: Working, most: float) -> tuple[Single, Array]:
    """Rows on which something was seen or a message works: what stays, and what was stilled today; `mine` is used up."""
    gained = (tables.follows[working.follows] * working.strength[:, None]).astype(np.float32)[:, None, :]
    lift = working.mean.astype(np.float32)[:, :, None] + (0.5 * working.variance).astype(np.float32)[:, :, None] * gained
    lift *= gained
    lift += working.price.astype(np.float32)[:, None, None] * tables.willing
    hazard = tables.here * np.exp(np.minimum(lift, 5.0, out=lift), out=lift)
    buys = np.minimum(hazard[:, :, None, :] * lot.factor.astype(np.float32)[:, None, :, None], np.float32(most))
    seen = np.flatnonzero(lot.viewed)
    looked = mine[seen] * tables.look[None, :, None, :]
    mine *= (1 - tables.look)[None, :, None, :]
    mine[seen] = looked
    buys *= mine
    mine -= buys
    mine *= lot.other.astype(np.float32)[:, None, None, None]
    stilled = buys.sum(axis=-1) * lot.own[:, None, None] + mine @ tables.away
    mine *= 1 - tables.away
    return mine, stilled
