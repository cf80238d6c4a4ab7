"""How strongly the last message works on purchases, as far as the observer can tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.sightings import Seen
from training.simulation.people import NEVER, People
from training.simulation.response import sending
from training.simulation.state import NOTHING, State
from training.simulation.world import World

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

NEEDED, LATE, WAITING = 0, 1, 2  # what the effect of an offer is in proportion to


@dataclass
class Lifts:
    """Of everybody's last message; `n` customers, `k` categories, `h` points of haste.

    Attributes:
        running: `(n,)` it was opened and still works.
        follows: `(n,)` `NEEDED`, `LATE` or `WAITING`.
        strength: `(n,)` rise of the log hazard at responsiveness 1, where it is wholly to the point.
        price: `(n,)` the same by its discount.
        targets: `(n, k)` what it is about.
        mean, variance: `(n, h)` of the responsiveness.
        fade: share of all that which is left today.
    """

    running: Flags
    follows: Numbers
    strength: Array
    price: Array
    targets: Flags
    mean: Array
    variance: Array
    fade: float = 1.0

    def of(self, rows: Numbers, category: int) -> Working:
        """What works today on the purchases of a category by some customers."""
        on = (self.running[rows] & self.targets[rows, category]) * self.fade
        strength = self.strength[rows] * on * (self.follows[rows] != WAITING)
        return Working(self.follows[rows], strength, self.price[rows] * on, self.mean[rows], self.variance[rows])


@dataclass(frozen=True)
class Working:
    """As `Lifts`, faded, and 0 for whom nothing works."""

    follows: Numbers
    strength: Array
    price: Array
    mean: Array
    variance: Array


def no_lifts(customers: int, categories: int, hastes: int) -> Lifts:
    """Before anything was sent."""
    none = np.zeros(customers)
    by_haste = np.zeros((customers, hastes))
    return Lifts(
        none.astype(np.bool_), none.astype(np.int64), none, none.copy(), np.zeros((customers, categories), np.bool_), by_haste, by_haste
    )


def told(world: World, state: State, seen: Seen, sensitivity: Array, lifts: Lifts) -> Lifts:
    """The lifts after a morning's messages, whose responsiveness is filled in later.

    Args:
        world: its offers and equations.
        state: of the morning, of which only what the shop knows is read: fatigue, the message before, the day.
        seen: what was sent and opened.
        sensitivity: `(n,)` to prices, expected.
        lifts: of before; they run on for nobody, as windows end before the next morning.
    """
    kinds = {"winback": LATE, "new_need": WAITING}
    actions, opened = seen.sent, seen.opened
    strength, price, follows = np.zeros(len(actions)), np.zeros(len(actions)), np.zeros(len(actions), np.int64)
    targets = np.zeros_like(lifts.targets)
    for number in np.unique(actions[opened & (actions != NOTHING)]).tolist():
        rows = np.flatnonzero(opened & (actions == number))
        kind = world.offers.found[number].kind
        follows[rows] = kinds.get(kind, NEEDED)
        strength[rows] = _wholly(world, state, number, rows, 1.0, wanted=kind != "new_need")
        price[rows] = sensitivity[rows] * _wholly(world, state, number, rows, 0.0, wanted=True)
        targets[rows] = world.offers.targets[number]
    return Lifts(opened.copy(), follows, strength, price, targets, lifts.mean, lifts.variance)


def _wholly(world: World, state: State, number: int, rows: Numbers, responsiveness: float, *, wanted: bool) -> Array:
    """The lift for somebody of that responsiveness, and else of sensitivity 1, to whom the offer is wholly to the point."""
    k = len(world.parameters.categories)
    someone = some_people(
        world, len(rows), responsiveness=np.full(len(rows), responsiveness), sensitivity=np.full(len(rows), 1.0 - responsiveness)
    )
    someone = replace(someone, needed_from=np.zeros((len(rows), k), np.int64))
    lift = meant(world, state, number, rows, someone, wanted=np.full((len(rows), k), wanted), age=np.full((len(rows), k), 1e9))
    greatest: Array = lift.max(axis=1)
    return greatest


def meant(world: World, state: State, number: int, rows: Numbers, people: People, *, wanted: Flags, age: Array) -> Array:
    """`(rows, k)` lift of an offer for made-up people to whom what customers `rows` were sent before was sent."""
    known = replace(
        state,
        alive=np.ones(len(rows), np.bool_),
        reachable=np.ones(len(rows), np.bool_),
        wanted=wanted,
        age=age,
        fatigue=state.fatigue[rows],
        offer=state.offer[rows],
        sent=state.sent[rows],
    )
    regime = world.surroundings.at(state.day)
    return sending(world.parameters, world.offers, number, people=people, state=known, regime=regime).lift


def some_people(world: World, count: int, *, responsiveness: Array, sensitivity: Array, cycle: Array | None = None) -> People:
    """Made-up people of whom only what an offer's effect depends on is said."""
    k, nothing = len(world.parameters.categories), np.zeros(count)
    by_category = np.ones((count, k))
    never = np.full((count, k), NEVER, np.int64)
    return People(
        arrives=never[:, 0] * 0,
        dying=nothing,
        speed=by_category,
        rival=by_category,
        cycle=by_category if cycle is None else cycle,
        wanted=never < 0,
        needed_from=never,
        first_age=by_category,
        liking=by_category,
        quantity=by_category,
        sensitivity=sensitivity,
        opening=nothing,
        leaving=nothing,
        responsiveness=responsiveness,
    )
