from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from features.errors import TooLittleHistory
from features.recent import RecentPurchases, nothing_recent
from tests.training import shop_of_tastes as shop
from training.artifacts.fold_in import FoldIn
from training.artifacts.folder import ArtifactBroken
from training.artifacts.items import ItemModel
from training.artifacts.top_positions import top_positions
from training.models.als import AlsSettings
from training.models.item_baselines import item_cosine, personal_frequency
from training.models.items import ItemsConfig, ItemsRecipe
from training.recipe import Evaluation, TrainingData

GRID = (AlsSettings(factors=8, regularization=1.0, alpha=5.0), AlsSettings(factors=8, regularization=5.0))
RECIPE = ItemsRecipe(ItemsConfig(min_customers=2, grid=GRID))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingData, Evaluation, ItemModel, Path]:
    folder = tmp_path_factory.mktemp("items")
    data = shop.data_of(shop.write_lines(folder / "data", shop.draw_lines()))
    evaluation = RECIPE.evaluate(data, folder / "judged")
    RECIPE.refit(data, folder / "served", evaluation)
    return data, evaluation, ItemModel.load(folder / "served"), folder


def buyer(*products: str, orders: int = 10) -> RecentPurchases:
    n = len(products)
    return RecentPurchases(np.array(products), np.full(n, 4, np.int32), np.linspace(1, 20, n, dtype=np.float32), orders)


def test_fold_in_equals_implicit() -> None:
    random = np.random.default_rng(4)
    matrix = sparse.random(60, 40, density=0.2, random_state=random, format="csr", dtype=np.float32)
    matrix.data += 0.5
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=12, regularization=7.0, alpha=4.0, iterations=4, random_state=1, num_threads=1)
        model.fit(matrix, show_progress=False)
        theirs = model.recalculate_user(np.arange(60), matrix)
    folding = FoldIn(model.item_factors, 7.0, 4.0)
    bounds = zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    ours = np.stack([folding.solve(matrix.indices[a:b], matrix.data[a:b]) for a, b in bounds])
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)
    assert not folding.solve(np.empty(0, np.int64), np.empty(0, np.float32)).any()


def test_top_positions_are_exact() -> None:
    random = np.random.default_rng(5)
    for size, limit in ((10_000, 20), (70, 20), (5, 5), (2000, 31)):
        values = random.normal(size=size).astype(np.float32)
        assert top_positions(values, limit).tolist() == np.argsort(-values)[:limit].tolist()


def test_evaluation_tells_every_baseline_and_interval(trained: Any) -> None:
    data, evaluation, _, _ = trained
    for prefix in ("", "explore_"):
        for metric in ("recall_10", "ndcg_20", "hit_20"):
            low, high = evaluation.intervals[prefix + metric]
            assert low <= evaluation.metrics[prefix + metric] <= high
            assert all(prefix + metric in values for values in evaluation.baselines.values())
            assert any(key.startswith(f"{prefix}{metric} vs ") for key in evaluation.differences)
    assert {"personal frequency", "item-item cosine", "popularity, a year"} <= set(evaluation.baselines)
    assert evaluation.metrics["explore_repeat_share_20"] == 0.0
    assert f"{data.now - timedelta(days=28):%Y-%m-%d}" in evaluation.protocol
    # Tastes hardly overlap, so whoever learns them at all beats a list that is the same for everybody.
    assert evaluation.metrics["ndcg_10"] > evaluation.baselines["popularity, a year"]["ndcg_10"] + 0.1
    assert evaluation.metrics["ece_candidates"] < 0.05


def test_settings_come_from_the_grid_and_reach_the_artifact(trained: Any) -> None:
    data, evaluation, model, folder = trained
    assert AlsSettings.model_validate({k: evaluation.parameters[k] for k in AlsSettings.model_fields}) in GRID
    assert model.factors.shape[1] == 8
    manifest = json.loads((folder / "served" / "manifest.json").read_text())
    assert manifest["input_hash"] == data.warehouse.version
    assert manifest["metrics"] == evaluation.metrics
    assert manifest["settings"]["alpha"] == evaluation.parameters["alpha"]


def test_no_customer_is_in_the_artifact(trained: Any) -> None:
    _, _, _, folder = trained
    with np.load(folder / "served" / "items.npz") as arrays:
        assert not any(str(value).startswith("c0") for name in arrays.files for value in arrays[name].ravel().tolist())
        assert {len(arrays[name]) for name in arrays.files} == {40}


def test_later_events_do_not_change_the_judged_model(trained: Any, tmp_path: Path) -> None:
    data, evaluation, _, folder = trained
    cut = data.now - timedelta(days=28)
    lines = data.warehouse.read("order_lines")
    swapped = pl.when(pl.col("ordered_at") > cut).then(pl.lit("p05")).otherwise(pl.col("product_id"))
    lines = lines.select("order_id", "customer_id", "ordered_at", swapped.alias("product_id"))
    other = shop.data_of(shop.write_lines(tmp_path / "data", lines, data.warehouse.read("products")))
    assert other.now == data.now
    settings = AlsSettings.model_validate({k: evaluation.parameters[k] for k in AlsSettings.model_fields})
    recipe = ItemsRecipe(ItemsConfig(min_customers=2, grid=(settings,)))
    recipe.refit(TrainingData(other.settings, other.warehouse, cut, seed=3), tmp_path / "other", evaluation)
    judged, again = ItemModel.load(folder / "judged"), ItemModel.load(tmp_path / "other")
    np.testing.assert_array_equal(judged.factors, again.factors)
    assert judged.settings == again.settings


def test_a_new_customer_is_recommended_their_own_taste(trained: Any) -> None:
    _, _, model, _ = trained
    best = model.recommend(buyer("p25", "p27", "p30"), limit=8, explore=True)
    assert sum(item.product_id >= "p20" for item in best) >= 7
    assert not {item.product_id for item in best} & {"p25", "p27", "p30"}
    assert [item.score for item in best] == sorted((item.score for item in best), reverse=True)
    assert all(0 < item.probability < 1 for item in best)
    assert {"p25", "p27", "p30"} & {item.product_id for item in model.recommend(buyer("p25", "p27", "p30"), limit=5)}


def test_filters_never_leak_and_never_shorten_more_than_they_must(trained: Any) -> None:
    _, _, model, _ = trained
    allowed = np.zeros(40, np.bool_)
    allowed[[model.index_of("p03"), model.index_of("p22"), model.index_of("p25")]] = True
    recent = buyer("p25", "unheard of")
    assert {i.product_id for i in model.recommend(recent, limit=20, allowed=allowed)} == {"p03", "p22", "p25"}
    assert {i.product_id for i in model.recommend(recent, limit=20, allowed=allowed, explore=True)} == {"p03", "p22"}
    assert [i.product_id for i in model.recommend(recent, limit=20, allowed=allowed, explore=True, exclude=["p03", "?"])] == ["p22"]
    assert model.recommend(recent, limit=20, allowed=np.zeros(40, np.bool_)) == []
    assert len(model.recommend(recent, limit=100)) == 40
    assert model.recommend(recent, limit=0) == []


def test_an_unknown_customer_gets_what_is_popular(trained: Any) -> None:
    data, _, model, _ = trained
    popular = model.popular(40)
    assert model.recommend(nothing_recent(), limit=40) == popular
    assert model.recommend(buyer("unheard of"), limit=40) == popular
    lines = data.warehouse.read("order_lines").filter(pl.col("ordered_at") > data.now - timedelta(days=28))
    share = dict(lines.group_by("product_id").agg(pl.col("customer_id").n_unique() / 80).iter_rows())
    assert np.mean([p.probability for p in popular]) == pytest.approx(np.mean([share.get(p.product_id, 0) for p in popular]), abs=0.02)
    assert {p.product_id for p in popular[:4]} == {"p00", "p01", "p20", "p21"}


def test_save_and_load_are_an_identity_and_damage_is_noticed(trained: Any, tmp_path: Path) -> None:
    _, _, model, folder = trained
    again = ItemModel.load(folder / "served")
    recent = buyer("p02", "p03")
    assert again.recommend(recent, limit=10) == model.recommend(recent, limit=10)
    frame = model.predict_frame(
        pl.DataFrame({"product_ids": [["p02"]], "purchases": [[4]], "days_since_last": [[2.0]], "orders": [5]}).to_pandas(), limit=3
    )
    expected = RecentPurchases(np.array(["p02"]), np.array([4], np.int32), np.array([2.0], np.float32), 5)
    assert frame["product_id"][0] == [item.product_id for item in model.recommend(expected, limit=3)]
    (tmp_path / "broken").mkdir()
    for file in (folder / "served").iterdir():
        (tmp_path / "broken" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "broken" / "items.json").write_text("{}")
    with pytest.raises(ArtifactBroken, match=r"items\.json"):
        ItemModel.load(tmp_path / "broken")


def test_equal_seeds_give_equal_models(trained: Any, tmp_path: Path) -> None:
    data, evaluation, model, _ = trained
    RECIPE.refit(data, tmp_path / "again", evaluation)
    np.testing.assert_array_equal(ItemModel.load(tmp_path / "again").factors, model.factors)


def test_too_little_history_is_said_clearly(tmp_path: Path) -> None:
    cases = {
        "weeks": (shop.draw_lines(weeks=3), "twelve weeks"),
        "customers": (shop.draw_lines(customers=1), r"customer\(s\)"),
        "purchases": (shop.draw_lines(customers=2), "are needed to calibrate|are known|cannot be judged"),
    }
    for name, (lines, sentence) in cases.items():
        data = shop.data_of(shop.write_lines(tmp_path / name, lines))
        with pytest.raises(TooLittleHistory, match=sentence):
            RECIPE.evaluate(data, tmp_path / f"out-{name}")


def test_a_shop_without_repeat_purchases_still_explores(tmp_path: Path) -> None:
    data = shop.data_of(shop.write_lines(tmp_path / "data", shop.draw_lines(repeats=False)))
    evaluation = RECIPE.evaluate(data, tmp_path / "out")
    assert any("bought again" in note for note in evaluation.notes)
    best = ItemModel.load(tmp_path / "out").recommend(buyer("p02"), limit=10)
    assert "p02" not in [item.product_id for item in best]


def test_cosine_agrees_with_the_plain_formula() -> None:
    pairs = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]], np.float32))
    unit = pairs.toarray() / np.linalg.norm(pairs.toarray(), axis=0)
    expected = pairs.toarray() @ (unit.T @ unit)
    np.testing.assert_allclose(item_cosine(pairs, pairs)(slice(0, 4)), expected, rtol=1e-5)
    ranked = personal_frequency(pairs, np.array([3, 9, 3], np.int32))(slice(0, 1))
    assert np.argsort(-ranked[0]).tolist() == [1, 0, 2]
