from __future__ import annotations

import numpy as np
import pytest

from features.errors import TooLittleHistory
from training.simulation.parameters import load_world
from training.simulation.trials import ESTIMATORS, coverage_trial, fewer, holdout_trial, null_trial

SMALL = fewer(load_world("ordinary"), customers=150, history_weeks=3)


def test_both_arms_of_an_aa_test_are_alike() -> None:
    tests = [null_trial(SMALL, seed, weeks=2) for seed in range(25)]
    assert tests[0] == null_trial(SMALL, 0, weeks=2)
    # Of 25 tests at 5 % more than five reject once in a hundred thousand times.
    assert sum(test.plain < 0.05 for test in tests) <= 5
    assert sum(test.adjusted < 0.05 for test in tests) <= 5


def test_the_holdout_tells_the_lift() -> None:
    held = [holdout_trial(SMALL, seed, weeks=2, share=0.5) for seed in range(25)]
    off = np.array([h.told - h.true for h in held])
    assert abs(off.mean()) < 4 * off.std(ddof=1) / np.sqrt(len(off))


def test_off_policy_intervals_hold_the_truth() -> None:
    enough = fewer(load_world("ordinary"), customers=300, history_weeks=3)
    logs = [coverage_trial(enough, seed) for seed in range(12)]
    assert set(logs[0].value) == set(ESTIMATORS)
    for estimator in ESTIMATORS:
        assert sum(log.difference[estimator] for log in logs) >= 8


def test_a_log_too_small_for_an_interval_says_so() -> None:
    with pytest.raises(TooLittleHistory, match="make no interval"):
        coverage_trial(fewer(load_world("ordinary"), customers=40, history_weeks=3), 0)
