"""The closed form against what happens when the same morning is lived many times."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tests.training.simulation.small_world import small
from training.simulation.draws import Draws
from training.simulation.people import People
from training.simulation.renewals import Hazards, expected
from training.simulation.state import NOTHING, State
from training.simulation.truth import truth
from training.simulation.world import World, make_world

LIVES = 80  # of a morning, side by side
OFFERS = ("replenish_serum", "set_cleanser_cotton", "coupon_20", "comeback_15", "discover_vitamins")


@pytest.fixture(scope="module", params=["ordinary", "adverse"])
def morning(request: pytest.FixtureRequest) -> tuple[World, State]:
    # Effects are made large, so that few lives show them; the equations are the same.
    world = make_world(small(request.param, customers=120, response={"scale": 2.0, "persuaded_from": -0.2}), seed=5, weeks=6)
    state = world.begin()
    for day in range(35):
        world.step(state, np.full(world.people.count, 15 if day == 14 else NOTHING))
    state.reachable[:] = True
    return world, state


def often(thing: World | State | People, times: int) -> Any:
    """The same customers side by side many times."""
    n = len(thing.arrives) if isinstance(thing, People) else len(thing.alive)
    held = {f.name: getattr(thing, f.name) for f in fields(thing)}
    return type(thing)(**{k: np.tile(v, (times,) + (1,) * (v.ndim - 1)) if np.shape(v)[:1] == (n,) else v for k, v in held.items()})


def lives(world: World, state: State, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Margin over 28 days, and whether anything was ordered; a row a life."""
    n = world.people.count
    around = replace(world.surroundings, spell=np.tile(world.surroundings.spell, (1, LIVES)))
    many = World(world.parameters, often(world.people, LIVES), around, world.offers, Draws(1000))
    lived = often(state, LIVES)
    margin, ordered = np.zeros(n * LIVES), np.zeros(n * LIVES)
    for day in range(28):
        happened = many.step(lived, np.tile(actions, LIVES) if day == 0 else None)
        np.add.at(margin, happened.lines.customer, happened.lines.margin)
        ordered[happened.lines.customer] = 1
    return margin.reshape(LIVES, n), ordered.reshape(LIVES, n)


def test_the_closed_form_is_what_happens_on_average(morning: tuple[World, State]) -> None:
    world, state = morning
    known, there = truth(world, state), world.there(state)
    numbers = np.array([world.offers.number(offer) for offer in OFFERS])
    # Each customer's own best of the offers, and each one's worst: large effects of both signs.
    nothing, ordered = lives(world, state, np.full(world.people.count, NOTHING))
    assert abs(standardised(nothing[:, there], known.base_margin[there])) < 3.5
    everything = world.offers.number("coupon_20")
    assert abs(standardised(ordered[:, there], known.base[there, everything])) < 3.5
    chosen = {
        "best": numbers[known.margin[:, numbers].argmax(axis=1)],
        "worst": numbers[known.margin[:, numbers].argmin(axis=1)],
        "by turns": numbers[np.arange(world.people.count) % len(numbers)],
    }
    for name, actions in chosen.items():
        margin, _ = lives(world, state, actions)
        told = known.margin[np.arange(len(actions)), actions] + world.parameters.messages.cost
        # Both share their chance, so that their difference is far less noisy than either.
        off = standardised((margin - nothing)[:, there], told[there])
        assert abs(off) < 3.5, f"{name}: {off:.1f} standard errors of {told[there].mean():.3f}"
        assert name == "by turns" or abs(standardised((margin - nothing)[:, there], 0.0 * told[there])) > 5, name
    _, ordered_told = lives(world, state, np.full(world.people.count, everything))
    assert abs(standardised((ordered_told - ordered)[:, there], known.uplift[there, everything])) < 3.5


def standardised(found: np.ndarray, told: np.ndarray) -> float:
    """How many standard errors the mean of lives lies above what was told."""
    means = found.mean(axis=1)
    return float((means.mean() - told.mean()) / (means.std(ddof=1) / np.sqrt(len(means))))


def test_an_offer_does_nothing_to_the_dead(morning: tuple[World, State]) -> None:
    world, state = morning
    state = state.copy()
    state.alive[:50] = False
    known = truth(world, state)
    assert known.margin[:50] == pytest.approx(-world.parameters.messages.cost)
    assert (known.uplift[:50] == 0).all()
    assert (known.base_margin[:50] == 0).all()


def test_some_are_harmed_and_some_would_have_bought_anyway(morning: tuple[World, State]) -> None:
    world, state = morning
    known = truth(world, state)
    assert (known.uplift < -1e-4).any()
    coupon = world.offers.number("coupon_20")
    assert ((known.uplift[:, coupon] > 0) & (known.margin[:, coupon] < -0.5)).any()


def test_it_is_only_told_when_no_message_works_any_more(morning: tuple[World, State]) -> None:
    world, state = morning
    state = state.copy()
    world.step(state, np.full(world.people.count, 0))
    with pytest.raises(ValueError, match="still works"):
        truth(world, state)


def test_without_rivals_and_with_a_constant_hazard_purchases_are_binomial() -> None:
    days, chance = 28, 0.07
    flat = np.full((days, 1), chance)
    found = expected(Hazards(flat, flat * 0, flat, flat * 0, 0.5), np.ones((days, 1)))
    assert found.purchases == pytest.approx(flat)
    assert found.none[:, 0] == pytest.approx((1 - chance) ** np.arange(1, days + 1))
