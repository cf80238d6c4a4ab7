from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.artifacts.calibration import LogitMap
from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS, TREE_INPUTS, roll_forward, tree_inputs
from training.artifacts.folder import ArtifactBroken, Manifest
from training.artifacts.repurchase import DUE_CAP_DAYS, FEATURE_SET_HASH, KIND, RepurchaseHeader, RepurchaseModel

Array = NDArray[np.float64]


def stored(n: int, seed: int = 5) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    category = rng.gamma(2.0, 10.0, (n, len(CATEGORY_INPUTS)))
    category[rng.random(category.shape) < 0.05] = np.nan
    return category, rng.gamma(2.0, 10.0, (n, len(CUSTOMER_INPUTS)))


def grown() -> RepurchaseModel:
    """Trees whose hazard is high where the recency is near the mean gap, and falls with the lead."""
    category, customer = stored(4000)
    rows = np.vstack([tree_inputs(category, customer, lead) for lead in (0, 1, 2)])
    ratio = np.nan_to_num(rows[:, TREE_INPUTS.index("recency_per_gap")], nan=0.1)
    chance = 0.2 / (1 + np.abs(np.log(ratio + 0.01))) / (1 + 0.3 * rows[:, TREE_INPUTS.index("lead")])
    label = (np.random.default_rng(6).random(len(rows)) < chance).astype(float)
    parameters = {"objective": "binary", "num_leaves": 15, "learning_rate": 0.2, "verbose": -1, "num_threads": 1, "seed": 1}
    booster = lgb.train(parameters, lgb.Dataset(rows, label, feature_name=list(TREE_INPUTS)), num_boost_round=20)
    return RepurchaseModel(booster, RepurchaseHeader(calibration=LogitMap(intercept=-0.1, slope=1.1), max_lead=2))


MODEL = grown()


def manifest() -> Manifest:
    day = datetime(2023, 1, 1, tzinfo=UTC)
    return Manifest(name="repurchase", kind=KIND, feature_set_hash=FEATURE_SET_HASH, data_from=day, data_until=day, input_hash="h")


@given(st.integers(0, 1000), st.lists(st.floats(0, 400), min_size=2, max_size=6))
def test_chance_never_falls_with_the_horizon(seed: int, horizons: list[float]) -> None:
    p = MODEL.probabilities(*stored(3, seed), sorted(horizons))
    assert np.all(np.diff(p, axis=1) >= 0)
    assert np.all((p >= 0) & (p <= 1))


def test_forecast_agrees_with_probability_of_any_horizon() -> None:
    category, customer = stored(200)
    forecast = MODEL.predict(category, customer)
    for days, p in ((7, forecast.probability_7d), (14, forecast.probability_14d), (28, forecast.probability_28d)):
        np.testing.assert_allclose(MODEL.probability(category, customer, days), p, rtol=1e-12)
    assert np.all(MODEL.probability(category, customer, 0) == 0)
    one, half = MODEL.probability(category, customer, 7), MODEL.probability(category, customer, 3.5)
    np.testing.assert_allclose((1 - half) ** 2, 1 - one)


def test_due_date_is_where_the_chance_reaches_one_half() -> None:
    category, customer = stored(300)
    forecast = MODEL.predict(category, customer)
    near = forecast.days_until_due < DUE_CAP_DAYS
    assert 20 < near.sum() < 300
    at_due = [MODEL.probability(category[i : i + 1], customer[i], float(forecast.days_until_due[i]))[0] for i in np.flatnonzero(near)]
    np.testing.assert_allclose(at_due, 0.5, atol=1e-9)
    assert np.all(MODEL.probability(category[~near], customer[~near], DUE_CAP_DAYS) <= 0.5)


def test_one_customer_for_all_pairs_equals_the_same_row_repeated() -> None:
    category, customer = stored(6)
    repeated = MODEL.predict(category, np.tile(customer[0], (6, 1)))
    for field in dataclasses.fields(repeated):
        np.testing.assert_array_equal(getattr(MODEL.predict(category, customer[0]), field.name), getattr(repeated, field.name))


def test_nobody_gives_empty_arrays() -> None:
    forecast = MODEL.predict(np.empty((0, len(CATEGORY_INPUTS))), np.ones(len(CUSTOMER_INPUTS)))
    assert forecast.probability_7d.shape == forecast.days_until_due.shape == forecast.quantity.shape == (0,)


def test_quantity_is_the_decayed_mean() -> None:
    category, customer = stored(20)
    np.testing.assert_array_equal(MODEL.predict(category, customer).quantity, category[:, CATEGORY_INPUTS.index("quantity_recent")])


def test_a_negative_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="-7 days"):
        MODEL.probability(*stored(2), -7)


def test_frame_equals_arrays() -> None:
    category, customer = stored(10)
    frame = pd.DataFrame(np.hstack([category, customer]), columns=list(MODEL.inputs), index=range(5, 15))
    answer = MODEL.predict_frame(frame.iloc[:, ::-1])  # columns are found by name
    assert list(answer.columns) == ["probability_7d", "probability_14d", "probability_28d", "days_until_due", "quantity"]
    np.testing.assert_array_equal(answer["probability_28d"], MODEL.predict(category, customer).probability_28d)
    assert answer.index.tolist() == frame.index.tolist()


def test_save_and_load_is_identity(tmp_path: Path) -> None:
    MODEL.save(tmp_path, manifest())
    loaded = RepurchaseModel.load(tmp_path)
    category, customer = stored(50)
    np.testing.assert_array_equal(loaded.predict(category, customer).days_until_due, MODEL.predict(category, customer).days_until_due)
    assert loaded.header == MODEL.header
    assert loaded.feature_set_hash == FEATURE_SET_HASH


def test_an_artifact_of_other_features_is_refused(tmp_path: Path) -> None:
    MODEL.save(tmp_path, manifest().model_copy(update={"feature_set_hash": "other"}))
    with pytest.raises(ArtifactBroken, match="other"):
        RepurchaseModel.load(tmp_path)


def test_rolling_twice_is_rolling_by_the_sum() -> None:
    category, _ = stored(40)
    np.testing.assert_allclose(roll_forward(roll_forward(category, 1), 2), roll_forward(category, 3), rtol=1e-12)
    np.testing.assert_array_equal(roll_forward(category, 0), category)


def test_inputs_are_named_once() -> None:
    assert len(set(MODEL.inputs)) == len(MODEL.inputs) == len(CATEGORY_INPUTS) + len(CUSTOMER_INPUTS)
    assert tree_inputs(*stored(4), lead=1).shape == (4, len(TREE_INPUTS))
