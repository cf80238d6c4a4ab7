"""The return hazard as it serves: a lawful survival curve, saved and loaded without change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.feature_sets import CUSTOMER
from tests.training.conftest import BuiltShop, FittedHazard
from training.artifacts.calibration import logit
from training.artifacts.folder import MANIFEST, ArtifactBroken, write_artifact
from training.artifacts.hazard_path import STEP_DAYS
from training.artifacts.return_hazard import HORIZONS, ReturnHazard

SILENCE = CUSTOMER.columns.index("days_since_last_order")
DAYS = st.lists(st.floats(0, 182), min_size=2, max_size=12)


@pytest.fixture(scope="module")
def model(hazard: FittedHazard) -> ReturnHazard:
    return hazard.model


@pytest.fixture(scope="module")
def customers(shop: BuiltShop) -> np.ndarray:
    """A spread of real rows, young and old, busy and silent."""
    return shop.snapshots.stored[::250]


@settings(deadline=None, max_examples=40)  # each example asks the trees; a busy machine must not fail it
@given(days=DAYS)
def test_survival_begins_at_one_and_never_rises(model: ReturnHazard, customers: np.ndarray, days: list[float]) -> None:
    survival = model.survival(customers, np.array([0.0, *sorted(days)]))
    assert (survival[:, 0] == 1.0).all()
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (survival >= 0).all()


@settings(deadline=None, max_examples=40)  # each example asks the trees; a busy machine must not fail it
@given(days=DAYS)
def test_a_horizon_does_not_depend_on_what_else_is_asked(model: ReturnHazard, customers: np.ndarray, days: list[float]) -> None:
    together = model.survival(customers, np.array(days))
    alone = np.column_stack([model.churn_probability(customers, d) for d in days])
    np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_horizons_are_the_product_of_the_hazards(model: ReturnHazard, customers: np.ndarray) -> None:
    hazards = model.hazards(customers, 13)
    assert ((hazards > 0) & (hazards < 1)).all()
    for horizon in HORIZONS:
        expected = np.prod(1 - hazards[:, : horizon // STEP_DAYS], axis=1)
        np.testing.assert_allclose(model.churn_probability(customers, horizon), expected, rtol=1e-9)


@pytest.mark.parametrize("day", [0.5, 3.0, 10.0, 45.0, 100.25])
def test_a_partial_step_counts_in_proportion(model: ReturnHazard, customers: np.ndarray, day: float) -> None:
    whole, rest = int(day // STEP_DAYS), day % STEP_DAYS
    hazards = model.hazards(customers, whole + 1)
    expected = np.prod(1 - hazards[:, :whole], axis=1) * (1 - hazards[:, whole]) ** (rest / STEP_DAYS)
    np.testing.assert_allclose(model.churn_probability(customers, day), expected, rtol=1e-9)


def test_the_hazard_is_the_trees_on_the_rolled_row_calibrated(model: ReturnHazard, customers: np.ndarray) -> None:
    seen = customers[customers[:, SILENCE] < 50]
    raw = np.asarray(model.booster.predict(model.path.at(seen, 2)))
    expected = 1 / (1 + np.exp(-(model.header.calibration.intercept + model.header.calibration.slope * logit(raw))))
    np.testing.assert_allclose(model.hazards(seen, 3)[:, 2], expected, rtol=1e-9)


def test_beyond_the_longest_silence_half_of_the_answer_is_pareto_nbds_and_it_says_so(model: ReturnHazard, customers: np.ndarray) -> None:
    index = {name: i for i, name in enumerate(CUSTOMER.columns)}
    long = customers[:3].copy()
    long[:, index["days_since_last_order"]] = model.header.longest_silence + 200
    long[:, index["days_since_first_order"]] = model.header.longest_silence + 300
    long[:, index["order_day_count"]] = 5.0
    assert model.beyond_history(long, 28).all()
    silence, age = long[:, SILENCE], long[:, index["days_since_first_order"]]
    tail = 1 - model.header.tail.probability_silent(np.full(3, 4.0), age - silence, age, STEP_DAYS)
    trees = np.asarray(model.booster.predict(model.path.at(long, 0)))
    np.testing.assert_allclose(logit(model.hazards(long, 1)[:, 0]), (logit(trees) + logit(tail)) / 2, rtol=1e-6)
    fresh = customers[:3].copy()
    fresh[:, SILENCE] = 0.0
    assert not model.beyond_history(fresh, 28).any()
    assert model.beyond_history(fresh, model.header.longest_silence + 8).all()


def test_the_median_day_is_where_survival_passes_one_half(model: ReturnHazard, customers: np.ndarray) -> None:
    days = model.median_days_until_order(customers)
    near = np.isfinite(days)
    assert near.any()
    for row, day in zip(customers[near], days[near], strict=True):
        assert model.churn_probability(row[None, :], float(day))[0] == pytest.approx(0.5, abs=1e-6)
    half_a_year = model.churn_probability(customers, 182)
    np.testing.assert_array_equal(near, half_a_year <= 0.5)


def test_percentiles_rank_the_customers_of_the_refit(shop: BuiltShop, model: ReturnHazard) -> None:
    newest = shop.snapshots.at([shop.snapshots.as_of[shop.snapshots.as_of < shop.snapshots.as_of.max()].max().item()])
    churn = model.churn_probability(newest.stored, 28)
    percentile = model.percentile(churn, 28)
    assert percentile.min() == 0
    assert percentile.max() == 100
    assert (np.diff(percentile[np.argsort(churn)]) >= 0).all()
    assert np.median(percentile) == pytest.approx(50, abs=1)


def test_shap_adds_up_to_the_margin(model: ReturnHazard, customers: np.ndarray) -> None:
    contributions = model.shap(customers[0])
    assert set(contributions) == {*model.path.inputs, "expected_value"}
    raw = np.asarray(model.booster.predict(model.path.at(customers[:1], 0)))
    assert sum(contributions.values()) == pytest.approx(float(logit(raw)[0]), abs=1e-6)


def test_a_frame_gives_the_same_churn_and_keeps_its_index(model: ReturnHazard, customers: np.ndarray) -> None:
    shuffled = list(reversed(model.inputs))
    frame = pd.DataFrame(customers, columns=list(model.inputs), index=[f"c{i}" for i in range(len(customers))])[shuffled]
    answer = model.predict_frame(frame)
    assert list(answer.columns) == list(model.frame_outputs)
    assert list(answer.index) == list(frame.index)
    np.testing.assert_allclose(answer["churn_probability_28d"], model.churn_probability(customers, 28))


def test_loading_gives_the_very_same_model(model: ReturnHazard, customers: np.ndarray, tmp_path: Path) -> None:
    assert model.manifest is not None
    written = model.save(tmp_path / "copy", model.manifest)
    again = ReturnHazard.load(tmp_path / "copy")
    assert written == model.manifest == again.manifest
    assert again.header == model.header
    assert again.booster.model_to_string() == model.booster.model_to_string()
    np.testing.assert_array_equal(again.hazards(customers, 13), model.hazards(customers, 13))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "items"}, "items model where a return_hazard model was expected"),
        ({"feature_set_hash": "0" * 16}, "huitou train return_hazard"),
        ({"format_version": 0}, "format 0"),
        ({"files": {"hazard.txt": "0" * 64}}, "SHA-256"),
    ],
)
def test_what_does_not_agree_is_refused(hazard: FittedHazard, tmp_path: Path, change: dict[str, object], says: str) -> None:
    for name in ("hazard.txt", "header.json"):
        (tmp_path / name).write_bytes((hazard.final / name).read_bytes())
    (tmp_path / MANIFEST).write_text(json.dumps({**json.loads((hazard.final / MANIFEST).read_text()), **change}))
    with pytest.raises(ArtifactBroken, match=says):
        ReturnHazard.load(tmp_path)


def test_a_header_of_another_form_is_refused_with_the_remedy(hazard: FittedHazard, tmp_path: Path) -> None:
    manifest = hazard.model.manifest
    assert manifest is not None
    header = json.loads(hazard.model.header.model_dump_json())
    header["tail"] = {"r": 0.5, "alpha": 10.0, "a": 0.8, "b": 2.5}  # BG/NBD, as before
    texts = {"hazard.txt": hazard.model.booster.model_to_string(), "header.json": json.dumps(header)}
    write_artifact(tmp_path, manifest, texts=texts)
    with pytest.raises(ArtifactBroken, match="train it again"):
        ReturnHazard.load(tmp_path)
