from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from features.errors import TooLittleHistory
from features.recent import RecentPurchases, nothing_recent
from tests.training import shop_of_tastes as shop
from training.artifacts.bundles import BundleModel
from training.artifacts.fold_in import FoldIn
from training.models.bundle_mining import MerchantBundle
from training.models.bundle_stack import StackSettings, customer_rows, read_bundle_targets
from training.models.bundles import BundlesConfig, BundlesRecipe
from training.models.frequent_sets import MiningConfig
from training.recipe import Evaluation, TrainingData

GRID = (StackSettings(factors=8, regularization=10.0),)
MINING = MiningConfig(min_orders=20, min_lift=1.9, min_season_lift=1.1)
GIVEN = (
    MerchantBundle(bundle_id="gift", product_ids=("p03", "p33"), label="Gift"),
    MerchantBundle(bundle_id="new", product_ids=("p04", "never sold")),
    MerchantBundle(bundle_id="rare", product_ids=("p04", "p09")),
)
RECIPE = BundlesRecipe(BundlesConfig(mining=MINING, merchant_bundles=GIVEN, min_customers=2, grid=GRID))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingData, Evaluation, BundleModel, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    data = shop.data_of(shop.write_lines(folder / "data", shop.draw_lines()))
    evaluation = RECIPE.evaluate(data, folder / "judged")
    RECIPE.refit(data, folder / "served", evaluation)
    return data, evaluation, BundleModel.load(folder / "served"), folder


def buyer(*products: str, orders: int = 10) -> RecentPurchases:
    n = len(products)
    return RecentPurchases(np.array(products), np.full(n, 4, np.int32), np.linspace(1, 20, n, dtype=np.float32), orders)


def test_evaluation_tells_every_baseline_and_interval(trained: Any) -> None:
    _, evaluation, _, _ = trained
    for metric in ("recall_5", "ndcg_10", "hit_10", "explore_ndcg_10"):
        low, high = evaluation.intervals[metric]
        assert low <= evaluation.metrics[metric] <= high
        assert all(metric in values for values in evaluation.baselines.values())
        assert any(key.startswith(f"{metric} vs ") for key in evaluation.differences)
    assert {"personal frequency", "item-item cosine", "ALS on pairs", "popularity, a year"} <= set(evaluation.baselines)
    assert evaluation.metrics["explore_repeat_share_10"] == 0.0
    assert evaluation.metrics["ndcg_5"] > evaluation.baselines["popularity, a year"]["ndcg_5"]
    assert evaluation.metrics["ece_candidates"] < 0.05


def test_the_pairs_of_the_shop_are_found_with_their_counts(trained: Any) -> None:
    data, _, model, _ = trained
    lines = data.warehouse.read("order_lines")
    for pair in shop.PAIRS.values():
        held = (
            lines.filter(pl.col("product_id").is_in(pair))
            .group_by("order_id")
            .agg(pl.col("product_id").n_unique())
            .filter(pl.col("product_id") == 2)
        )
        found = [b for b in model.popular(100) if b.product_ids == pair]
        assert [b.support for b in found] == [held.height]
        assert found[0].lift > 1.5


def test_targets_are_whole_sets_in_one_order_after_the_cut(trained: Any) -> None:
    data, _, _, _ = trained
    cut = data.now - timedelta(days=28)
    history = RECIPE.history(data, cut)
    bought = read_bundle_targets(data.warehouse, history, cut)
    lines = data.warehouse.read("order_lines").filter(pl.col("ordered_at") > cut)
    orders = lines.group_by("order_id").agg(pl.col("customer_id").first(), pl.col("product_id"))
    members = [{history.table.product_ids[p] for p in row if p >= 0} for row in history.table.members]
    expected = {
        (customer, b)
        for customer, products in orders.select("customer_id", "product_id").iter_rows()
        for b, m in enumerate(members)
        if m <= set(products)
    }
    rows, columns = bought.nonzero()
    assert {(str(history.seen.customer_ids[r]), int(c)) for r, c in zip(rows, columns, strict=True)} == expected


def test_training_rows_are_the_rows_serving_makes(trained: Any, tmp_path: Path) -> None:
    data, _, _, folder = trained
    model = BundleModel.load(folder / "judged")
    history = RECIPE.history(data, data.now - timedelta(days=28))
    rows = customer_rows(history, GRID[0])
    folding = FoldIn(model.factors, GRID[0].regularization, GRID[0].alpha)
    for row in (0, 7, 33):
        start, stop = rows.indptr[row], rows.indptr[row + 1]
        customer = folding.solve(rows.indices[start:stop], rows.data[start:stop])
        recent = history.seen.recent(row)
        columns, purchases, days = model.known(recent)
        sight = model.table.sight(columns, purchases, days, recent.orders)
        partly = np.flatnonzero(sight.share_owned < 1)
        terms = np.log(np.maximum(model.factors[partly] @ customer, 1e-3)) * model.settings.partial.coefficient("log_score")
        rest = model.logits(recent)[partly] - terms
        buyers, late = model.table.popularity
        constant = (0.0, buyers[partly], late[partly], float(np.log(recent.orders)), sight.log_chance[partly], sight.share_owned[partly])
        np.testing.assert_allclose(rest, model.settings.partial.logit(constant), atol=1e-3)


def test_sight_by_hand(trained: Any) -> None:
    _, _, model, _ = trained
    table = model.table
    bundle = table.bundle_ids.tolist().index("gift")
    columns = np.searchsorted(table.product_ids, ["p03", "p33"])
    both = table.sight(columns, np.array([5, 2], np.int32), np.array([3.0, 9.0], np.float32), 12)
    assert both.share_owned[bundle] == 1.0
    assert (both.purchases[bundle], both.days_since[bundle]) == (2.0, 9.0)
    assert bundle in both.implied
    one = table.sight(columns[:1], np.array([5], np.int32), np.array([3.0], np.float32), 12)
    assert one.share_owned[bundle] == 0.5
    assert (one.purchases[bundle], one.days_since[bundle]) == (0.0, 0.0)
    rates = [(count + 20 * table.item_rates[c]) / 32 for count, c in zip((5, 2), columns, strict=True)]
    assert both.log_chance[bundle] == pytest.approx(np.log(rates).sum() + np.log(max(table.lift[bundle], 1)), rel=1e-4)


def test_a_new_customer_is_recommended_their_own_taste(trained: Any) -> None:
    _, _, model, _ = trained
    for taste, products in enumerate((("p05", "p00"), ("p25", "p20"))):
        best = model.recommend(buyer(*products), limit=4)
        assert shop.PAIRS[taste] in [b.product_ids for b in best]
        assert all((product >= "p20") == bool(taste) for b in best for product in b.product_ids)


def test_filters_never_leak(trained: Any) -> None:
    _, _, model, _ = trained
    every = model.recommend(buyer("p00"), limit=1000)
    assert len(every) == len(model.table.bundle_ids)
    assert all(len(set(b.product_ids)) == len(b.product_ids) >= 2 for b in every)
    assert all(0 < b.probability < 1 for b in every)
    without = set(model.table.product_ids.tolist()) - {"p01"}
    assert not any("p01" in b.product_ids for b in model.recommend(buyer("p00"), limit=1000, active=without))
    mask = model.table.product_ids != "p01"
    assert model.recommend(buyer("p00"), limit=1000, active=mask) == model.recommend(buyer("p00"), limit=1000, active=without)
    assert "gift" not in [b.bundle_id for b in model.recommend(buyer("p00"), limit=1000, exclude=["gift", "?"])]
    just = model.recommend(buyer("p00"), limit=1000, just_bought=["p03", "p33", "?"])
    assert {b.bundle_id for b in every} - {b.bundle_id for b in just} == {"gift"}
    assert model.recommend(buyer("p00"), limit=5, active=[]) == []
    assert model.recommend(buyer("p00"), limit=0) == []


def test_an_unknown_customer_gets_what_is_popular(trained: Any) -> None:
    _, _, model, _ = trained
    popular = model.popular(2)
    assert {b.product_ids for b in popular} == set(shop.PAIRS.values())
    assert model.recommend(nothing_recent(), limit=2) == popular
    assert model.recommend(buyer("unheard of"), limit=2) == popular


def test_no_customer_is_in_the_artifact_and_loading_is_an_identity(trained: Any) -> None:
    _, _, model, folder = trained
    with np.load(folder / "served" / "bundles.npz") as arrays:
        assert not any(str(value).startswith("c0") for name in arrays.files for value in arrays[name].ravel().tolist())
    recent = buyer("p22", "p23")
    assert BundleModel.load(folder / "served").recommend(recent, limit=9) == model.recommend(recent, limit=9)
    frame = pl.DataFrame({"product_ids": [["p22"]], "purchases": [[4]], "days_since_last": [[2.0]]}).to_pandas()
    assert model.predict_frame(frame, limit=2)["bundle_id"][0][0] in model.table.bundle_ids


def test_equal_seeds_give_equal_models(trained: Any, tmp_path: Path) -> None:
    data, evaluation, model, _ = trained
    RECIPE.refit(data, tmp_path / "again", evaluation)
    np.testing.assert_array_equal(BundleModel.load(tmp_path / "again").factors, model.factors)


def test_a_rare_set_is_known_by_what_it_holds(trained: Any) -> None:
    _, _, model, _ = trained
    rare, new = (model.table.bundle_ids.tolist().index(name) for name in ("rare", "new"))
    assert model.table.support[rare] < model.table.support.mean() / 2
    assert model.table.support[new] == 0
    assert model.logits(buyer("p05", "p06"))[rare] > model.logits(buyer("p25", "p26"))[rare] + 0.5


def test_too_little_history_is_said_clearly(tmp_path: Path) -> None:
    cases = {
        "weeks": (RECIPE, shop.draw_lines(weeks=3), "twelve weeks"),
        "customers": (RECIPE, shop.draw_lines(customers=1), r"customer\(s\)"),
        "sets": (BundlesRecipe(BundlesConfig(min_customers=2, grid=GRID)), shop.draw_lines(repeats=False), "No set of products"),
        "bought": (RECIPE, shop.draw_lines(repeats=False), "whole bundle"),
    }
    for name, (recipe, lines, sentence) in cases.items():
        data = shop.data_of(shop.write_lines(tmp_path / name, lines))
        with pytest.raises(TooLittleHistory, match=sentence):
            recipe.evaluate(data, tmp_path / f"out-{name}")


def test_contents_stand_where_the_products_stand(trained: Any) -> None:
    data, _, _, _ = trained
    history = RECIPE.history(data, data.now)
    assert isinstance(history.contents, sparse.csr_matrix)
    for b, row in enumerate(history.table.members):
        assert sorted(history.contents[b].indices.tolist()) == sorted(p for p in row.tolist() if p >= 0)
