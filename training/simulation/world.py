"""The world itself: one step is one day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulation.draws import Draws, Purpose
from training.simulation.parameters import WorldParameters
from training.simulation.people import People, draw_people
from training.simulation.response import Offers, Sending, need, offers_of, sending
from training.simulation.state import NOTHING, State, first_state
from training.simulation.surroundings import Surroundings, draw_surroundings

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

WEEK = 7
VIEWS_PER_NEED = 2.0  # product views by purchase hazard: most purchases are looked at a day or two before
_GOLDEN = 0.6180339887498949
VIEWS_WAITING = 0.02  # daily chance to look at a category whose need is new


@dataclass(frozen=True)
class Lines:
    """Order lines of a day; a customer's lines of one day are one order.

    Attributes:
        customer, product: `(m,)` numbers.
        quantity, paid, discount, margin: `(m,)`; paid and margin are after the discount.
    """

    customer: Numbers
    product: Numbers
    quantity: Array
    paid: Array
    discount: Array
    margin: Array


@dataclass(frozen=True)
class Happened:
    """One day.

    Attributes:
        day: which.
        lines: what was bought.
        viewed: `(v, 2)` customer and product.
        sent: `(s, 2)` customer and offer.
        opened, clicked, left: `(s,)` of those messages; left: it made them unsubscribe.
        unsubscribed: numbers of the customers who are no longer reachable since today, over a message or by themselves.
    """

    day: int
    lines: Lines
    viewed: Numbers
    sent: Numbers
    opened: Flags
    clicked: Flags
    left: Flags
    unsubscribed: Numbers


@dataclass(frozen=True)
class World:
    """What does not change while days pass.

    Attributes:
        parameters: as the file has them.
        people, surroundings, offers: drawn from them.
        draws: the chance of every day.
    """

    parameters: WorldParameters
    people: People
    surroundings: Surroundings
    offers: Offers
    draws: Draws

    @property
    def category_of(self) -> Numbers:
        """`(p,)` category of each product."""
        return np.repeat(np.arange(len(self.parameters.categories)), [len(c.prices) for c in self.parameters.categories])

    @property
    def prices(self) -> Array:
        """`(p,)` list prices."""
        return np.array([price for c in self.parameters.categories for price in c.prices])

    @property
    def margins(self) -> Array:
        """`(k,)` share of the list price."""
        return np.array([c.margin for c in self.parameters.categories])

    def begin(self) -> State:
        """Day 0."""
        return first_state(self.people, len(self.offers.rules))

    def there(self, state: State) -> Flags:
        """Who is a customer by now, whether or not they still are."""
        return self.people.arrives <= state.day

    def addressable(self, state: State) -> Flags:
        """Whom a message would reach: arrived and not unsubscribed; nobody knows who has left for good."""
        return self.there(state) & state.reachable

    def sending(self, number: int, state: State) -> Sending:
        """What sending an offer now would mean."""
        regime = self.surroundings.at(state.day)
        return sending(self.parameters, self.offers, number, people=self.people, state=state, regime=regime)

    def step(self, state: State, actions: Numbers | None = None) -> Happened:
        """Let a day pass; the state is changed.

        Args:
            state: of the morning.
            actions: `(n,)` number of the offer sent to each customer, `NOTHING` for none; what is sent to somebody who cannot be reached is
                not sent.
        """
        day, n = state.day, self.people.count
        sent, opened, clicked, left = self._send(state, actions if actions is not None else np.full(n, NOTHING))
        chances = self.hazard(state)
        viewed = self._views(state, chances[0])
        lines = self._buy(state, *chances)
        unasked = self.draws.uniform(Purpose.LEAVE_UNASKED, n, day) < self.parameters.messages.leaving_unasked_per_day
        gone = unasked & self.addressable(state)
        gone[sent[left, 0]] = True
        state.reachable &= ~gone
        state.alive &= self.draws.uniform(Purpose.DIE, n, day) >= np.where(self.there(state), self.people.dying, 0.0)
        state.fatigue *= np.exp(-1 / self.parameters.messages.fatigue_days)
        state.age += self.there(state)[:, None]
        state.day += 1
        return Happened(day, lines, viewed, sent, opened, clicked, left, np.flatnonzero(gone))

    def hazard(self, state: State) -> tuple[Array, Array]:
        """`(n, k)` today's chances of a purchase here before what multiplies them, and of one elsewhere."""
        needed = need(state, self.people, self.parameters.needs.sharpness)
        waiting = ~state.wanted & (self.people.needed_from <= state.day)
        here = np.where(waiting, 1 / self.parameters.needs.first_purchase_days, self.people.speed * needed)
        active = (state.alive & self.there(state))[:, None]
        return here * active, np.minimum(self.people.rival * needed, 1.0) * active

    def available(self, day: int) -> tuple[Array, Array]:
        """`(n, k)` share of a customer's taste that is in stock on a day, and the mean list price of what they then take (0: nothing)."""
        member = self._member * self.surroundings.stocked[day][:, None]
        share, paid = self.people.liking @ member, self.people.liking @ (member * self.prices[:, None])
        return share, np.divide(paid, share, out=np.zeros_like(paid), where=share > 0)

    @property
    def _member(self) -> Array:
        """`(p, k)` 1 where the product is of the category."""
        member: Array = (self.category_of[:, None] == np.arange(len(self.parameters.categories))).astype(np.float64)
        return member

    def _send(self, state: State, actions: Numbers) -> tuple[Numbers, Flags, Flags, Flags]:
        """Deliver messages; the last one is what counts from now on."""
        day, n = state.day, self.people.count
        actions = np.where(self.addressable(state), actions, NOTHING)
        chance = {p: self.draws.uniform(p, n, day) for p in (Purpose.OPEN, Purpose.CLICK, Purpose.LEAVE)}
        opened, clicked, left = (np.zeros(n, np.bool_) for _ in range(3))
        base = np.log(self.parameters.messages.clicking / max(1 - self.parameters.messages.clicking, 1e-9) + 1e-12)
        after = state.copy()
        for number in np.unique(actions[actions != NOTHING]).tolist():
            meant, to = self.sending(number, state), actions == number
            opened |= to & (chance[Purpose.OPEN] < meant.opening)
            reads = to & opened
            clicked |= reads & (chance[Purpose.CLICK] < 1 / (1 + np.exp(-(base + 3.0 * meant.lift.max(axis=1)))))
            left |= to & (chance[Purpose.LEAVE] < meant.leaving)
            after.lift[to], after.discount[to], after.along[to] = 0.0, 0.0, 0.0
            after.lift[reads], after.along[reads] = meant.lift[reads], meant.along[reads]
            after.discount[reads] = meant.discount
            after.offer[to], after.sent[to] = number, day
            after.fatigue[to] += 1.0
        for name in ("lift", "discount", "along", "offer", "sent", "fatigue"):
            setattr(state, name, getattr(after, name))
        customers = np.flatnonzero(actions != NOTHING)
        return np.stack([customers, actions[customers]], axis=1), opened[customers], clicked[customers], left[customers]

    def _running(self, state: State) -> Flags:
        """Whose last message still works."""
        return (state.day - state.sent) < self.parameters.messages.window_days

    def _buy(self, state: State, here: Array, elsewhere: Array) -> Lines:
        day, (n, k) = state.day, state.age.shape
        share, _ = self.available(day)
        running = self._running(state)
        faded = np.where(running, np.exp(-(day - state.sent) / self.parameters.messages.fading_days), 0.0)
        factor = self.surroundings.needs(day) * share * np.exp(state.lift * faded[:, None])
        bought = self.draws.uniform(Purpose.BUY, (n, k), day) < np.minimum(here * factor, self.parameters.needs.most_per_day)
        away = ~bought & (self.draws.uniform(Purpose.RIVAL, (n, k), day) < elsewhere)
        state.wanted |= bought
        state.age = np.where(bought | away, 0.0, state.age)
        along = self.draws.uniform(Purpose.ALONG, (n, len(self.offers.rules)), day)
        chance = self.offers.chances + state.along * running[:, None]
        pick = self.draws.uniform(Purpose.PRODUCT, (n, 2), day)
        who, what = np.nonzero(bought)
        # One draw a customer serves all categories: shifted by the golden ratio, so that they do not choose alike.
        parts = [(who, what, (pick[who, 0] + what * _GOLDEN) % 1, self.people.quantity[who, what])]
        for rule, (first, second) in enumerate(self.offers.rules):
            takes = np.flatnonzero(bought[:, first] & (along[:, rule] < chance[:, rule]) & (share[:, second] > 0))
            parts.append((takes, np.full(len(takes), second), (pick[takes, 1] + rule * _GOLDEN) % 1, np.ones(len(takes))))
        customer, category, place, quantity = (np.concatenate(column) for column in zip(*parts, strict=True))
        product = self._taken(day, customer, category, place)
        value = self.prices[product] * quantity
        discount = value * state.discount[customer, category] * running[customer]
        return Lines(customer, product, quantity, value - discount, discount, value * self.margins[category] - discount)

    def _taken(self, day: int, customer: Numbers, category: Numbers, place: Array) -> Numbers:
        """The product each purchase takes: by taste, of what is in stock."""
        liked = (self.people.liking * self.surroundings.stocked[day])[customer] * (self.category_of == category[:, None])
        reached = np.cumsum(liked, axis=1)
        product: Numbers = (reached <= place[:, None] * reached[:, -1:]).sum(axis=1)
        return product

    def _views(self, state: State, here: Array) -> Numbers:
        waiting = ~state.wanted & (self.people.needed_from <= state.day)
        chance = np.minimum(VIEWS_PER_NEED * here, 0.6) * ~waiting + VIEWS_WAITING * waiting * state.alive[:, None]
        chance = chance * self.there(state)[:, None]
        drawn = self.draws.uniform(Purpose.VIEW, state.age.shape, state.day)
        customer, category = np.nonzero(drawn < chance)
        # Where the draw falls within its chance is uniform again: it says which product.
        place = drawn[customer, category] / chance[customer, category]
        liked = self.people.liking[customer] * (self.category_of == category[:, None])
        return np.stack([customer, (np.cumsum(liked, axis=1) <= place[:, None]).sum(axis=1)], axis=1)


def make_world(parameters: WorldParameters, *, seed: int, weeks: int) -> World:
    """Draw a world.

    Args:
        parameters: of it.
        seed: of everything random.
        weeks: that are lived after the history; surroundings reach a horizon further.
    """
    draws = Draws(seed)
    days = (parameters.history.weeks + weeks) * WEEK
    people = draw_people(parameters, draws, days)
    known = days + parameters.horizon_days + 1
    return World(parameters, people, draw_surroundings(parameters, draws, people.count, known), offers_of(parameters), draws)
