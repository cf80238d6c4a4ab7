from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.recent import MAX_PRODUCTS, RecentPurchases, nothing_recent, purchase_weights
from features.recent_build import from_row, recent_purchases

AS_OF = datetime(2024, 12, 1, tzinfo=UTC)


def lines(seed: int = 3, customers: int = 12, rows: int = 3000) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    orders = random.integers(0, 400, rows)
    hours = random.permutation(500 * 24)[:400]  # one moment an order
    return pl.DataFrame(
        {
            "order_id": [f"o{o}" for o in orders],
            "customer_id": [f"c{o % customers}" for o in orders],
            "ordered_at": [AS_OF + timedelta(days=30) - timedelta(hours=int(hours[o])) for o in orders],
            "product_id": [f"p{p}" for p in random.integers(0, 60, rows)],
        },
        schema_overrides={"ordered_at": pl.Datetime("us", "UTC")},
    )


def test_counts_and_ages_agree_with_a_plain_count() -> None:
    frame = lines()
    row = recent_purchases(frame, AS_OF).row(by_predicate=pl.col("customer_id") == "c3", named=True)
    mine = [r for r in frame.rows(named=True) if r["customer_id"] == "c3" and timedelta(0) <= AS_OF - r["ordered_at"] < timedelta(days=365)]
    assert row["orders"] == len({r["order_id"] for r in mine})
    for product, purchases, days in zip(row["product_ids"], row["purchases"], row["days_since_last"], strict=True):
        of_product = [r for r in mine if r["product_id"] == product]
        assert purchases == len({r["order_id"] for r in of_product})
        assert days == pytest.approx(min((AS_OF - r["ordered_at"]).total_seconds() for r in of_product) / 86_400, rel=1e-5)
    assert set(row["product_ids"]) == {r["product_id"] for r in mine}
    assert row["days_since_last"] == sorted(row["days_since_last"])


def test_refreshing_one_customer_equals_the_batch() -> None:
    frame = lines()
    batch = recent_purchases(frame, AS_OF)
    for customer in ("c0", "c7"):
        alone = recent_purchases(frame.filter(pl.col("customer_id") == customer).sample(fraction=1.0, shuffle=True, seed=1), AS_OF)
        assert alone.equals(batch.filter(pl.col("customer_id") == customer))


def test_what_comes_later_changes_nothing() -> None:
    frame = lines()
    assert recent_purchases(frame.filter(pl.col("ordered_at") <= AS_OF), AS_OF).equals(recent_purchases(frame, AS_OF))


def test_only_the_most_recent_products_are_kept() -> None:
    many = pl.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(500)],
            "customer_id": "c",
            "ordered_at": [AS_OF - timedelta(hours=i) for i in range(500)],
            "product_id": [f"p{i}" for i in range(500)],
        },
        schema_overrides={"ordered_at": pl.Datetime("us", "UTC")},
    )
    recent = from_row(recent_purchases(many, AS_OF).row(0, named=True))
    assert recent.product_ids.tolist() == [f"p{i}" for i in range(MAX_PRODUCTS)]
    assert recent.orders == 500


def test_weights_halve_with_the_half_life_and_grow_with_repeats() -> None:
    weights = purchase_weights(np.array([1, 4, 4]), np.array([0.0, 0.0, 30.0]), half_life_days=30, exponent=0.5)
    np.testing.assert_allclose(weights, [1.0, 2.0, 1.0], rtol=1e-6)


def test_unequal_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="2 product ids, 1 counts"):
        RecentPurchases(np.array(["a", "b"]), np.array([1], np.int32), np.array([1, 2], np.float32), 1)
    assert len(nothing_recent()) == 0
