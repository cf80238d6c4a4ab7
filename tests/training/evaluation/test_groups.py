"""Fairness by groups: a planted bias is found in its group and nowhere else; small groups are left out; the unknown are a group."""

from __future__ import annotations

import numpy as np

from features.feature_sets import CUSTOMER
from training.evaluation.groups import by_group, profile_groups

RNG = np.random.default_rng(5)
N = 6000
CUSTOMERS = np.repeat(np.arange(N // 3), 3)
P = RNG.uniform(0.1, 0.9, N)
Y = (RNG.random(N) < P).astype(np.float64)
AGE = np.repeat(RNG.choice(["25", "45", ""], N // 3), 3)


def test_honest_probabilities_have_no_gap_in_any_group() -> None:
    found = by_group(Y, P, CUSTOMERS, {"age": AGE}, seed=1)
    assert list(found) == ["age: unknown", "age: 25", "age: 45"]
    assert all(f.gap_interval[0] < 0 < f.gap_interval[1] for f in found.values())
    assert sum(f.rows for f in found.values()) == N
    assert sum(f.customers for f in found.values()) == N // 3


def test_an_overstated_group_is_found() -> None:
    biased = np.where(AGE == "45", np.minimum(P + 0.1, 1.0), P)
    found = by_group(Y, biased, CUSTOMERS, {"age": AGE}, seed=1)
    assert found["age: 45"].gap_interval[0] > 0.05
    assert found["age: 25"].gap_interval[0] < 0 < found["age: 25"].gap_interval[1]


def test_a_group_that_is_ranked_at_random_shows_in_its_area() -> None:
    shuffled = P.copy()
    shuffled[AGE == "25"] = RNG.permutation(P[AGE == "25"])
    found = by_group(Y, shuffled, CUSTOMERS, {"age": AGE}, seed=1)
    assert found["age: 25"].auc_interval is not None
    assert found["age: 25"].auc_interval[0] < 0.5 < found["age: 25"].auc_interval[1]
    assert found["age: 45"].auc is not None
    assert found["age: 45"].auc > 0.7


def test_groups_of_a_handful_and_of_one_outcome() -> None:
    few = np.where(CUSTOMERS < 29, "few", "many")
    assert list(by_group(Y, P, CUSTOMERS, {"size": few}, seed=1)) == ["size: many"]
    one = by_group(np.zeros(N), P, CUSTOMERS, {"size": np.full(N, "all")}, seed=1)["size: all"]
    assert one.auc is None
    assert one.auc_interval is None


def test_groups_are_those_of_the_profile_and_the_unknown_are_one() -> None:
    stored = np.full((3, len(CUSTOMER.columns)), np.nan)
    stored[:2, CUSTOMER.columns.index("age_from")] = (25, 65)
    groups = profile_groups(stored)
    assert {name: codes.tolist() for name, codes in groups.items()} == {"age from": ["25", "65", ""]}
