"""Baskets in order: ages from the end, pairs once, and no line lost or doubled."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.basket_sequences import BasketSequences


def small() -> BasketSequences:
    # user 0: {1, 2}, {1}, {3}; user 1: nothing; user 2: {1} (said twice)
    user, position, item = np.array([(0, 2, 1), (0, 2, 2), (0, 7, 3), (0, 5, 1), (2, 0, 1), (2, 0, 1)]).T
    return BasketSequences.of(3, 5, user, position, item)


def test_lines_are_sorted_once_and_without_gaps() -> None:
    made = small()
    assert list(zip(made.user, made.position, made.item, strict=True)) == [(0, 0, 1), (0, 0, 2), (0, 1, 1), (0, 2, 3), (2, 0, 1)]
    assert made.baskets.tolist() == [3, 0, 1]
    assert made.age.tolist() == [3, 3, 2, 1, 1]
    assert made.lines.toarray().sum(axis=1).tolist() == [2, 1, 1, 1]


def test_pairs_know_their_cycle() -> None:
    pairs = small().pairs
    assert list(zip(pairs.user, pairs.item, pairs.count, strict=True)) == [(0, 1, 2), (0, 2, 1), (0, 3, 1), (2, 1, 1)]
    assert pairs.age_first.tolist() == [3, 3, 1, 1]
    assert pairs.age_last.tolist() == [2, 3, 1, 1]
    assert pairs.age_before.tolist() == [3, 0, 0, 0]
    assert pairs.start.tolist() == [0, 3, 3, 4]
    assert pairs.sums(small().decayed(0.5)).tolist() == [0.75, 0.25, 1.0, 1.0]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 5)), min_size=1))
def test_what_is_bought_when_does_not_depend_on_the_order_of_the_lines(lines: list[tuple[int, int, int]]) -> None:
    def made(given: list[tuple[int, int, int]]) -> BasketSequences:
        user, position, item = np.array(given).T
        return BasketSequences.of(5, 6, user, position, item)

    one, other = made(lines), made(lines[::-1] + lines)
    assert (one.lines != other.lines).nnz == 0
    for name in ("start", "user", "item", "count", "age_first", "age_last", "age_before"):
        assert np.array_equal(getattr(one.pairs, name), getattr(other.pairs, name))
    assert len(one.user) == len(set(lines))
    assert one.pairs.count.sum() == len(one.user)
    assert (one.pairs.age_first >= one.pairs.age_last).all()


def test_within_a_basket_the_given_order_stays() -> None:
    user, position, item = np.array([(0, 1, 4), (0, 0, 3), (0, 0, 1), (0, 0, 3), (0, 0, 2)]).T
    assert BasketSequences.of(1, 5, user, position, item).item.tolist() == [3, 1, 2, 4]
