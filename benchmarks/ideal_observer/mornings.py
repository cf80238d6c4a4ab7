"""A seed's world lived up to its first morning and on, and what the observer's choices are truly worth there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.grid import Evidence, make_grid
from benchmarks.ideal_observer.observer import Observer, observer
from benchmarks.ideal_observer.prospects import Prospects, Revealed, prospects
from training.simulation.oracle_beside import OracleBeside
from training.simulation.parameters import WorldParameters
from training.simulation.peers import Limits, Peer, calendar_month
from training.simulation.state import NOTHING, State
from training.simulation.trajectory import Known, before_live, live
from training.simulation.truth import Truth, truth
from training.simulation.world import WEEK, Happened, World, make_world

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

MONTHLY = 4  # as the simulator's default policy has it

REVEALED = {
    "responsiveness revealed": Revealed(persuasion=True),
    "needs revealed": Revealed(needs=True),
    "needs, tastes, stock and spells to come revealed": Revealed(needs=True, tastes=True, surroundings=True),
    "everything revealed": Revealed(persuasion=True, needs=True, tastes=True, surroundings=True),
}


@dataclass(frozen=True)
class Morning:
    """The first live morning of a seed.

    Attributes:
        world, state, days: as drawn and lived.
        known, soon: the truth over the horizon and over a week.
    """

    world: World
    state: State
    days: list[Happened]
    known: Truth
    soon: Truth

    @property
    def rows(self) -> Numbers:
        """Who can be reached."""
        return np.flatnonzero(self.world.addressable(self.state))

    @property
    def reminders(self) -> list[tuple[int, int]]:
        """Offer and category of each reminder."""
        found = enumerate(self.world.offers.found)
        return [(number, int(self.world.offers.targets[number].argmax())) for number, offer in found if offer.kind == "replenishment"]


def first_morning(parameters: WorldParameters, seed: int, *, weeks: int) -> Morning:
    """Live a seed's history as the shop did."""
    world = make_world(parameters, seed=seed, weeks=weeks)
    state, days = world.begin(), list[Happened]()
    before_live(world, state, watch=days.append)
    return Morning(world, state, days, truth(world, state), truth(world, state, horizon=WEEK))


def watched(morning: Morning, *, hastes: int, cycles: int, ages: int, evidence: Evidence = Evidence()) -> Observer:  # noqa: B008 - frozen
    """An observer who has seen the history."""
    grid = make_grid(morning.world.parameters, hastes=hastes, cycles=cycles, ages=ages, evidence=evidence)
    watching = observer(morning.world, evidence=evidence, grid=grid)
    watching.history(morning.days)
    return watching


@dataclass(frozen=True)
class Judged:
    """What an observer makes of the first morning.

    Attributes:
        got, best: true value of what it would send, and of what the oracle would; money.
        own, oracle: what it expects of both, before it is known which of the states that may be is true: the mean over worlds that look the
            same, in which single customers count for less.
        sent: share of who can be reached to whom it would write.
        bought, unbought: correlation of its chance of a reminder's category being bought within a week with the true one, by whether the
            customer ever bought of the category; NaN where not asked for.
        calibrated: slope of the true chance on its own, categories bought.
    """

    got: float
    best: float
    own: float
    oracle: float
    sent: float
    bought: float = float("nan")
    unbought: float = float("nan")
    calibrated: float = float("nan")


def judge(morning: Morning, watching: Observer, *, draws: int, revealed: Revealed = Revealed(), soon: bool = False) -> Judged:  # noqa: B008 - frozen
    """Let it choose for everybody who can be reached."""
    rows = morning.rows
    found = prospects(watching, morning.state, rows, draws=draws, revealed=revealed, soon=soon)
    best = float(np.maximum(morning.known.margin[rows].max(axis=1), 0.0).sum())
    actions = _best(found)[rows]
    sends = actions != NOTHING
    got = float(morning.known.margin[rows[sends], actions[sends]].sum())
    judged = Judged(got, best, float(found.own[rows].sum()), float(found.oracle[rows].sum()), float(sends.mean()))
    return judged if not soon else replace(judged, **_followed(morning, watching, found))


def _followed(morning: Morning, watching: Observer, found: Prospects) -> dict[str, float]:
    rows, offers = morning.rows, [offer for offer, _ in morning.reminders]
    bought = np.stack([watching.notes.quantity[rows, c] > 0 for _, c in morning.reminders], axis=1)
    mine, true = found.soon[rows][:, offers], morning.soon.base[rows][:, offers]
    follows = {name: float(np.corrcoef(mine[rows], true[rows])[0, 1]) for name, rows in (("bought", bought), ("unbought", ~bought))}
    return follows | {"calibrated": float(np.polyfit(mine[bought], true[bought], 1)[0])}


def _best(found: Prospects) -> Numbers:
    """`(n,)` the offer of the highest value, if above 0."""
    actions: Numbers = np.where(found.value.max(axis=1) > 0, found.value.argmax(axis=1), NOTHING)
    return actions


@dataclass
class IdealPolicy:
    """The observer as a policy; implements `training.simulation.trajectory.Policy`.

    Attributes:
        observer: who has seen the history.
        draws: states valued a customer.
        expected: by week, what it expects of its messages, and of the oracle's.
    """

    observer: Observer
    draws: int
    expected: list[tuple[float, float]] = field(default_factory=list)
    _month: int = -1
    _sent: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))

    def choose(self, week: int, state: State, known: Known) -> Numbers:  # noqa: ARG002 - of the state only who can be reached is read
        """See `Policy`."""
        world = self.observer.world
        month = calendar_month(world, state.day)
        if month != self._month:
            self._month, self._sent = month, np.zeros(world.people.count, np.int64)
        may = world.addressable(state) & (self._sent < MONTHLY)
        found = prospects(self.observer, state, np.flatnonzero(may), draws=self.draws)
        self.expected.append((float(found.own.sum()), float(found.oracle.sum())))
        actions = np.where(may, _best(found), NOTHING)
        self._sent = self._sent + (actions != NOTHING)
        return actions

    def told(self, week: int, days: list[Happened]) -> None:  # noqa: ARG002 - days count by themselves
        """See `Policy`."""
        self.observer.week(days)


@dataclass(frozen=True)
class Lived:
    """Weeks under the observer's own policy, on its own mornings; it learns as it goes, and neither it nor the oracle explores.

    Attributes:
        true, best: `(w,)` true value of what it sent, and of what the oracle would have sent; money.
        own, oracle: `(w,)` what it expected of both, as in `Judged`.
        margin: money a customer, all weeks, beyond sending nothing.
        messages: a customer.
        unsubscribed: share who left the channel above that of sending nothing.
        lowest: of the margin cumulated up to each week from the fourth on.
    """

    true: Array
    best: Array
    own: Array
    oracle: Array
    margin: float
    messages: float
    unsubscribed: float
    lowest: float


def lived(morning: Morning, watching: Observer, weeks: int, *, draws: int) -> Lived:
    """Let the observer who has seen the history go on."""
    world, nobody = morning.world, np.zeros(morning.world.people.count, np.bool_)
    limits = Limits(nobody, nobody, MONTHLY, None)
    beside, policy = OracleBeside(world, limits), IdealPolicy(watching, draws)
    path = live(world, morning.state.copy(), policy, weeks, watch=beside.watch)
    quiet = live(world, morning.state.copy(), Peer(world, "send nothing", limits), weeks)
    there = path.there.sum()
    beyond = (path.margin - quiet.margin).sum(axis=1).cumsum() / there
    left = (quiet.reachable[-1] & ~path.reachable[-1]).sum() - (path.reachable[-1] & ~quiet.reachable[-1]).sum()
    true, best = beside.by_week
    own, oracle = np.array(policy.expected).T
    return Lived(
        true=true,
        best=best,
        own=own,
        oracle=oracle,
        margin=float(beyond[-1]),
        messages=float(path.messages.sum() / there),
        unsubscribed=float(left / there),
        lowest=float(beyond[min(3, weeks - 1) :].min()),
    )
