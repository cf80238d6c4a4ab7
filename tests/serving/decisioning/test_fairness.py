from __future__ import annotations

import math

import numpy as np
import pytest

from features.decisions.policy import Fairness
from serving.decisioning.fairness import Given, PriceAudit, audit_values, over_the_cap


def given(group: str, mean: float, *, customers: int = 400, decisions: int = 3, seed: int = 1) -> list[Given]:
    """Coupons of 5 or nothing, so that the mean is about as said."""
    random = np.random.default_rng(seed)
    return [
        Given(f"{group}{n}", {"age group": group}, 5.0 * float(random.random() < mean / 5))
        for n in range(customers)
        for _ in range(decisions)
    ]


def audited(*parts: list[Given], most_spread: float | None = 1.5) -> PriceAudit:
    return audit_values([one for part in parts for one in part], Fairness(most_spread=most_spread))


def test_a_cap_on_one_response() -> None:
    assert over_the_cap(1e9, Fairness()) is None
    assert over_the_cap(10.0, Fairness(most_discount=10)) is None
    refused = over_the_cap(10.01, Fairness(most_discount=10))
    assert refused is not None
    assert refused[0] == "discount_above_cap"


def test_a_spread_beyond_chance_is_objected_to_and_only_then() -> None:
    fair = audited(given("under 25", 1.0, seed=1), given("from 65", 1.0, seed=2))
    assert not fair.objects
    unfair = audited(given("under 25", 0.4, seed=1), given("from 65", 2.0, seed=2))
    (spread,) = unfair.spreads
    assert unfair.objects
    assert (spread.most.group, spread.least.group) == ("from 65", "under 25")
    assert spread.ratio == pytest.approx(5, rel=0.25)
    assert 1.5 < spread.at_least < spread.ratio
    assert not audited(given("a", 0.4), given("b", 2.0), most_spread=None).objects
    few = audited(given("a", 0.5, customers=30, decisions=1, seed=3), given("b", 1.0, customers=30, decisions=1, seed=4))
    assert not few.objects  # twice as much, of 30 customers each


def test_a_group_that_gets_nothing() -> None:
    (spread,) = audited(given("a", 0.0), given("b", 2.0)).spreads
    assert (spread.ratio, spread.objects) == (math.inf, True)
    assert 10 < spread.at_least < math.inf  # none in 400 customers leaves a rate of up to 3 in 400
    (nothing,) = audited(given("a", 0.0), given("b", 0.0)).spreads
    assert (nothing.ratio, nothing.objects) == (1.0, False)


def test_small_groups_are_named_and_not_judged() -> None:
    found = audited(given("a", 1.0, customers=29), given("b", 1.0))
    assert (found.too_small, [group.group for group in found.groups], found.spreads) == (("age group a",), ["b"], ())
    assert audit_values([], Fairness()) == PriceAudit((), (), ())


def test_the_interval_holds_the_truth_as_often_as_it_says_though_decisions_of_a_customer_are_alike() -> None:
    held = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        liking = random.random(60)  # of each customer, the same in all their decisions
        rows = [Given(str(n), {"stage": "buyer"}, 5.0 * float(random.random() < liking[n])) for n in range(60) for _ in range(8)]
        (group,) = audit_values(rows, Fairness()).groups
        held += group.low <= 2.5 <= group.high
    assert 0.90 <= held / 300 <= 0.98
