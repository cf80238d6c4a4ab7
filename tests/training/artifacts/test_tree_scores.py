from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from training.artifacts.tree_scores import tree_scores


@pytest.fixture(scope="module")
def booster() -> lgb.Booster:
    random = np.random.default_rng(1)
    x = random.normal(size=(500, 6))
    x[random.random(x.shape) < 0.1] = np.nan
    label = (random.random(500) < 1 / (1 + np.exp(-np.nan_to_num(x[:, 0])))).astype(float)
    return lgb.train({"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1}, lgb.Dataset(x, label), 20)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 7, 400])
def test_says_what_the_package_says_to_the_last_bit(booster: lgb.Booster, rows: int, *, raw: bool) -> None:
    x = np.random.default_rng(2).normal(size=(rows, 6))
    x[:, 1][::3] = np.nan
    wanted = booster.predict(x, raw_score=raw, num_threads=1) if rows else np.empty(0)
    np.testing.assert_array_equal(tree_scores(booster, x, raw=raw), wanted)
    np.testing.assert_array_equal(tree_scores(booster, np.asfortranarray(x), raw=raw), wanted)


def test_another_number_of_inputs_is_refused(booster: lgb.Booster) -> None:
    with pytest.raises(ValueError, match="5 inputs"):
        tree_scores(booster, np.zeros((1, 5)))
