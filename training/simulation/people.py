"""Who the customers are: everything about them that no policy changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulation.draws import Draws, Purpose
from training.simulation.parameters import WorldParameters

Array = NDArray[np.float64]
Days = NDArray[np.int64]

NEVER = 1 << 30  # a day that does not come
_YEAR = 365.0


@dataclass(frozen=True)
class People:
    """Traits of `n` customers; `k` categories, `p` products in all.

    Attributes:
        arrives: `(n,)` first day as a customer; 0 for those who were there.
        dying: `(n,)` daily chance to leave the shop for good.
        speed: `(n, k)` daily purchase hazard of a need that is wholly there.
        rival: `(n, k)` the same for purchases elsewhere.
        cycle: `(n, k)` days.
        wanted: `(n, k)` whether the category is used from the beginning.
        needed_from: `(n, k)` day on which a new need begins; `NEVER` where none does.
        first_age: `(n, k)` days since the last purchase when the customer arrives.
        liking: `(n, p)` chance to take the product, given its category and that all are in stock; sums to 1 over a category.
        quantity: `(n, k)` bought at a time.
        sensitivity: `(n,)` to prices, median 1.
        opening: `(n,)` logit of opening a message when left alone.
        leaving: `(n,)` chance that one message makes them unsubscribe.
        responsiveness: `(n,)` above 0 persuadable, below 0 harmed, 0 for most.
    """

    arrives: Days
    dying: Array
    speed: Array
    rival: Array
    cycle: Array
    wanted: NDArray[np.bool_]
    needed_from: Days
    first_age: Array
    liking: Array
    quantity: Array
    sensitivity: Array
    opening: Array
    leaving: Array
    responsiveness: Array

    @property
    def count(self) -> int:
        """Customers who ever are."""
        return len(self.arrives)


def draw_people(world: WorldParameters, draws: Draws, days: int) -> People:
    """Draw everybody who is there on the first day or arrives within `days`."""
    people, needs = world.people, world.needs
    arrivals = int(people.arrivals_per_day * max(days - 1, 0))
    n, k = people.customers + arrivals, len(world.categories)
    arrives = np.concatenate([np.zeros(people.customers), 1 + np.arange(arrivals) / max(people.arrivals_per_day, 1e-9)]).astype(np.int64)
    cycle_days, spread = np.array([(c.cycle_days, c.cycle_spread) for c in world.categories]).T
    cycle = cycle_days * np.exp(spread * draws.normal(Purpose.CYCLE, (n, k)))
    haste = draws.normal(Purpose.NEED_SPEED, n)
    price, opening = draws.normal(Purpose.PRICE, n), draws.normal(Purpose.OPENING, n)
    wanted, needed_from = _needs(world, draws, n)
    age = draws.uniform(Purpose.AGE, (n, k))
    # Who was there is anywhere in the cycle; who arrives comes because a need is there.
    first_age = np.where(arrives[:, None] == 0, 1.3 * age, 0.8 + 0.6 * age) * cycle
    return People(
        arrives=arrives,
        dying=np.minimum(people.dying_per_day * np.exp(people.dying_spread * draws.normal(Purpose.DYING, n)), 0.05),
        speed=needs.plateau * np.exp(people.need_spread * haste)[:, None] / cycle,
        rival=needs.rivals / cycle,
        cycle=cycle,
        wanted=wanted,
        needed_from=needed_from,
        first_age=first_age,
        liking=_liking(world, draws, price),
        quantity=np.where(draws.uniform(Purpose.QUANTITY, (n, k)) < 0.3, 2.0, 1.0),
        sensitivity=np.exp(people.price_spread * price),
        opening=np.log(world.messages.opening / (1 - world.messages.opening)) + world.messages.opening_spread * opening,
        leaving=np.minimum(world.messages.leaving * np.exp(world.messages.leaving_spread * draws.normal(Purpose.LEAVING, n)), 0.2),
        responsiveness=_responsiveness(world, draws, arrives=arrives, haste=haste, price=price, opening=opening),
    )


def _needs(world: WorldParameters, draws: Draws, n: int) -> tuple[NDArray[np.bool_], Days]:
    share = np.array([c.wanted for c in world.categories])
    wanted = draws.uniform(Purpose.WANTED, (n, len(share))) < share
    yearly = np.array([c.later for c in world.categories])
    with np.errstate(divide="ignore"):
        rate = -np.log1p(-yearly) / _YEAR
        wait = -np.log1p(-draws.uniform(Purpose.LATER, wanted.shape)) / rate
    return wanted, np.where(wanted, NEVER, np.minimum(np.floor(wait), NEVER)).astype(np.int64)


def _liking(world: WorldParameters, draws: Draws, price: Array) -> Array:
    prices = [np.array(c.prices) for c in world.categories]
    relative = np.concatenate([np.log(p / p.mean()) for p in prices])
    logits = world.people.taste * draws.normal(Purpose.TASTE, (len(price), len(relative))) - np.exp(0.5 * price)[:, None] * relative
    parts = np.split(np.exp(logits), np.cumsum([len(p) for p in prices])[:-1], axis=1)
    return np.concatenate([part / part.sum(axis=1, keepdims=True) for part in parts], axis=1)


def _responsiveness(world: WorldParameters, draws: Draws, *, arrives: Days, haste: Array, price: Array, opening: Array) -> Array:
    """Soft-thresholded `z`: standard normal if newness were; √(1−hidden) of what shows in behaviour and √hidden of what does not."""
    response = world.response
    new = np.where(arrives > 0, 1.0, -0.5)  # about a third arrive later, so the mean is near 0
    weights = np.array([response.opening, response.dawdling, response.newness, response.price])
    norm = np.sqrt((weights**2).sum()) or 1.0
    visible = (np.stack([opening, -haste, new, price], axis=1) @ weights) / norm
    z = np.sqrt(1 - response.hidden) * visible + np.sqrt(response.hidden) * draws.normal(Purpose.HIDDEN, len(price))
    beyond = np.maximum(z - response.persuaded_from, 0.0) + np.minimum(z - response.harmed_below, 0.0)
    responsive: Array = response.scale * beyond
    return responsive
