from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import TooLittleHistory
from tests.training import shop_of_tastes as shop
from training.datasets.interactions import build_interactions, read_targets

CUT = datetime(2024, 1, 1, 9, tzinfo=UTC) + timedelta(days=84)


def test_only_merchandise_with_enough_buyers_before_the_cut_is_modelled(tmp_path: Path) -> None:
    lines = shop.draw_lines(customers=20)
    ids = [f"p{i:02d}" for i in range(40)]
    late = pl.DataFrame([("x", "c000", CUT + timedelta(days=1), "p39")], schema=lines.schema, orient="row")
    before = lines.filter((pl.col("ordered_at") <= CUT) & (pl.col("product_id") != "p39"))
    products = shop.product_frame(ids, {"p03": "FUEL"}, frozenset({"p04"}))
    warehouse = shop.write_lines(tmp_path, pl.concat([before, late]), products)
    seen = build_interactions(warehouse, CUT, min_customers=3, excluded_categories=frozenset({"FUEL"}))
    assert not {"p03", "p04", "p39"} & set(seen.product_ids.tolist())
    counts = dict(before.group_by("product_id").agg(pl.col("customer_id").n_unique()).iter_rows())
    assert seen.buyers.tolist() == [counts[p] for p in seen.product_ids]
    assert seen.buyers.min() >= 3


def test_matrices_and_recent_purchases_say_the_same(tmp_path: Path) -> None:
    lines = shop.draw_lines(customers=10)
    seen = build_interactions(shop.write_lines(tmp_path, lines), CUT, min_customers=1)
    row = seen.customer_ids.tolist().index("c003")
    recent = seen.recent(row)
    mine = lines.filter((pl.col("customer_id") == "c003") & (pl.col("ordered_at") <= CUT))
    expected = dict(mine.group_by("product_id").agg(pl.col("order_id").n_unique()).iter_rows())
    assert dict(zip(recent.product_ids.tolist(), recent.purchases.tolist(), strict=True)) == expected
    assert recent.orders == mine["order_id"].n_unique()
    assert seen.weights(half_life_days=np.inf, exponent=1.0).sum() == seen.purchases.sum()
    decayed = seen.weights(half_life_days=10.0, exponent=1.0)
    np.testing.assert_allclose(decayed.data, seen.purchases.data * 0.5 ** (seen.days_since_last.data / 10), rtol=1e-4)


def test_targets_lie_after_the_cut_and_know_what_is_new(tmp_path: Path) -> None:
    lines = shop.draw_lines(customers=10)
    warehouse = shop.write_lines(tmp_path, lines)
    seen = build_interactions(warehouse, CUT, min_customers=1)
    targets = read_targets(warehouse, seen, days=28)
    row = seen.customer_ids.tolist().index("c004")
    mine = lines.filter(pl.col("customer_id") == "c004")
    old = set(mine.filter(pl.col("ordered_at") <= CUT)["product_id"])
    after = set(mine.filter((pl.col("ordered_at") > CUT) & (pl.col("ordered_at") <= CUT + timedelta(days=28)))["product_id"])
    assert set(seen.product_ids[targets.bought[row].indices]) == after & set(seen.product_ids)
    assert targets.wanted[row] == len(after)
    assert targets.first_wanted[row] == len(after - old)


def test_a_single_customer_is_too_little(tmp_path: Path) -> None:
    warehouse = shop.write_lines(tmp_path, shop.draw_lines(customers=1))
    with pytest.raises(TooLittleHistory, match="only 1 customer"):
        build_interactions(warehouse, CUT, min_customers=1)
