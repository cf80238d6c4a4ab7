from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from features.decisions.sample_ratio import LEVEL, chi_square_above, sample_ratio


@given(statistic=st.floats(0, 200), degrees=st.integers(1, 19))
def test_the_chance_is_that_of_chi_square(statistic: float, degrees: int) -> None:
    assert chi_square_above(statistic, degrees) == pytest.approx(float(stats.chi2.sf(statistic, degrees)), rel=1e-9, abs=1e-15)


@given(counts=st.lists(st.integers(50, 5000), min_size=2, max_size=5), seed=st.integers(0, 99))
def test_it_is_pearsons_test(counts: list[int], seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.2, 2, len(counts))
    names = [f"arm{i}" for i in range(len(counts))]
    found = sample_ratio(dict(zip(names, counts, strict=True)), dict(zip(names, weights.tolist(), strict=True)))
    expected = stats.chisquare(counts, np.array(weights) / weights.sum() * sum(counts))
    assert found.chance == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.mismatch == (expected.pvalue < LEVEL)


def test_an_arm_that_gets_too_few_is_found_and_a_handful_says_nothing() -> None:
    assert sample_ratio({"a": 10_000, "b": 9_500}, {"a": 1, "b": 1}).mismatch
    assert not sample_ratio({"a": 10_000, "b": 9_900}, {"a": 1, "b": 1}).mismatch
    assert sample_ratio({"a": 10_000, "b": 5_000}, {"a": 2, "b": 1}).chance == pytest.approx(1)
    few = sample_ratio({"a": 8}, {"a": 1, "b": 1})
    assert (few.counts, few.chance, few.mismatch) == ({"a": 8, "b": 0}, None, False)
