"""The bootstrap of customers: textbook errors, pairs, degenerate logs."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.policy.bootstrap import CustomerBootstrap, Interval
from training.evaluation.policy.estimators import Shares


def mean_of(values: np.ndarray) -> Shares:
    return Shares(values, np.ones(len(values)))


def test_of_many_independent_rounds_the_interval_is_the_textbooks() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 4000)
    (found,) = CustomerBootstrap(np.arange(4000), seed=1).intervals([(mean_of(values), None)])
    error = values.std() / np.sqrt(4000)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(error)
    assert (found.low, found.high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.15 * error)


def test_rounds_of_one_customer_do_not_count_as_many() -> None:
    people = np.random.default_rng(2).normal(size=500)
    once, often = (
        CustomerBootstrap(np.repeat(np.arange(500), times), seed=1).intervals([(mean_of(np.repeat(people, times)), None)])[0]
        for times in (1, 6)
    )
    assert often.error == pytest.approx(once.error)
    assert often.low == pytest.approx(once.low)


def test_the_error_of_a_ratio_is_that_of_its_line() -> None:
    rng = np.random.default_rng(3)
    below = rng.gamma(2.0, 1.0, 3000)
    above = below * 5.0 + rng.normal(size=3000)
    (found,) = CustomerBootstrap(np.arange(3000), seed=1).intervals([(Shares(above, below), None)])
    residual = above - above.sum() / below.sum() * below
    assert found.error == pytest.approx(np.sqrt((residual**2).sum()) / below.sum())


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(scale=100.0, size=800)
    better = base + 1.0 + rng.normal(scale=0.1, size=800)
    bootstrap = CustomerBootstrap(np.arange(800), seed=1)
    apart, paired = bootstrap.intervals([(mean_of(better), None), (mean_of(better), mean_of(base))])
    assert apart.high - apart.low > 10
    assert 0.98 < paired.low < 1.0 < paired.high < 1.02
    weight = rng.gamma(2.0, 1.0, 800)
    (ratio,) = bootstrap.intervals([(Shares(better * weight, weight), Shares(base * (weight + 1e-9), weight + 1e-9))])
    assert 0.97 < ratio.low < ratio.high < 1.03


def test_nothing_moves_where_nothing_differs() -> None:
    values = np.random.default_rng(5).normal(size=50)
    bootstrap = CustomerBootstrap(np.arange(50), seed=1)
    same, constant = bootstrap.intervals([(mean_of(values), mean_of(values)), (mean_of(np.full(50, 0.1)), None)])
    assert same == Interval(0.0, 0.0, 0.0, 0.0)
    assert (constant.low, constant.high, constant.error) == pytest.approx((0.1, 0.1, 0.0))


def test_one_customer_has_no_interval() -> None:
    (found,) = CustomerBootstrap(np.zeros(10, np.int64), seed=1).intervals([(mean_of(np.arange(10.0)), None)])
    assert found.value == 4.5
    assert np.isnan([found.low, found.high]).all()


def test_large_money_is_as_exact_as_small() -> None:
    rng = np.random.default_rng(6)
    values = rng.gamma(2.0, 1.0, 400)
    bootstrap = CustomerBootstrap(np.arange(400), seed=1)
    small, large = bootstrap.intervals([(mean_of(values), None), (mean_of(values * 1e9), None)])
    assert (large.low / 1e9, large.high / 1e9) == pytest.approx((small.low, small.high))
