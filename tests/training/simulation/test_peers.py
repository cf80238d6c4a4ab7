from __future__ import annotations

from dataclasses import replace

import pytest

from features.decisions.policy import Exploration, Holdouts
from tests.training.simulation.small_world import small
from training.simulation.oracle_beside import OracleBeside
from training.simulation.peers import PEERS, Limits, Peer, PeerName, exploration_chances, limits_for, oracle_value
from training.simulation.state import NOTHING, State
from training.simulation.table import figure, policy_row
from training.simulation.trajectory import Trajectory, before_live, live
from training.simulation.truth import truth
from training.simulation.world import World, make_world


@pytest.fixture(scope="module")
def morning() -> tuple[World, State]:
    world = make_world(small(customers=600, weeks=8), seed=2, weeks=6)
    state = world.begin()
    before_live(world, state)
    return world, state


def limits(world: World, exploration: Exploration | None = None) -> Limits:
    ids = [f"c{number}" for number in range(world.people.count)]
    found = limits_for(ids, Holdouts(universal=0.2, model_control=0.1), Exploration())
    return Limits(found.universal, found.control, 4, exploration)


def lived(morning: tuple[World, State], name: PeerName, weeks: int = 6) -> Trajectory:
    world, state = morning
    return live(world, state.copy(), Peer(world, name, limits(world)), weeks)


def test_the_oracle_earns_most_and_what_it_earned_is_what_was_true(morning: tuple[World, State]) -> None:
    world, _ = morning
    judged = [limits(world).judged]
    paths = {name: lived(morning, name) for name in PEERS}
    rows = {name: policy_row(name, [path], [paths["send nothing"]], judged) for name, path in paths.items()}
    assert rows["send nothing"].incremental_margin.mean == 0
    best = max(rows.values(), key=lambda row: row.true_effect.mean)
    assert best.policy == "myopic oracle"


def test_limits_bind_everybody(morning: tuple[World, State]) -> None:
    world, _ = morning
    bound = limits(world)
    for name in PEERS[1:]:
        path = lived(morning, name)
        assert not path.messages[:, bound.universal].any()
    # Eight weeks after New Year 2024: one morning in February, four in March, one in April; two a month make four.
    twice = replace(bound, monthly=2)
    state = morning[1].copy()
    everybody = live(world, state, Peer(world, "best single offer to all", twice), 6)
    assert everybody.messages[:, bound.judged].sum(axis=0).max() == 4
    assert everybody.messages[:, bound.control].mean() > 0.4


def test_the_oracle_beside_itself_is_whole(morning: tuple[World, State]) -> None:
    world, state = morning
    bound = limits(world)
    beside = OracleBeside(world, bound)
    live(world, state.copy(), Peer(world, "myopic oracle", bound), 3, watch=beside.watch)
    true, best = beside.by_week
    assert true == pytest.approx(best)
    beside = OracleBeside(world, bound)
    live(world, state.copy(), Peer(world, "propensity only", bound), 3, watch=beside.watch)
    true, best = beside.by_week
    assert (true < best).all()


def test_exploring_costs_the_oracle_and_its_chances_sum_to_one(morning: tuple[World, State]) -> None:
    world, state = morning
    known = truth(world, state)
    chance = exploration_chances(known, Exploration())
    assert chance.sum(axis=1) == pytest.approx(1)
    assert (chance[:, :-1][~known.pointed] == 0).all()
    free, exploring = oracle_value(known, None), oracle_value(known, Exploration())
    assert (exploring <= free + 1e-12).all()
    assert exploring.sum() < free.sum()
    there = world.addressable(state)
    drawn = Peer(world, "myopic oracle", limits(world, Exploration(share=1.0))).choose(1, state, lambda: known)
    assert (drawn[limits(world).judged & there] == NOTHING).any()


def test_an_interval_needs_two_seeds() -> None:
    assert figure([1.0]).low is None
    found = figure([1.0, 2.0, 3.0])
    assert found.low is not None
    assert found.low < 2.0 == found.mean
