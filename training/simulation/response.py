"""What an offer does to a customer who opens it, and what it risks: functions of the state on the day of sending."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulation.parameters import OfferFound, Regime, WorldParameters
from training.simulation.people import People
from training.simulation.state import State

Array = NDArray[np.float64]

_REMEMBERED_DAYS = 28  # a message before this one changes its effect for so long
_TO_THE_POINT = 0.1  # an offer whose relevance is below it is about nothing that is needed


@dataclass(frozen=True)
class Sending:
    """What sending one offer now would mean; `n` customers, `k` categories, `r` companion rules.

    Attributes:
        opening: `(n,)` chance to open it.
        lift: `(n, k)` rise of the log hazard on the day of sending, if opened.
        discount: `(k,)` share of the price, if opened, while the window lasts.
        along: `(n, r)` added chance of each companion rule, if opened.
        leaving: `(n,)` chance that it makes the customer unsubscribe.
        pointed: `(n,)` whether it is about anything that is needed.
    """

    opening: Array
    lift: Array
    discount: Array
    along: Array
    leaving: Array
    pointed: NDArray[np.bool_]


@dataclass(frozen=True)
class Offers:
    """The world's offers as numbers.

    Attributes:
        found: as the file has them; an offer's number is its place.
        targets: `(offers, k)` which categories each is about.
        rules: pairs of categories (bought, taken along): the companions, then those bundles that add one.
        chances: `(r,)` chance of each rule without any offer.
    """

    found: tuple[OfferFound, ...]
    targets: NDArray[np.bool_]
    rules: tuple[tuple[int, int], ...]
    chances: Array

    def number(self, offer_id: str) -> int:
        """Place of an offer.

        Raises:
            KeyError: the world has none of this id.
        """
        for place, offer in enumerate(self.found):
            if offer.id == offer_id:
                return place
        raise KeyError(offer_id)


def offers_of(world: WorldParameters) -> Offers:
    """Number the offers and the companion rules."""
    names = [c.name for c in world.categories]
    targets = np.array([[not offer.categories or name in offer.categories for name in names] for offer in world.offers])
    rules = {(names.index(c.bought), names.index(c.also)): c.chance for c in world.companions}
    for offer in world.offers:
        if offer.kind == "bundle":
            rules.setdefault((names.index(offer.categories[0]), names.index(offer.categories[1])), 0.0)
    return Offers(world.offers, targets, tuple(rules), np.array(list(rules.values())))


def need(state: State, people: People, sharpness: float) -> Array:
    """`(n, k)` how far each need is there, in [0, 1]: `u^s / (1 + u^s)`, u = age by cycle; 0 for what is not used."""
    # exp(s · ln u) is several times faster than a general power; nobody's age is below 0, and 0 gives 0.
    with np.errstate(divide="ignore"):
        fallen = np.exp(-sharpness * np.log(state.age / people.cycle))
    return np.where(state.wanted, 1 / (1 + fallen), 0.0)


def sending(world: WorldParameters, offers: Offers, number: int, *, people: People, state: State, regime: Regime) -> Sending:
    """Effect and risk of one offer for everybody, if it were sent now.

    `lift = (responsiveness · lever · relevance · interplay + sensitivity · γ · discount · (0.3 + 0.7 · need)) · exp(−φ · fatigue)`, on the
    categories that the offer is about.
    """
    offer, messages, response = offers.found[number], world.messages, world.response
    needed = need(state, people, world.needs.sharpness)
    waiting = ~state.wanted & (people.needed_from <= state.day)
    relevant = _relevance(offer, needed, state, people, waiting) * offers.targets[number]
    tired = np.exp(-messages.fatigue_response * state.fatigue)
    own = people.responsiveness * offer.lever * regime.response * _interplay(world, offers, number, state)
    willing = np.where(state.wanted, 0.3 + 0.7 * needed, np.where(waiting, 0.5, 0.0)) * offers.targets[number]
    price = people.sensitivity * response.discount * offer.discount * regime.discount
    along = np.zeros((people.count, len(offers.rules)))
    if offer.kind == "bundle":
        first, second = np.flatnonzero(offers.targets[number]).tolist()
        ordered = (first, second) if (first, second) in offers.rules else (second, first)
        along[:, offers.rules.index(ordered)] = np.minimum(offer.along * np.maximum(people.responsiveness, 0.0) * tired, 0.5)
    pointless = relevant.max(axis=1) < _TO_THE_POINT
    leaving = people.leaving * np.exp(messages.fatigue_leaving * state.fatigue) * regime.leaving
    return Sending(
        opening=1 / (1 + np.exp(-(people.opening - messages.fatigue_opening * state.fatigue))),
        lift=(own[:, None] * relevant + price[:, None] * willing) * tired[:, None],
        discount=offer.discount * offers.targets[number],
        along=along,
        leaving=np.minimum(leaving * np.where(pointless, messages.leaving_irrelevant, 1.0), 0.5),
        pointed=~pointless,
    )


def _relevance(offer: OfferFound, needed: Array, state: State, people: People, waiting: NDArray[np.bool_]) -> Array:
    if offer.kind == "new_need":
        return waiting.astype(np.float64)
    if offer.kind == "winback":  # from 1.3 cycles on, wholly from 2
        late: Array = np.clip((state.age / people.cycle - 1.3) / 0.7, 0.0, 1.0) * state.wanted
        return late
    return needed


def _interplay(world: WorldParameters, offers: Offers, number: int, state: State) -> Array:
    play, offer = world.interplay, offers.found[number]
    lately = (state.day - state.sent) <= _REMEMBERED_DAYS
    same = lately & (state.offer == number)
    content = np.array([o.kind == "content" for o in offers.found])[state.offer] & lately & (state.offer >= 0)
    discounted = np.array([o.discount > 0 for o in offers.found])[state.offer] & lately & (state.offer >= 0)
    factor = 1 - play.repeated * same
    if offer.kind != "content":
        factor = factor * (1 + play.after_content * content)
    if not offer.discount:
        factor = factor * (1 - play.coupons * discounted)
    factored: Array = factor
    return factored
