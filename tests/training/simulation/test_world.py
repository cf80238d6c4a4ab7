from __future__ import annotations

import numpy as np
import pytest

from tests.training.simulation.small_world import small
from training.simulation.draws import Draws, Purpose
from training.simulation.parameters import WORLDS
from training.simulation.state import NOTHING, State
from training.simulation.world import Happened, World, make_world


def lived(world: World, state: State, days: int, offer: int = NOTHING) -> list[Happened]:
    return [world.step(state, np.full(world.people.count, offer)) for _ in range(days)]


@pytest.mark.parametrize("name", WORLDS)
def test_the_same_seed_makes_the_same_days(name: str) -> None:
    days = []
    for _ in range(2):
        world = make_world(small(name), seed=3, weeks=1)
        days.append(lived(world, world.begin(), 20, offer=0))
    for one, other in zip(*days, strict=True):
        assert np.array_equal(one.lines.customer, other.lines.customer)
        assert np.array_equal(one.lines.margin, other.lines.margin)
        assert np.array_equal(one.unsubscribed, other.unsubscribed)
    other_world = make_world(small(name), seed=4, weeks=1)
    assert any(
        not np.array_equal(one.lines.customer, other.lines.customer)
        for one, other in zip(days[0], lived(other_world, other_world.begin(), 20, offer=0), strict=True)
    )


def test_who_is_sent_nothing_lives_the_same_whatever_the_others_are_sent() -> None:
    world = make_world(small(customers=400), seed=1, weeks=4)
    quiet, loud = world.begin(), world.begin()
    everybody = world.people.count
    even = np.arange(everybody) % 2 == 0
    for day in range(28):
        one = world.step(quiet)
        two = world.step(loud, np.where(even & (day % 7 == 0), 12, NOTHING))
        for lines, others in ((one.lines, two.lines), (two.lines, one.lines)):
            odd, odd_others = lines.customer % 2 == 1, others.customer % 2 == 1
            assert np.array_equal(lines.product[odd], others.product[odd_others])
            assert np.array_equal(lines.paid[odd], others.paid[odd_others])
    assert np.array_equal(quiet.age[~even], loud.age[~even])
    assert not np.array_equal(quiet.age[even], loud.age[even])


def test_a_draw_of_one_customer_does_not_depend_on_how_many_there_are() -> None:
    few, many = (Draws(7).uniform(Purpose.BUY, (n, 3), day=5) for n in (10, 1000))
    assert np.array_equal(few, many[:10])
    assert not np.array_equal(few, Draws(7).uniform(Purpose.RIVAL, (10, 3), day=5))
    assert not np.array_equal(few, Draws(7).uniform(Purpose.BUY, (10, 3), day=6))
    assert not np.array_equal(few, Draws(8).uniform(Purpose.BUY, (10, 3), day=5))


def test_messages_tire() -> None:
    world = make_world(small(customers=500), seed=1, weeks=8)
    fresh, pestered = world.begin(), world.begin()
    for day in range(28):
        world.step(fresh)
        world.step(pestered, np.full(world.people.count, 15 if day % 3 == 0 else NOTHING))
    pestered.reachable[:] = True
    pestered.age, pestered.wanted = fresh.age.copy(), fresh.wanted.copy()  # equal but for what they remember
    one, other = world.sending(15, fresh), world.sending(15, pestered)
    asked = world.people.arrives == 0
    assert (other.opening < one.opening)[asked].all()
    assert (other.leaving > one.leaving)[asked].all()
    helped = (one.lift > 0) & asked[:, None]
    assert helped.any()
    assert (other.lift[helped] < one.lift[helped]).all()


def test_who_unsubscribed_is_sent_nothing_any_more() -> None:
    world = make_world(small(customers=2000, messages={"leaving": 0.2}), seed=2, weeks=2)
    state = world.begin()
    first = world.step(state, np.full(world.people.count, 15))
    assert len(first.unsubscribed) > 50
    assert not state.reachable[first.unsubscribed].any()
    second = world.step(state, np.full(world.people.count, 15))
    assert not set(second.sent[:, 0]) & set(first.unsubscribed)


def test_a_discount_is_taken_by_those_who_open_while_it_lasts() -> None:
    world = make_world(small(customers=3000, weeks=6), seed=1, weeks=2)
    state = world.begin()
    lived(world, state, 14)
    coupon = world.offers.number("coupon_20")
    first = world.step(state, np.full(world.people.count, coupon))
    days = [first, *lived(world, state, 9)]
    readers = set(first.sent[first.opened, 0])
    for day, happened in enumerate(days):
        reader = np.array([c in readers for c in happened.lines.customer])
        expected = (happened.lines.paid + happened.lines.discount) * 0.2 * (reader & (day < 7))
        assert happened.lines.discount == pytest.approx(expected)
    assert sum(h.lines.discount.sum() for h in days) > 0


def test_nothing_sold_out_is_bought() -> None:
    world = make_world(small(customers=1500, stock={"out_per_day": 0.2, "back_per_day": 0.2}), seed=1, weeks=2)
    state = world.begin()
    for happened in lived(world, state, 30):
        assert world.surroundings.stocked[happened.day][happened.lines.product].all()
    assert not world.surroundings.stocked.all()


def test_the_dead_and_those_to_come_buy_nothing() -> None:
    world = make_world(small(customers=800, people={"customers": 800, "arrivals_per_day": 5.0, "dying_per_day": 0.02}), seed=1, weeks=4)
    state = world.begin()
    for _ in range(40):
        alive, there = state.alive.copy(), world.there(state)
        happened = world.step(state)
        assert (alive & there)[happened.lines.customer].all()
        assert there[happened.viewed[:, 0]].all()
    assert not state.alive.all()
