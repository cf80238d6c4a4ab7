"""Effects against formulas done by hand, and how often nothing is taken for something.

`HUITOU_TEST_SEEDS=1000` makes the thousand seeds of the acceptance test (33 to 69 rejections); by default there are 200.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

from training.evaluation.experiments.effect import effect, worst
from training.evaluation.experiments.sample import Array, Sample
from training.evaluation.experiments.sequential import LEAST, width

SEEDS = int(os.environ.get("HUITOU_TEST_SEEDS", "200"))
PEOPLE = 800


def rejections_of_chance(seeds: int) -> tuple[float, float]:
    """What 5 % of so many seeds come to, but for one run in a hundred: 33 to 69 of 1,000."""
    return stats.binom.ppf(0.005, seeds, 0.05), stats.binom.ppf(0.995, seeds, 0.05)


def shop(seed: int, *, lift: float = 0.0, people: int = PEOPLE) -> tuple[Sample, Sample]:
    """Margins of a shop in two arms dealt by chance: most leave nothing, some much; who bought before buys again."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(1.0, 1.0, people)

    def margins() -> Array:
        return np.asarray(rng.poisson(habit) * rng.gamma(2.0, 4.0, people), np.float64)

    before, after = margins(), margins()
    treated = rng.random(people) < 0.5
    after = after + lift * treated
    return Sample(after[~treated], before[~treated]), Sample(after[treated], before[treated])


def test_a_difference_of_means_is_welchs() -> None:
    control, treated = (Sample(one.value) for one in shop(1, lift=2.0))
    found = effect(control, treated)
    peer = stats.ttest_ind(treated.value, control.value, equal_var=False)
    assert not found.adjusted
    assert found.difference == pytest.approx(treated.value.mean() - control.value.mean())
    assert found.chance == pytest.approx(peer.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval(0.95)))


def test_what_was_known_before_is_taken_out() -> None:
    control, treated = shop(2)
    found = effect(control, treated)
    value, before = (np.concatenate([getattr(control, n), getattr(treated, n)]) for n in ("value", "before"))
    theta = np.cov(value, before)[0, 1] / before.var(ddof=1)
    peer = stats.ttest_ind(treated.value - theta * treated.before, control.value - theta * control.before, equal_var=False)  # type: ignore[operator]
    assert found.adjusted
    assert found.chance == pytest.approx(peer.pvalue, rel=1e-3)
    assert found.standard_error < effect(Sample(control.value), Sample(treated.value)).standard_error


def test_a_ratio_has_the_delta_methods_variance() -> None:
    rng = np.random.default_rng(3)

    def arm() -> Sample:
        orders = rng.poisson(rng.gamma(2, 1, 2000)).astype(float)
        return Sample(orders * rng.gamma(2, 4, 2000), None, orders)

    def told(one: Sample) -> tuple[float, float]:
        assert one.per is not None
        ratio = one.value.sum() / one.per.sum()
        return ratio, (one.value - ratio * one.per).var(ddof=1) / one.per.mean() ** 2 / len(one)

    control, treated = arm(), arm()
    found = effect(control, treated)
    (a, var_a), (b, var_b) = told(control), told(treated)
    assert found.difference == pytest.approx(b - a)
    assert found.standard_error == pytest.approx(np.sqrt(var_a + var_b), rel=1e-6)


def test_a_column_that_is_the_same_for_everybody_tells_nothing() -> None:
    control, treated = Sample(np.arange(9.0), np.zeros(9)), Sample(np.arange(1, 10.0), np.zeros(9))
    assert not effect(control, treated).adjusted
    nobody_left = Sample(np.zeros(1000))
    found = effect(nobody_left, nobody_left)
    assert (found.difference, found.found) == (0, False)
    assert 0.002 < worst(found, alpha=0.05)[1] < 0.003  # about "three in n"


@pytest.mark.parametrize("known", [False, True])
def test_where_nothing_differs_five_in_a_hundred_are_taken_for_something(known: bool) -> None:
    found = 0
    for seed in range(SEEDS):
        control, treated = shop(seed)
        told = (control, treated) if known else (Sample(control.value), Sample(treated.value))
        found += effect(*told).found
    low, high = rejections_of_chance(SEEDS)
    print(f"A/A, {'CUPED' if known else 'plain'}: {found} of {SEEDS} rejected")  # noqa: T201
    assert low <= found <= high


@pytest.mark.parametrize("known", [False, True])
def test_looking_at_every_step_finds_something_in_at_most_five_of_a_hundred(known: bool) -> None:
    sequential, naive = 0, 0
    for seed in range(SEEDS):
        control, treated = shop(seed, people=2000)
        if not known:
            control, treated = Sample(control.value), Sample(treated.value)
        steps = range(LEAST, min(len(control), len(treated)), 40)
        looks = [effect(control.of(slice(n)), treated.of(slice(n)), planned=2000) for n in steps]
        sequential += any(look.found for look in looks)
        naive += any(abs(look.difference) > 1.96 * look.standard_error for look in looks)
    print(f"A/A, looked at {len(steps)} times, {'CUPED' if known else 'plain'}: {sequential} of {SEEDS}; naively {naive}")  # noqa: T201
    assert sequential <= rejections_of_chance(SEEDS)[1]
    assert naive > 2 * SEEDS * 0.05  # what such peeking does to an interval that is made for one look


def test_an_effect_that_is_there_is_covered_and_found() -> None:
    told = [effect(*shop(seed, lift=3.0, people=3000), planned=3000) for seed in range(40)]
    assert np.mean([one.low <= 3.0 <= one.high for one in told]) >= 0.9
    assert np.mean([one.found for one in told]) > 0.9
    assert np.mean([one.difference for one in told]) == pytest.approx(3.0, abs=0.2)
    low, high = worst(told[0], alpha=0.05, planned=3000)
    assert told[0].low < low < high < told[0].high


def test_the_price_of_peeking_is_smallest_at_the_planned_size() -> None:
    sizes = np.geomspace(100, 1e6, 60)
    price = [width(int(n), planned=10_000, alpha=0.05) / np.sqrt(n) * 100 for n in sizes]
    assert np.all(np.diff(price) < 0)  # more customers, narrower
    at_plan = width(10_000, planned=10_000, alpha=0.05)
    assert 1.4 < at_plan / 1.96 < 1.7
    assert all(width(10_000, planned=p, alpha=0.05) >= at_plan - 1e-3 for p in (3_000, 7_000, 15_000, 40_000))
