"""The ideal observer's filter against brute force: of many lives, those that looked alike from outside."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.ideal_observer.grid import Evidence, make_grid
from benchmarks.ideal_observer.lifts import no_lifts
from benchmarks.ideal_observer.mornings import REVEALED, first_morning, judge, watched
from benchmarks.ideal_observer.needs import Needs
from benchmarks.ideal_observer.sightings import Seen, notebook
from tests.training.simulation.small_world import small
from training.simulation.parameters import WorldParameters
from training.simulation.response import need
from training.simulation.state import NOTHING, State
from training.simulation.trajectory import before_live
from training.simulation.world import Happened, World, make_world

Flags = NDArray[np.bool_]

LIVES, DAYS, BOUGHT_ON = 60_000, 25, 11


def one_category(name: str) -> WorldParameters:
    """A world of one category, in which everything is in stock and people leave often."""
    said = small(name, customers=LIVES, weeks=DAYS // 7 + 1).model_dump(by_alias=True)
    said["categories"] = [said["categories"][0] | {"wanted": 0.5, "later": 0.6}]
    said["companions"], said["offers"] = [], [offer for offer in said["offers"] if not offer["categories"]]
    said["stock"] |= {"out_per_day": 0.0}
    said["people"] |= {"arrivals_per_day": 0.0, "dying_per_day": 0.01}
    return WorldParameters.model_validate(said)


def lived(name: str) -> tuple[World, State, Flags, Flags]:
    """Lives without messages: `(days, n)` who looked and who bought on each day."""
    world = make_world(one_category(name), seed=11, weeks=1)
    state, looked, bought = world.begin(), np.zeros((DAYS, LIVES), np.bool_), np.zeros((DAYS, LIVES), np.bool_)
    for day in range(DAYS):
        happened = world.step(state)
        looked[day, happened.viewed[:, 0]] = True
        bought[day, happened.lines.customer] = True
    return world, state, looked, bought


def filtered(world: World, looks: Flags, bought: Flags, evidence: Evidence) -> Needs:
    """The filter, of one customer who looked and bought on these days, `(days,)` each."""
    grid = make_grid(world.parameters, hastes=13, cycles=13, ages=120, evidence=evidence)
    season = world.surroundings.season * np.array([[world.surroundings.at(day).needs] for day in range(world.surroundings.days)])
    needs = Needs(world.parameters, grid, np.zeros(1, np.int64), season, evidence)
    for day in range(DAYS):
        own = np.array([[float(bought[day])]])
        none = np.zeros(1, np.bool_)
        lives = np.array([bool(bought[day] or (looks[day] and evidence.looks))])
        seen = Seen(day, np.array([[looks[day]]]), own, 1 - own, np.full(1, NOTHING), none, none, lives)
        needs.step(seen, np.ones((1, 1)), no_lifts(1, 1, len(grid.haste)))
    return needs


@pytest.mark.parametrize("name", ["ordinary", "adverse"])
@pytest.mark.parametrize("pattern", ["nothing", "bought once", "looked once"])
def test_the_filter_knows_what_lives_that_look_alike_are_like(name: str, pattern: str) -> None:
    world, state, looked, bought = lived(name)
    evidence = Evidence(looks=pattern != "bought once")  # whoever bought mostly looked as well; too few lives are exactly alike
    wanted_looks, wanted_bought = np.zeros(DAYS, np.bool_), np.zeros(DAYS, np.bool_)
    wanted_bought[BOUGHT_ON] = pattern == "bought once"
    wanted_looks[BOUGHT_ON] = pattern == "looked once"
    alike = (bought == wanted_bought[:, None]).all(axis=0)
    if evidence.looks:
        alike &= (looked == wanted_looks[:, None]).all(axis=0)
    needs = filtered(world, wanted_looks, wanted_bought, evidence)
    random, draws = np.random.default_rng(1), 40_000
    person = needs.person[0].ravel() / needs.person[0].sum()
    point = random.choice(len(person), size=(1, draws), p=person)
    haste, spell = np.divmod(point, needs.person.shape[2])
    drawn = needs.draw(np.zeros(1, np.int64), haste, spell, random).flat()
    used, waits, age, cycle = drawn.used[:, 0], drawn.waits[:, 0], drawn.age[:, 0], drawn.cycle[:, 0]
    fallen = (age / cycle) ** world.parameters.needs.sharpness

    assert alike.sum() > 100
    living = alike & state.alive
    close(needs.alive[0], state.alive[alike])
    close(used.mean(), state.wanted[living, 0])
    close(waits.mean(), (~state.wanted & (world.people.needed_from < state.day))[living, 0])
    close((used * fallen / (1 + fallen)).mean(), need(state, world.people, world.parameters.needs.sharpness)[living, 0])
    users = living & state.wanted[:, 0]
    close(age[used].mean(), state.age[users, 0], wide=0.02)
    close(np.log(cycle[used]).mean(), np.log(world.people.cycle[users, 0]), wide=0.01)
    speed = (
        np.log(world.people.speed * world.people.cycle / world.parameters.needs.plateau)[living, 0] / world.parameters.people.need_spread
    )
    close((needs.person[0].sum(axis=1) * needs.grid.haste).sum(), speed, wide=0.02)


def close(told: float, lives: NDArray[np.generic], *, wide: float = 0.005) -> None:
    """Within four standard errors of the lives' mean, and what the grid's points take."""
    values = lives.astype(np.float64)
    assert abs(told - values.mean()) < 4 * values.std() / np.sqrt(len(values)) + wide * max(1.0, abs(values.mean()))


def test_who_is_told_everything_is_the_oracle() -> None:
    morning = first_morning(small(customers=25, weeks=8), 5, weeks=1)
    watching = watched(morning, hastes=3, cycles=3, ages=100)

    everything = judge(morning, watching, draws=4, revealed=REVEALED["everything revealed"])
    nothing = judge(morning, watching, draws=8, soon=True)

    assert everything.got == pytest.approx(everything.best)
    assert everything.own == pytest.approx(everything.best)
    assert nothing.got < nothing.best
    assert nothing.own < nothing.oracle
    assert -1 <= nothing.bought <= 1


def test_nothing_hidden_is_read() -> None:
    """The same days seen of people who are otherwise different tell the same."""
    morning = first_morning(small(customers=25, weeks=4), 5, weeks=1)
    people = morning.world.people
    others = dataclasses.replace(
        people, cycle=people.cycle * 3, speed=people.speed / 2, responsiveness=people.responsiveness + 1, sensitivity=people.sensitivity * 2
    )
    elsewhere = dataclasses.replace(morning, world=dataclasses.replace(morning.world, people=others))

    one, other = (judge_values(m) for m in (morning, elsewhere))

    np.testing.assert_array_equal(one, other)


def judge_values(morning: object) -> NDArray[np.float64]:
    from benchmarks.ideal_observer.mornings import Morning
    from benchmarks.ideal_observer.prospects import prospects

    assert isinstance(morning, Morning)
    watching = watched(morning, hastes=3, cycles=3, ages=100)
    return prospects(watching, morning.state, morning.rows, draws=4).value


def test_what_is_bought_along_with_something_else_may_not_still_its_own_need() -> None:
    world = make_world(small(customers=60, weeks=10), seed=2, weeks=1)
    notes, state, days = notebook(world), world.begin(), list[Happened]()
    before_live(world, state, watch=days.append)

    seen = [notes.read(happened) for happened in days]

    (first, second), chance = world.offers.rules[0], world.offers.chances[0]
    either = [day for day in seen if ((day.own[:, second] > 0) & (day.other[:, second] > 0)).any()]
    assert either
    for day in either:
        rows = (day.own[:, second] > 0) & (day.other[:, second] > 0)
        assert (day.own[rows, first] > 0).all()
        assert np.allclose(day.other[rows, second], chance)
