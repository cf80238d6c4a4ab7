from __future__ import annotations

import numpy as np
import pytest

from huitou.simulation.beliefs import HIGHEST_RISK, Beliefs, lines, saved_by_audience
from tests.training.simulation.small_world import small
from training.simulation.trajectory import before_live
from training.simulation.truth import Truth, truth
from training.simulation.world import World, make_world


@pytest.fixture(scope="module")
def morning() -> tuple[World, Truth]:
    world = make_world(small(customers=400, weeks=6), seed=1, weeks=1)
    state = world.begin()
    before_live(world, state)
    return world, truth(world, state)


def believed(known: Truth, value: np.ndarray) -> Beliefs:
    customer, offer = (part.ravel() for part in np.indices(known.margin.shape))
    return Beliefs(customer, offer, tuple("coupon" if o == 12 else "other" for o in offer), value.ravel(), known.uplift.ravel())


def test_who_knows_the_truth_saves_what_the_oracle_saves(morning: tuple[World, Truth]) -> None:
    world, known = morning
    risk = {customer: float(1 - known.base[customer, 12]) for customer in range(400)}
    saved = saved_by_audience(world, believed(known, known.margin), known, risk, at_risk_from=0.35)
    assert saved["uplift × value"] == pytest.approx(saved["oracle"])
    assert saved["uplift × value"] > saved[HIGHEST_RISK]
    blind = saved_by_audience(world, believed(known, -known.margin), known, risk, at_risk_from=0.35)
    assert blind["uplift × value"] < 0
    assert blind["oracle"] == saved["oracle"]


def test_beliefs_are_told_by_type(morning: tuple[World, Truth]) -> None:
    _, known = morning
    said = lines(believed(known, 2 * known.margin), known)
    assert [line.split(":")[0] for line in said] == ["believed of coupon", "believed of other"]
    assert all(line.endswith("correlation 1.00") for line in said)
