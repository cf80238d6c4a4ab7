"""The best of many are the best of all, whatever the filter; most are not looked at where products are unequal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.artifacts import ranked_items
from training.artifacts.ranked_items import RankedItems

FLOOR = 1e-3


def catalogue(n: int, f: int, seed: int, *, spread: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factors whose lengths differ by the spread, and what is said of the products themselves."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(n, f)) * np.exp(spread * random.normal(size=(n, 1)))
    return factors.astype(np.float32), (spread * random.normal(size=n)).astype(np.float32)


def every(factors: NDArray[np.float32], static: NDArray[np.float32], taste: NDArray[np.float32], c: float) -> NDArray[np.float64]:
    """All log-odds, by looking at everything, in double precision."""
    return c * np.log(np.maximum(factors.astype(float) @ taste.astype(float), FLOOR)) + static


@settings(max_examples=60)
@given(
    n=st.integers(1, 5_000),
    f=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    limit=st.integers(1, 40),
    spread=st.sampled_from([0.0, 0.3, 2.0]),
    c=st.sampled_from([0.05, 0.3, 1.0]),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    length=st.sampled_from([0.0, 1e-6, 1.0, 50.0]),
)
def test_none_of_the_best_is_missed(*, n: int, f: int, seed: int, limit: int, spread: float, c: float, share: float, length: float) -> None:
    factors, static = catalogue(n, f, seed, spread=spread)
    random = np.random.default_rng(seed + 1)
    taste = (length * random.normal(size=f)).astype(np.float32)
    allowed = random.random(n) < share
    without = random.choice(n, min(n, 3), replace=False)
    ranked = RankedItems.of(factors, static, c, FLOOR)
    assert ranked is not None
    found, values, looked_at = ranked.best(taste, limit, allowed=allowed, without=without)
    truth = every(factors, static, taste, c)
    truth[~allowed] = -np.inf
    truth[without] = -np.inf
    best = np.sort(truth[np.isfinite(truth)])[::-1][:limit]
    assert len(found) == len(set(found.tolist())) == len(best)
    np.testing.assert_allclose(values, truth[found], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.sort(truth[found])[::-1], best, rtol=1e-3, atol=1e-3)  # others only where they are as good
    assert 0 < looked_at <= n


def test_of_unequal_products_most_are_not_looked_at() -> None:
    factors, static = catalogue(60_000, 16, 1, spread=1.0)
    ranked = RankedItems.of(factors, static, 0.3, FLOOR)
    assert ranked is not None
    random = np.random.default_rng(2)
    looked = [ranked.best(random.normal(size=16).astype(np.float32), 20)[2] for _ in range(20)]
    assert np.median(looked) < 6_000


def test_equal_ones_come_by_position() -> None:
    factors = np.ones((3_000, 2), np.float32)
    ranked = RankedItems.of(factors, np.zeros(3_000, np.float32), 0.5, FLOOR)
    assert ranked is not None
    assert ranked.best(np.ones(2, np.float32), 4)[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("coefficient", "spoilt"), [(0.0, None), (-0.2, None), (0.3, np.nan), (0.3, np.inf)], ids=["flat", "against", "nan", "infinite"]
)
def test_where_nothing_can_be_bounded_there_is_none(coefficient: float, spoilt: float | None) -> None:
    factors, static = catalogue(100, 3, 1, spread=1.0)
    if spoilt is not None:
        factors[7, 1] = spoilt
    assert RankedItems.of(factors, static, coefficient, FLOOR) is None


def test_it_comes_back_from_its_arrays() -> None:
    factors, static = catalogue(2_000, 4, 3, spread=1.0)
    ranked = RankedItems.of(factors, static, 0.3, FLOOR)
    assert ranked is not None
    back = RankedItems.of_arrays(ranked.arrays(), 0.3, FLOOR)
    assert back is not None
    taste = np.ones(4, np.float32)
    for one, other in zip(ranked.best(taste, 9), back.best(taste, 9), strict=True):
        np.testing.assert_array_equal(one, other)
    assert RankedItems.of_arrays({"factors": factors}, 0.3, FLOOR) is None
    assert ranked_items._FIRST < 2_000, "the search goes on at least once"
