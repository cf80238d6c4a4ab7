"""A policy lived through: week after week it is asked whom to send what, and what it was worth is kept, seen and true."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.simulation.draws import Purpose
from training.simulation.state import NOTHING, State
from training.simulation.truth import Truth, truth
from training.simulation.world import WEEK, Happened, World

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
Known = Callable[[], Truth]


class Policy(Protocol):
    """Chooses once a week and is told of every day."""

    def choose(self, week: int, state: State, known: Known) -> Numbers:
        """`(n,)` number of the offer to send to each customer this morning, `NOTHING` for none.

        Args:
            week: live weeks count from 1.
            state: of the morning. A policy that a shop could have looks at nothing in it but who can be reached.
            known: tells the truth of the morning; for oracles, and for peers whom it only makes stronger.
        """
        ...

    def told(self, week: int, days: list[Happened]) -> None:
        """The week is over, and this is what happened."""
        ...


@dataclass(frozen=True)
class Trajectory:
    """What became of a policy; `w` weeks, `n` customers.

    Attributes:
        margin: `(w, n)` realised, contact costs taken off.
        true: `(w, n)` true myopic effect of what was sent, as of that morning.
        messages: `(w, n)` whether anything was sent.
        offers: `(w, n)` its number; `NOTHING` for none.
        reachable: `(w, n)` at the end of each week, of those who are there.
        there: `(n,)` who is there at the end.
    """

    margin: Array
    true: Array
    messages: NDArray[np.bool_]
    offers: Numbers
    reachable: NDArray[np.bool_]
    there: NDArray[np.bool_]


Watch = Callable[[int, State, Known, Numbers], None]


def live(world: World, state: State, policy: Policy, weeks: int, *, watch: Watch = lambda *_: None) -> Trajectory:
    """Let a policy run.

    Args:
        world: as drawn.
        state: of the first morning; changed.
        policy: whose turn it is every seventh morning.
        weeks: how many.
        watch: told the week, the morning's state, who tells its truth, and what was chosen, before the week passes.
    """
    n = world.people.count
    margin, true = np.zeros((weeks, n)), np.zeros((weeks, n))
    offers, reachable = np.full((weeks, n), NOTHING), np.zeros((weeks, n), np.bool_)
    for week in range(weeks):
        known = functools.cache(functools.partial(truth, world, state))
        actions = np.where(world.addressable(state), policy.choose(week + 1, state, known), NOTHING)
        watch(week + 1, state, known, actions)
        sends = np.flatnonzero(actions != NOTHING)
        if len(sends):
            true[week, sends] = known().margin[sends, actions[sends]]
        margin[week, sends] -= world.parameters.messages.cost
        days = [world.step(state, actions if day == 0 else None) for day in range(WEEK)]
        for happened in days:
            np.add.at(margin[week], happened.lines.customer, happened.lines.margin)
        offers[week], reachable[week] = actions, state.reachable & world.there(state)
        policy.told(week + 1, days)
    return Trajectory(margin, true, offers != NOTHING, offers, reachable, world.there(state))


def before_live(world: World, state: State, *, watch: Callable[[Happened], None] = lambda _: None) -> None:
    """Live the history as the shop did: content for everybody now and then, coupons dealt by lot in the other weeks.

    Args:
        world: as drawn.
        state: of day 0; changed.
        watch: told every day.
    """
    history, n = world.parameters.history, world.people.count
    content = [number for number, offer in enumerate(world.offers.found) if offer.kind == "content"]
    coupons = [number for number, offer in enumerate(world.offers.found) if offer.kind == "coupon"]
    for week in range(history.weeks):
        actions = np.full(n, NOTHING)
        lot = world.draws.uniform(Purpose.MAILING, n, week)
        if week % history.content_every_weeks == 0 and content:
            actions[:] = content[0]
        elif coupons:
            which = world.draws.uniform(Purpose.MAILING_OFFER, n, week)
            actions = np.where(lot < history.coupon_share, np.array(coupons)[(which * len(coupons)).astype(np.int64)], NOTHING)
        for day in range(WEEK):
            watch(world.step(state, actions if day == 0 else None))
