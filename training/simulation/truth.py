"""What every offer would change for every customer, exactly: expected margin over the horizon with it less without it.

The expectation is over everything that chance still decides: whether the message is opened, purchases here and elsewhere, whether the
customer leaves the shop for good, what is taken along. It is conditional on the surroundings (seasons, sell-outs, hot and cold weeks,
needs that begin), which are the same whatever is sent, and on nothing being sent afterwards: the *myopic* effect. Fatigue and
unsubscribing are not in it; what they cost later shows in the cumulated margin alone.

The effect is `opening · (margin if opened − margin if not)`, less the cost of the message. The margin is a sum over categories, each an
exact recursion (`training.simulation.renewals`), since within the horizon categories share nothing but the customer's life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulation.renewals import Expected, Hazards, expected
from training.simulation.response import Sending
from training.simulation.state import State
from training.simulation.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """As of the morning of one day; `n` customers, `o` offers; 0 for who is dead or has not arrived, but for the cost.

    Attributes:
        base_margin: `(n,)` expected margin over the horizon when nothing is sent.
        margin: `(n, o)` what each offer adds to it, discounts and the message's cost taken off.
        base: `(n, o)` chance of an order within the horizon of one of the categories that the offer is about, when nothing is sent.
        uplift: `(n, o)` what the offer adds to that chance.
        leaving: `(n, o)` chance that it makes the customer unsubscribe.
        pointed: `(n, o)` whether it is about anything that is needed: what a sensible policy considers.
    """

    base_margin: Array
    margin: Array
    base: Array
    uplift: Array
    leaving: Array
    pointed: NDArray[np.bool_]


@dataclass(frozen=True)
class _Ahead:
    """The horizon as it stands today; lists are by category, arrays `(h, n)`."""

    hazards: list[Hazards]
    factor: list[Array]
    value: Array  # `(h, n, k)` mean list price of a purchase of one; 0 where nothing is in stock
    alive: Array  # chance to be alive in the morning
    plain: list[Expected]


def truth(world: World, state: State, *, horizon: int | None = None) -> Truth:
    """Compute it for everybody and every offer.

    Args:
        world: as drawn.
        state: of the morning on which a message may be sent; not changed.
        horizon: days from now on; the world's own by default.

    Raises:
        ValueError: a message sent before still works: decisions must not be closer together than the window.
    """
    days = horizon or world.parameters.horizon_days
    if ((state.day - state.sent) < world.parameters.messages.window_days).any():
        raise ValueError("a message sent before still works; ask on a day when its window is over.")
    ahead = _ahead(world, state, days)
    unit = _unit_margins(world, ahead)
    base_margin = sum((ahead.plain[c].purchases * unit[c] * ahead.alive).sum(axis=0) for c in range(len(unit)))
    n, offers = world.people.count, len(world.offers.found)
    answer = Truth(
        base_margin=np.asarray(base_margin, np.float64),
        margin=np.zeros((n, offers)),
        base=np.zeros((n, offers)),
        uplift=np.zeros((n, offers)),
        leaving=np.zeros((n, offers)),
        pointed=np.zeros((n, offers), np.bool_),
    )
    for number in range(offers):
        meant = world.sending(number, state)
        targets = np.flatnonzero(world.offers.targets[number]).tolist()
        told = {c: _told(world, ahead, meant, c) for c in targets}
        gained = _gained(world, ahead, meant, unit, told)
        before = 1 - _none(ahead, [ahead.plain[c] for c in targets])
        after = 1 - _none(ahead, [told[c] for c in targets])
        answer.margin[:, number] = meant.opening * gained - world.parameters.messages.cost
        answer.base[:, number], answer.uplift[:, number] = before, meant.opening * (after - before)
        answer.leaving[:, number], answer.pointed[:, number] = meant.leaving, meant.pointed
    return answer


def _ahead(world: World, state: State, days: int) -> _Ahead:
    n, k = state.age.shape
    needs = world.parameters.needs
    steps = np.arange(days, dtype=np.float64)[:, None]
    factor, value = np.empty((days, n, k)), np.empty((days, n, k))
    for step in range(days):
        share, value[step] = world.available(state.day + step)
        factor[step] = world.surroundings.needs(state.day + step) * share
    active = state.alive & world.there(state)
    hazards = []
    for c in range(k):
        speed, rival, cycle = world.people.speed[:, c], world.people.rival[:, c], world.people.cycle[:, c]
        grown = _grown(np.maximum(state.age[:, c], 0.0) + steps, cycle, needs.sharpness)
        fresh = _grown(1.0 + steps, cycle, needs.sharpness)
        waiting = (world.people.needed_from[:, c] <= state.day + steps) / needs.first_purchase_days
        wanted = state.wanted[:, c]
        hazards.append(
            Hazards(
                first=np.where(wanted, speed * grown, waiting) * active,
                rival_first=np.where(wanted, np.minimum(rival * grown, 1.0), 0.0) * active,
                again=speed * fresh,
                rival_again=np.minimum(rival * fresh, 1.0),
                most=needs.most_per_day,
            )
        )
    factors = [np.ascontiguousarray(factor[:, :, c]) for c in range(k)]
    plain = [expected(h, f) for h, f in zip(hazards, factors, strict=True)]
    return _Ahead(hazards, factors, value, (1 - world.people.dying) ** steps, plain)


def _grown(age: Array, cycle: Array, sharpness: float) -> Array:
    power = (age / cycle) ** sharpness
    grown: Array = power / (1 + power)
    return grown


def _unit_margins(world: World, ahead: _Ahead) -> list[Array]:
    """By category, `(h, n)`: margin of a purchase without any offer, with what is taken along."""
    unit = [ahead.value[:, :, c] * world.people.quantity[:, c] * world.margins[c] for c in range(len(ahead.plain))]
    for (first, second), chance in zip(world.offers.rules, world.offers.chances, strict=True):
        unit[first] = unit[first] + chance * ahead.value[:, :, second] * world.margins[second]
    return unit


def _told(world: World, ahead: _Ahead, meant: Sending, category: int) -> Expected:
    """Purchases of a category by those who open the message; computed anew only for whom it changes anything."""
    rows = np.flatnonzero((meant.lift[:, category] != 0) & (ahead.hazards[category].first.max(axis=0) > 0))
    plain = ahead.plain[category]
    window = world.parameters.messages.window_days
    faded = np.where(
        np.arange(len(ahead.alive)) < window, np.exp(-np.arange(len(ahead.alive)) / world.parameters.messages.fading_days), 0.0
    )
    factor = ahead.factor[category][:, rows] * np.exp(faded[:, None] * meant.lift[rows, category])
    moved = expected(ahead.hazards[category].of(rows), factor)
    purchases, none = plain.purchases.copy(), plain.none.copy()
    purchases[:, rows], none[:, rows] = moved.purchases, moved.none
    return Expected(purchases, none)


def _gained(world: World, ahead: _Ahead, meant: Sending, unit: list[Array], told: dict[int, Expected]) -> Array:
    """`(n,)` margin over the horizon if opened, less if not."""
    window = slice(0, world.parameters.messages.window_days)
    gained = np.zeros(world.people.count)
    for c in range(len(unit)):
        bought = told[c].purchases if c in told else ahead.plain[c].purchases
        gained += ((bought - ahead.plain[c].purchases) * unit[c] * ahead.alive).sum(axis=0)
        less = ahead.value[window, :, c] * world.people.quantity[:, c] * meant.discount[c]
        for rule, (first, second) in enumerate(world.offers.rules):
            if first == c:
                value = ahead.value[window, :, second]
                chance = np.minimum(world.offers.chances[rule] + meant.along[:, rule], 1.0)
                less = (
                    less + chance * value * meant.discount[second] - (chance - world.offers.chances[rule]) * value * world.margins[second]
                )
        gained -= (bought[window] * less * ahead.alive[window]).sum(axis=0)
    return gained


def _none(ahead: _Ahead, parts: list[Expected]) -> Array:
    """`(n,)` chance of no purchase in any of the categories: those who die on a day have been without one until then."""
    nothing = np.ones_like(ahead.alive)
    for part in parts:
        nothing = nothing * part.none
    dies = np.append(ahead.alive[:-1] - ahead.alive[1:], ahead.alive[-1:], axis=0)
    none: Array = (nothing * dies).sum(axis=0)
    return none
