"""How the customers of a world stand on a day: what a policy can change."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.simulation.people import People

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

NOTHING = -1  # the number of no offer
_LONG_AGO = -10_000


@dataclass
class State:
    """`n` customers, `k` categories; changed in place by `World.step`.

    Attributes:
        day: that begins now.
        alive: `(n,)` still a customer, though nobody sees the difference.
        reachable: `(n,)` has not unsubscribed.
        wanted: `(n, k)` uses the category.
        age: `(n, k)` days since the need was last stilled, here or elsewhere.
        fatigue: `(n,)` messages remembered.
        offer: `(n,)` number of the last offer sent; `NOTHING` where none was.
        sent: `(n,)` day of it.
        lift: `(n, k)` rise of the log hazard by the last message on the day of sending; 0 where it was not opened.
        discount: `(n, k)` share of the price, while that message's window lasts.
        along: `(n, r)` added chance of each companion rule, for as long.
    """

    day: int
    alive: NDArray[np.bool_]
    reachable: NDArray[np.bool_]
    wanted: NDArray[np.bool_]
    age: Array
    fatigue: Array
    offer: Numbers
    sent: Numbers
    lift: Array
    discount: Array
    along: Array

    def copy(self) -> Self:
        """Another state, equal now."""
        arrays: dict[str, Any] = {f.name: value.copy() for f in fields(self) if isinstance(value := getattr(self, f.name), np.ndarray)}
        return replace(self, **arrays)


def first_state(people: People, rules: int) -> State:
    """Day 0, before anybody was sent anything."""
    n, k = people.cycle.shape
    return State(
        day=0,
        alive=np.ones(n, np.bool_),
        reachable=np.ones(n, np.bool_),
        wanted=people.wanted.copy(),
        age=people.first_age.copy(),
        fatigue=np.zeros(n),
        offer=np.full(n, NOTHING, np.int64),
        sent=np.full(n, _LONG_AGO, np.int64),
        lift=np.zeros((n, k)),
        discount=np.zeros((n, k)),
        along=np.zeros((n, rules)),
    )
