from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from features.errors import TooLittleHistory
from tests.training.cycle_shop import NO_MERCHANDISE, START, baskets, write_baskets
from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS
from training.artifacts.repurchase import FEATURE_SET_HASH, RepurchaseModel
from training.models.repurchase import RepurchaseConfig, RepurchaseRecipe
from training.recipe import Evaluation, TrainingData

Basket = tuple[str, datetime, str, float]

SMALL = RepurchaseConfig(
    rounds=40, min_data_in_leaf=40, pairs_per_date=400, training_dates=5, max_lead=6, excluded_categories=frozenset([NO_MERCHANDISE])
)


def history() -> list[Basket]:
    coupons = [(customer, at, NO_MERCHANDISE, 1.0) for customer, at, _, _ in baskets(90, 36)[::7]]
    return [*baskets(90, 36), *coupons]


def opened(data_dir: Path, bought: list[Basket]) -> TrainingData:
    settings, warehouse = write_baskets(data_dir, bought)
    return TrainingData(settings, warehouse, warehouse.last_event)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return opened(tmp_path_factory.mktemp("cycles"), history())


@pytest.fixture(scope="module")
def judged(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Path]:
    folder = tmp_path_factory.mktemp("judged")
    return RepurchaseRecipe(SMALL).evaluate(data, folder), folder


def test_beats_every_peer_where_everybody_has_a_rhythm(judged: tuple[Evaluation, Path]) -> None:
    evaluation, _ = judged
    for horizon in (7, 14):
        best = max(peer[f"pr_auc_{horizon}d"] for peer in evaluation.baselines.values() if f"pr_auc_{horizon}d" in peer)
        assert evaluation.metrics[f"pr_auc_{horizon}d"] > best
    assert evaluation.metrics["log_loss_14d"] < evaluation.baselines["logistic regression"]["log_loss_14d"]
    assert evaluation.metrics["ece_14d"] < 0.06


def test_every_pair_of_both_judged_dates_is_a_row(judged: tuple[Evaluation, Path], data: TrainingData) -> None:
    evaluation, _ = judged
    midnight = START.replace(hour=0)
    newest = midnight + timedelta(weeks=(data.now - timedelta(days=28) - midnight) // timedelta(weeks=1))
    dates = [newest - timedelta(days=28), newest]
    expected = sum(len({(c, k) for c, at, k, _ in history() if at <= date and k != NO_MERCHANDISE}) for date in dates)
    assert evaluation.rows == expected
    assert all(date.date().isoformat() in evaluation.protocol for date in dates)


def test_the_judged_fit_ends_before_the_first_judged_date(judged: tuple[Evaluation, Path], data: TrainingData, tmp_path: Path) -> None:
    _, folder = judged
    manifest = RepurchaseModel.load(folder).manifest
    assert manifest is not None
    assert manifest.data_until <= data.now - timedelta(days=56)
    # What happens from then on must not change the trees or the map: the same shop, with everything later bought by one customer only.
    cut = [row for row in history() if row[1] <= manifest.data_until or row[0] == "c000"]
    assert len(cut) < len(history())
    changed = opened(tmp_path / "changed", [*cut, max(history(), key=lambda row: row[1])])
    RepurchaseRecipe(SMALL).evaluate(changed, tmp_path / "again")
    frame = RepurchaseRecipe(SMALL).snapshots(data, [], whole=[data.now])
    stored = frame.select(CATEGORY_INPUTS).to_numpy().astype(float), own_features(frame)
    again = RepurchaseModel.load(tmp_path / "again")
    # The engine's sums may differ in the last digit, and the trees' text with them.
    np.testing.assert_allclose(
        again.predict(*stored).probability_28d, RepurchaseModel.load(folder).predict(*stored).probability_28d, rtol=1e-9
    )


def test_refit_goes_to_the_last_closed_week_and_repeats_exactly(
    judged: tuple[Evaluation, Path], data: TrainingData, tmp_path: Path
) -> None:
    evaluation, _ = judged
    manifest = RepurchaseRecipe(SMALL).refit(data, tmp_path / "a", evaluation)
    again = RepurchaseRecipe(SMALL).refit(data, tmp_path / "b", evaluation)
    assert manifest.files == again.files
    assert data.now - timedelta(days=7) < manifest.data_until <= data.now
    assert (manifest.name, manifest.kind, manifest.feature_set_hash) == ("repurchase", "repurchase", FEATURE_SET_HASH)
    assert (manifest.input_hash, manifest.data_from) == (data.warehouse.version, data.warehouse.first_event)
    assert manifest.metrics == evaluation.metrics


def test_the_artifact_says_who_is_due(judged: tuple[Evaluation, Path], data: TrainingData) -> None:
    _, folder = judged
    model, recipe = RepurchaseModel.load(folder), RepurchaseRecipe(SMALL)
    frame = recipe.snapshots(data, [], whole=[data.now - timedelta(days=14)])
    forecast = model.predict(frame.select(CATEGORY_INPUTS).to_numpy().astype(float), own_features(frame))
    frequent = (frame["gap_mean"].fill_null(1e9) < 10).to_numpy()
    rare = (frame["gap_mean"].fill_null(1e9) > 60).to_numpy()
    assert forecast.days_until_due[frequent].mean() + 14 < forecast.days_until_due[rare].mean()
    assert np.all(forecast.quantity >= 1)


def own_features(frame: pl.DataFrame) -> NDArray[np.float64]:
    return frame.select(f"customer_{name}" for name in CUSTOMER_INPUTS).to_numpy().astype(np.float64)


def test_config_round_trips() -> None:
    assert RepurchaseConfig.model_validate_json(SMALL.model_dump_json()) == SMALL


def first_purchases() -> list[Basket]:
    """Nothing is bought twice; one late purchase of something new keeps the history long."""
    firsts: dict[tuple[str, str], Basket] = {}
    for row in baskets(90, 36):
        firsts.setdefault((row[0], row[2]), row)
    return [*firsts.values(), ("c000", START + timedelta(weeks=36), "SOMETHING NEW", 1.0)]


@pytest.mark.parametrize(
    ("bought", "why"),
    [
        pytest.param([row for row in baskets(90, 36) if row[0] == "c000"], "rows", id="one customer"),
        pytest.param(baskets(90, 3), "covers", id="three weeks"),
        pytest.param([(c, at, "", q) for c, at, _, q in baskets(20, 36)], "category", id="no categories"),
        pytest.param(first_purchases(), "0 of them", id="nothing repeated"),
    ],
)
def test_too_little_history_is_one_clear_sentence(bought: list[Basket], why: str, tmp_path: Path) -> None:
    data = opened(tmp_path / "data", bought)
    with pytest.raises(TooLittleHistory, match=why):
        RepurchaseRecipe(SMALL).evaluate(data, tmp_path / "artifact")
