"""The policies that huitou is measured against. They know the truth wherever that makes them stronger than they could be in a shop."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.decisions.assignment import holdout_of
from features.decisions.policy import Exploration, Holdouts
from features.decisions.record import Holdout
from training.simulation.draws import Purpose
from training.simulation.state import NOTHING, State
from training.simulation.trajectory import Known
from training.simulation.truth import Truth
from training.simulation.world import Happened, World

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

PeerName = Literal["send nothing", "best single offer to all", "highest risk first", "propensity only", "myopic oracle"]
PEERS: tuple[PeerName, ...] = ("send nothing", "best single offer to all", "highest risk first", "propensity only", "myopic oracle")


@dataclass(frozen=True)
class Limits:
    """What every policy is bound by.

    Attributes:
        universal: `(n,)` customers who are sent nothing.
        control: `(n,)` customers who get a lawful offer at random.
        monthly: most messages of one customer in a calendar month.
        exploration: what an oracle gives away to learn, as huitou does; None: nothing.
    """

    universal: Flags
    control: Flags
    monthly: int | None = 4
    exploration: Exploration | None = None

    @property
    def judged(self) -> Flags:
        """`(n,)` customers on whom a policy acts."""
        return ~self.universal & ~self.control


def limits_for(customer_ids: list[str], holdouts: Holdouts, exploration: Exploration, *, monthly: int | None = 4) -> Limits:
    """The limits of a shop's policy.

    Args:
        customer_ids: ids in the order of their numbers.
        holdouts: as the policy has them.
        exploration: the same.
        monthly: as in `Limits`.
    """
    falls = [holdout_of(customer, holdouts) for customer in customer_ids]
    universal, control = (np.array([f is which for f in falls]) for which in (Holdout.UNIVERSAL, Holdout.MODEL_CONTROL))
    return Limits(universal, control, monthly, exploration)


@dataclass
class Peer:
    """One of `PEERS` within limits; implements `training.simulation.trajectory.Policy`.

    Attributes:
        world: as drawn.
        name: which.
        limits: of everybody.
        sent: `(n,)` messages of the calendar month at hand.
    """

    world: World
    name: PeerName
    limits: Limits
    month: int = -1
    sent: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))

    def choose(self, week: int, state: State, known: Known) -> Numbers:  # noqa: ARG002 - the state says the day
        """See `Policy`."""
        n = self.world.people.count
        if self.name == "send nothing":
            return np.full(n, NOTHING)
        month = calendar_month(self.world, state.day)
        if month != self.month:
            self.month, self.sent = month, np.zeros(n, np.int64)
        may = self.world.addressable(state) & ~self.limits.universal
        if self.limits.monthly is not None:
            may &= self.sent < self.limits.monthly
        actions = self._wanted(state, known(), may & self.limits.judged)
        random = self.world.draws.uniform(Purpose.POLICY, (n, 3), state.day)
        offers = len(self.world.offers.found)
        lot = (random[:, 0] * (offers + 1)).astype(np.int64)
        actions = np.where(self.limits.control, np.where(lot == offers, NOTHING, lot), actions)
        actions = np.where(may, actions, NOTHING)
        self.sent = self.sent + (actions != NOTHING)
        return actions

    def told(self, week: int, days: list[Happened]) -> None:
        """See `Policy`: nothing is learned from it."""

    def _wanted(self, state: State, known: Truth, may: Flags) -> Numbers:
        if self.name == "best single offer to all":
            return np.full(len(may), int(known.margin[may].sum(axis=0).argmax()))
        if self.name == "highest risk first":
            return self._by_risk(known, may)
        if self.name == "propensity only":
            response = known.base + known.uplift
            return np.asarray((response * self._money(state)).argmax(axis=1))
        best = known.margin.argmax(axis=1)
        wanted = np.where(known.margin.max(axis=1) > 0, best, NOTHING)
        return wanted if self.limits.exploration is None else self._explored(wanted, state, known, self.limits.exploration)

    def _by_risk(self, known: Truth, may: Flags) -> Numbers:
        """Winning back those least likely to order, as many as the oracle would write to."""
        winback = [number for number, offer in enumerate(self.world.offers.found) if offer.kind == "winback"]
        everything = [number for number, offer in enumerate(self.world.offers.found) if not offer.categories]
        actions = np.full(len(may), NOTHING)
        if winback and everything:
            risk = np.where(may, 1 - known.base[:, everything[0]], -1.0)
            actions[np.argsort(-risk, kind="stable")[: int(((known.margin.max(axis=1) > 0) & may).sum())]] = winback[0]
        return actions

    def _money(self, state: State) -> Array:
        """`(n, o)` mean margin of an order of what the offer is about, its discount taken off."""
        _, value = self.world.available(state.day)
        left = np.zeros((len(value), len(self.world.offers.found)))
        for number, offer in enumerate(self.world.offers.found):
            targets = self.world.offers.targets[number] & (state.wanted | ~state.wanted.any(axis=1, keepdims=True))
            money = value * self.world.people.quantity * (self.world.margins - offer.discount)
            left[:, number] = (money * targets).sum(axis=1) / np.maximum(targets.sum(axis=1), 1)
        return left

    def _explored(self, wanted: Numbers, state: State, known: Truth, exploration: Exploration) -> Numbers:
        chance = exploration_chances(known, exploration)
        random = self.world.draws.uniform(Purpose.POLICY, (len(wanted), 3), state.day)
        drawn = (np.cumsum(chance, axis=1) <= random[:, 2:3]).sum(axis=1)
        drawn = np.where(drawn >= known.margin.shape[1], NOTHING, drawn)
        return np.where(random[:, 1] < exploration.share, drawn, wanted)


def exploration_chances(known: Truth, exploration: Exploration) -> Array:
    """`(n, o + 1)` what an exploring decision is drawn from, no action last: a softmax of the true values with a floor.

    Offers that are about nothing the customer needs are not considered, so the oracle's exploration costs it as little as it can.
    """
    considered = np.concatenate([known.pointed, np.ones((len(known.margin), 1), np.bool_)], axis=1)
    values = np.concatenate([known.margin, np.zeros((len(known.margin), 1))], axis=1)
    count = considered.sum(axis=1, keepdims=True)
    mean = (values * considered).sum(axis=1, keepdims=True) / count
    spread = np.sqrt((((values - mean) ** 2) * considered).sum(axis=1, keepdims=True) / count)
    below = np.where(considered, values, -np.inf)
    scaled = (below - below.max(axis=1, keepdims=True)) / np.maximum(exploration.temperature * spread, 1e-9)
    soft = np.exp(scaled)
    mixed: Array = (1 - exploration.floor) * soft / soft.sum(axis=1, keepdims=True) + exploration.floor * considered / count
    return mixed


def oracle_value(known: Truth, exploration: Exploration | None) -> Array:
    """`(n,)` expected true effect of what a myopic oracle would send, its exploration counted in."""
    best: Array = np.maximum(known.margin.max(axis=1), 0.0)
    if exploration is None:
        return best
    chance = exploration_chances(known, exploration)[:, :-1]
    valued: Array = (1 - exploration.share) * best + exploration.share * (chance * known.margin).sum(axis=1)
    return valued


def calendar_month(world: World, day: int) -> int:
    """Which calendar month a day is in, counted from year 0."""
    at = world.parameters.start + timedelta(days=day)
    return at.year * 12 + at.month
