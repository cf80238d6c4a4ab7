"""What every offer is worth on average over states drawn from what the observer knows: the truth, asked of each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.observer import Observer
from benchmarks.ideal_observer.sightings import TWO_AT_A_TIME
from training.simulation.people import NEVER, People
from training.simulation.state import State
from training.simulation.surroundings import Surroundings
from training.simulation.truth import truth
from training.simulation.world import WEEK, World

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_AT_ONCE = 12_000  # states valued in one go, for memory's sake
_AHEAD = 8  # states of persuasion drawn for each that is kept, by their weight


@dataclass(frozen=True)
class Revealed:
    """What the observer is told besides, to see what not knowing it costs.

    Attributes:
        persuasion: responsiveness, the opening rate and price sensitivity.
        needs: cycles, haste, ages, what is used, needs that begin, who is alive and how long they stay.
        tastes: of products, and the quantity bought.
        surroundings: stock and spells to come.
    """

    persuasion: bool = False
    needs: bool = False
    tastes: bool = False
    surroundings: bool = False


@dataclass(frozen=True)
class Prospects:
    """As of a morning; `n` customers, `o` offers.

    Attributes:
        value: `(n, o)` expected true effect.
        own: `(n,)` expected true effect of the best offer, if above 0, as it would be of endlessly many draws.
        oracle: `(n,)` the same of somebody who sees which state is the true one.
        soon: `(n, o)` expected chance of an order within a week of what the offer is about, when nothing is sent; NaN if not asked for.
    """

    value: Array
    own: Array
    oracle: Array
    soon: Array


def prospects(
    observer: Observer, true: State, rows: Numbers, *, draws: int, revealed: Revealed = Revealed(), soon: bool = False
) -> Prospects:
    """Value every offer for some customers.

    Args:
        observer: in the morning.
        true: the state of the morning, of which only what is revealed is read.
        rows: customers.
        draws: states drawn for each.
        revealed: what is known besides.
        soon: also the chance of an order within a week.
    """
    world = observer.world
    shape = (world.people.count, len(world.offers.found))
    value, chance, own, oracle = np.zeros(shape), np.full(shape, np.nan), np.zeros(shape[0]), np.zeros(shape[0])
    for part in np.array_split(rows, max(-(-len(rows) * draws // _AT_ONCE), 1)):
        supposed, state = _suppose(observer, true, part, draws, revealed)
        alive = true.alive[part].astype(np.float64) if revealed.needs else observer.needs.alive[part]
        margin = truth(supposed, state).margin.reshape(len(part), draws, -1)
        oracle[part] = alive * np.maximum(margin.max(axis=2), 0.0).mean(axis=1)
        cost = world.parameters.messages.cost
        valued = alive[:, None, None] * (margin + cost) - cost
        own[part] = 2 * _chosen(valued, 2) - _chosen(valued, 4)
        value[part] = valued.mean(axis=1)
        if soon:
            chance[part] = alive[:, None] * truth(supposed, state, horizon=WEEK).base.reshape(len(part), draws, -1).mean(axis=1)
    return Prospects(value, own, oracle, chance)


def _chosen(valued: Array, parts: int) -> Array:
    """`(r,)` value of the offer that is best by one part of the draws, if above 0 by them, as the other draws have it; mean over the parts.

    What too few draws take away falls with their number, so twice the figure by halves less that by quarters is free of it.
    """
    found, each = np.zeros(len(valued)), np.arange(len(valued))
    for part in range(parts):
        mine = np.arange(valued.shape[1]) % parts == part
        by, others = valued[:, mine].mean(axis=1), valued[:, ~mine].mean(axis=1)
        found += np.where(by.max(axis=1) > 0, others[each, by.argmax(axis=1)], 0.0) / parts
    return found


def _suppose(observer: Observer, true: State, rows: Numbers, draws: int, revealed: Revealed) -> tuple[World, State]:
    """A world of as many people as states are drawn, all alive, customer by customer."""
    world, random = observer.world, observer.random
    haste, price, logit, responsiveness = _persons(observer, rows, draws)
    spell = observer.spell(rows, haste)
    drawn = observer.needs.draw(rows, haste, spell, random).flat()
    used, age, cycle = drawn.used, drawn.age, drawn.cycle
    many, (m, k) = np.repeat(rows, draws), used.shape
    parameters = world.parameters
    begins = _begins(observer, used, drawn.waits)
    speed = parameters.needs.plateau * np.exp(parameters.people.need_spread * observer.needs.grid.haste[haste].reshape(m))[:, None] / cycle
    quantity = np.where(random.random((m, k)) < TWO_AT_A_TIME, 2.0, 1.0)
    known = observer.notes.quantity[many]
    people = People(
        arrives=np.zeros(m, np.int64),
        dying=_dying(observer, rows, draws),
        speed=speed,
        rival=parameters.needs.rivals * observer.evidence.elsewhere / cycle,
        cycle=cycle,
        wanted=used,
        needed_from=begins,
        first_age=age,
        liking=observer.tastes.draw_liking(rows, price, random).reshape(m, -1),
        quantity=np.where(known > 0, known, quantity),
        sensitivity=np.exp(parameters.people.price_spread * observer.tastes.price[price]).reshape(m),
        opening=logit.reshape(m),
        leaving=np.zeros(m),
        responsiveness=responsiveness.reshape(m),
    )
    told = observer.state
    state = replace(
        told,
        alive=np.ones(m, np.bool_),
        reachable=np.ones(m, np.bool_),
        wanted=used,
        age=age,
        fatigue=told.fatigue[many],
        offer=told.offer[many],
        sent=told.sent[many],
    )
    if revealed.needs:
        state = replace(state, wanted=true.wanted[many], age=true.age[many])
    people = _reveal(world.people, people, many, revealed)
    around = _surroundings(observer, many, spell.reshape(m), revealed)
    return replace(world, people=people, surroundings=around), state


def _persons(observer: Observer, rows: Numbers, draws: int) -> tuple[Numbers, Numbers, Array, Array]:
    """`(r, draws)` each: points of haste and price, logit of opening, responsiveness; drawn by weight of what was answered."""
    random, many = observer.random, draws * _AHEAD
    reached = np.cumsum(observer.needs.person[rows].sum(axis=2), axis=1)
    haste = (reached[:, None, :-1] <= random.random((len(rows), many, 1))).sum(axis=2)
    price = observer.tastes.draw_price(rows, many, random)
    logit, responsiveness, weight = observer.persuasion.draw(rows, haste, observer.tastes.price[price], random)
    reached = np.cumsum(weight, axis=1)
    reached /= reached[:, -1:]
    # Systematic resampling: one uniform a customer, equally spaced from there on (Kitagawa 1996).
    at = (np.arange(draws) + random.random((len(rows), 1))) / draws + np.arange(len(rows))[:, None]
    kept = np.searchsorted((reached + np.arange(len(rows))[:, None]).ravel(), at, side="right") - np.arange(len(rows))[:, None] * many
    kept = np.clip(kept, 0, many - 1)
    # In random order, so that neighbours are not alike when something else is drawn in order, too.
    kept = random.permuted(kept, axis=1)
    line = np.arange(len(rows))[:, None]
    return haste[line, kept], price[line, kept], logit[line, kept], responsiveness[line, kept]


def _begins(observer: Observer, used: NDArray[np.bool_], waits: NDArray[np.bool_]) -> Numbers:
    """`(m, k)` day on which a need that is not there yet begins."""
    yearly = np.array([c.later for c in observer.world.parameters.categories])
    with np.errstate(divide="ignore"):
        wait = observer.random.exponential(1.0, used.shape) * (-365.0 / np.log1p(-yearly))
    day = observer.needs.day
    later = np.minimum(day + np.floor(wait), NEVER)
    return np.where(used, NEVER, np.where(waits, day - 1, later)).astype(np.int64)


def _dying(observer: Observer, rows: Numbers, draws: int) -> Array:
    needs = observer.needs
    reached = np.cumsum(needs.dying((needs.day - needs.arrives[rows]).astype(np.float64)), axis=1)
    point = (reached[:, None, :-1] <= observer.random.random((len(rows), draws, 1))).sum(axis=2)
    dying: Array = needs.rates[point].reshape(-1)
    return dying


def _surroundings(observer: Observer, many: Numbers, spell: Numbers, revealed: Revealed) -> Surroundings:
    """Those of a horizon from today; of days before nothing is asked."""
    world, day = observer.world, observer.needs.day
    around, parameters = world.surroundings, world.parameters
    if revealed.surroundings:
        return replace(around, spell=around.spell[:, many])
    stocked = around.stocked.astype(np.float64)
    for ahead in range(day + 1, min(day + parameters.horizon_days + 1, around.days)):
        before = stocked[ahead - 1]
        stocked[ahead] = before * (1 - parameters.stock.out_per_day) + (1 - before) * parameters.stock.back_per_day
    factor = np.ones((around.spell.shape[0], len(many)))
    now, values = spell, np.array([parameters.spells.hot, parameters.spells.cold])
    if len(observer.needs.grid.spell) > 1:
        for week in range(day // WEEK, factor.shape[0]):
            factor[week] = values[now]
            now = np.where(observer.random.random(len(many)) < parameters.spells.staying, now, 1 - now)
    # Chances stand in for what is in stock: the truth weighs tastes by them.
    return replace(around, spell=factor, stocked=stocked)  # type: ignore[arg-type]


def _reveal(true: People, people: People, many: Numbers, revealed: Revealed) -> People:
    if revealed.persuasion:
        people = replace(people, responsiveness=true.responsiveness[many], opening=true.opening[many], sensitivity=true.sensitivity[many])
    if revealed.needs:
        names = ("speed", "rival", "cycle", "needed_from", "dying")
        people = replace(people, **{name: getattr(true, name)[many] for name in names})
    if revealed.tastes:
        people = replace(people, liking=true.liking[many], quantity=true.quantity[many])
    return people
