from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from features.decisions.assignment import arm_of, holdout_of, place
from features.decisions.policy import Holdouts
from features.decisions.record import Holdout

MANY = [f"c{i}" for i in range(20_000)]


@given(st.text(), st.text())
def test_a_place_lies_within_its_bounds_and_stays(salt: str, customer_id: str) -> None:
    assert 0 <= place(salt, customer_id) < 1
    assert place(salt, customer_id) == place(salt, customer_id)


def test_a_salt_and_an_id_are_not_mixed_up() -> None:
    assert place("a:b", "c") != place("a", "b:c")


def test_holdouts_have_their_shares_and_do_not_overlap() -> None:
    found = [holdout_of(c, Holdouts(universal=0.05, model_control=0.02)) for c in MANY]
    assert abs(found.count(Holdout.UNIVERSAL) / len(MANY) - 0.05) < 0.005
    assert abs(found.count(Holdout.MODEL_CONTROL) / len(MANY) - 0.02) < 0.004


def test_a_holdout_of_everybody_holds_everybody() -> None:
    assert {holdout_of(c, Holdouts(universal=1.0, model_control=0.0)) for c in MANY} == {Holdout.UNIVERSAL}


def test_a_larger_holdout_keeps_who_was_in_the_smaller() -> None:
    small = {c for c in MANY if holdout_of(c, Holdouts(universal=0.02, model_control=0)) is not None}
    large = {c for c in MANY if holdout_of(c, Holdouts(universal=0.05, model_control=0)) is not None}
    assert small < large


def test_arms_are_even_and_independent_between_experiments() -> None:
    arms = [("a", 0.5), ("b", 0.5)]
    first, second = [arm_of(c, "one", arms) for c in MANY], [arm_of(c, "two", arms) for c in MANY]
    assert abs(first.count("a") / len(MANY) - 0.5) < 0.015
    both = sum(x == y for x, y in zip(first, second, strict=True)) / len(MANY)
    assert abs(both - 0.5) < 0.015
