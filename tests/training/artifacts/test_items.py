"""Recommendations from many products are those from all of them, also when the model is mapped."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.recent import RecentPurchases, nothing_recent
from training.artifacts import items, ranked_items
from training.artifacts.folder import Manifest
from training.artifacts.items import ANYBODY_INPUTS, EXPLORE_INPUTS, REPEAT_INPUTS, ItemModel, ItemSettings
from training.artifacts.logistic_map import LogisticMap

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
N = 4_000


def model(*, score: float = 0.4) -> ItemModel:
    random = np.random.default_rng(1)
    buyers = np.minimum(random.pareto(1.0, N) * 3 + 1, 5_000).astype(np.int32)
    factors = np.abs(random.normal(size=(N, 8)) * np.log1p(buyers)[:, None] / 10).astype(np.float32)
    return ItemModel(
        np.array([f"p{i:05d}" for i in range(N)]),
        factors,
        buyers,
        (buyers // 10).astype(np.int32),
        ItemSettings(
            regularization=1.0,
            alpha=3.0,
            half_life_days=45.0,
            exponent=0.5,
            explore=LogisticMap(inputs=EXPLORE_INPUTS, coefficients=(score, 0.2, 0.3, 0.1), intercept=-3.0),
            repeat=LogisticMap(inputs=REPEAT_INPUTS, coefficients=(0.3, 0.1, 0.1, 0.0, 0.8, -0.2, -0.3), intercept=-0.5),
            anybody=LogisticMap(inputs=ANYBODY_INPUTS, coefficients=(0.4, 0.4), intercept=-4.0),
        ),
    )


def somebody(seed: int, *, orders: int = 5) -> RecentPurchases:
    random = np.random.default_rng(seed)
    ids = np.array([f"p{i:05d}" for i in random.choice(N, 12, replace=False)] + ["unknown"])
    return RecentPurchases(ids, np.full(13, 2, np.int32), np.arange(13, dtype=np.float32), orders)


@pytest.mark.parametrize("explore", [False, True])
@pytest.mark.parametrize("orders", [0, 5], ids=["looked at", "bought"])
def test_the_best_of_many_are_the_best_of_all(monkeypatch: pytest.MonkeyPatch, *, explore: bool, orders: int) -> None:
    monkeypatch.setattr(items, "RANKED_FROM", N)
    many, all_of_them = model(), model()
    all_of_them.__dict__["ranked"] = None
    assert many.ranked is not None
    random = np.random.default_rng(3)
    for seed in range(30):
        recent, allowed = somebody(seed, orders=orders), random.random(N) < (0.9, 0.05, 0.001)[seed % 3]
        exclude = {f"p{i:05d}" for i in random.choice(N, 20)} | {"unknown"}
        asked = {"limit": 20, "allowed": allowed, "exclude": exclude, "explore": explore}
        found, expected = many.recommend(recent, **asked), all_of_them.recommend(recent, **asked)
        assert [one.product_id for one in found] == [one.product_id for one in expected]
        np.testing.assert_allclose([one.probability for one in found], [one.probability for one in expected], rtol=1e-4)
    assert many.recommend(nothing_recent(), limit=5) == all_of_them.recommend(nothing_recent(), limit=5)
    assert many.best_for(many.taste(somebody(1)), 0) == []


def test_few_products_and_a_score_that_speaks_against_a_product_are_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert model().ranked is None
    monkeypatch.setattr(items, "RANKED_FROM", N)
    assert model(score=-0.1).ranked is None
    assert len(model(score=-0.1).recommend(somebody(1), limit=20)) == 20


def test_a_large_model_is_mapped_and_says_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(items, "RANKED_FROM", N)
    monkeypatch.setattr(items, "_MAPPED_BYTES", 1)
    made = model()
    made.save(tmp_path, Manifest(name="items", kind="items", data_from=WHEN, data_until=WHEN, input_hash="x"))
    for _ in range(2):
        loaded = ItemModel.load(tmp_path)
        assert isinstance(loaded.factors, np.memmap)
        assert loaded.ranked is not None
        assert isinstance(loaded.ranked.factors, np.memmap)
        assert loaded.recommend(somebody(2), limit=20) == made.recommend(somebody(2), limit=20)
        np.testing.assert_array_equal(loaded.logits(somebody(2)), made.logits(somebody(2)))


def test_numbers_are_known_to_be_there_without_working_them_out() -> None:
    good, taste = model(), model().taste(somebody(1))
    assert good.has_numbers(None)
    assert good.has_numbers(taste)
    bad = model()
    bad.factors[7, 1] = np.nan
    assert not bad.has_numbers(taste)
    lost = good.taste(somebody(1))
    assert lost is not None
    lost.factor[0] = np.nan
    assert not good.has_numbers(lost)


def test_what_an_answer_looks_at_is_said_when_the_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(items, "RANKED_FROM", N)
    model().save(tmp_path, Manifest(name="items", kind="items", data_from=WHEN, data_until=WHEN, input_hash="x"))
    with caplog.at_level(logging.INFO, "huitou.models"):
        assert ItemModel.load(tmp_path).ranked is not None
    assert "recall@20 1.000" in caplog.text
    monkeypatch.setattr(ranked_items, "_MOST_LOOKED_AT", 0.0)
    loaded = ItemModel.load(tmp_path)
    assert loaded.ranked is None
    assert "All 4000 products are looked at" in caplog.text
    assert loaded.recommend(somebody(4), limit=20) == model().recommend(somebody(4), limit=20)
