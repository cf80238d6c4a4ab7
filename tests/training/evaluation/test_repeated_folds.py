from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.evaluation.repeated_folds import corrected_interval, stratified_folds


def test_every_stratum_is_dealt_evenly_and_more_repeats_keep_the_first() -> None:
    strata = np.repeat([0, 1, 2], [103, 52, 7])
    dealt = stratified_folds(strata, folds=5, repeats=3, seed=1)
    for fold in dealt:
        counts = np.array([[np.sum((fold == k) & (strata == s)) for k in range(5)] for s in range(3)])
        assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1
        sizes = np.bincount(fold)
        assert sizes.max() - sizes.min() <= 1
    assert (dealt[:2] == stratified_folds(strata, folds=5, repeats=2, seed=1)).all()
    assert (dealt[0] != dealt[1]).any()
    assert (dealt[0] != stratified_folds(strata, folds=5, repeats=1, seed=2)[0]).any()


def test_the_corrected_interval_is_nadeau_and_bengios() -> None:
    values = np.array([0.1, 0.3, 0.2, 0.4, 0.0])
    low, high = corrected_interval(values, folds=5)
    reach = stats.t.ppf(0.975, 4) * np.sqrt((1 / 5 + 1 / 4) * values.var(ddof=1))
    assert (low, high) == pytest.approx((0.2 - reach, 0.2 + reach))
    # more repeats of the same spread cannot make it arbitrarily narrow
    many = np.tile(values, 1000)
    low, high = corrected_interval(many, folds=5)
    assert high - low > 2 * 1.96 * np.sqrt(many.var() / 4)
    assert corrected_interval(np.array([0.3]), folds=5) == (0.3, 0.3)


def test_the_corrected_interval_covers_where_the_plain_one_does_not() -> None:
    """The mean over folds of a noisy statistic: the same rows in every repeat, so repeats add no information."""
    rng = np.random.default_rng(0)
    corrected = plain = 0
    for _ in range(150):
        sample = rng.normal(0.0, 1.0, 200)
        folds = stratified_folds(np.zeros(200, np.int64), folds=5, repeats=10, seed=int(rng.integers(1 << 30)))
        # the error, on the hidden rows, of a mean learned from the others; its true value is that of a mean of 160 rows
        losses = np.array([np.mean((sample[f == k] - sample[f != k].mean()) ** 2) for f in folds for k in range(5)])
        low, high = corrected_interval(losses, folds=5)
        corrected += low <= 1 + 1 / 160 <= high
        reach = 1.96 * losses.std(ddof=1) / np.sqrt(len(losses))
        plain += abs(losses.mean() - 1 - 1 / 160) <= reach
    assert corrected > 0.9 * 150
    assert plain < 0.75 * 150
