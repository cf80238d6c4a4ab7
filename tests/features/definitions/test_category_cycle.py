from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import ibis
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.definitions import category_demand
from features.definitions.category_cycle import CATEGORY_CYCLE, DECAYS, FEATURES, KEYS, WEEKS, join_demand, pair_features, pair_spine
from features.engine import Shop, open_engine, open_shop
from features.feature_sets import CATEGORY
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.training.cycle_shop import NO_MERCHANDISE, START, baskets, write_baskets
from training.artifacts.category_path import CATEGORY_INPUTS, STEP_DAYS, roll_forward

AS_OF = datetime(2023, 6, 11, 15, 30, tzinfo=UTC)


def history() -> list[tuple[str, datetime, str, float]]:
    bought = baskets(12, 30)
    twice = [(c, at + timedelta(minutes=5), category, 2.0) for c, at, category, _ in bought[::9]]
    return [*bought, *twice, ("c000", START, "", 1.0), ("c000", START, NO_MERCHANDISE, 1.0)]


def opened(settings: FeatureSettings, warehouse: Warehouse) -> Shop:
    return open_shop(open_engine(settings), warehouse)


def customers_at(*dates: datetime) -> ibis.Table:
    ids = [f"c{i:03d}" for i in range(12)]
    rows = {"customer_id": ids * len(dates), "as_of": [d for d in dates for _ in ids]}
    return ibis.memtable(pl.DataFrame(rows, schema={"customer_id": pl.String, "as_of": pl.Datetime("us", "UTC")}))


def built(shop: Shop, *dates: datetime) -> pl.DataFrame:
    frame: pl.DataFrame = CATEGORY_CYCLE.build(shop, pair_spine(shop, customers_at(*dates))).to_polars()
    return frame.sort("as_of", *KEYS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return opened(*write_baskets(tmp_path_factory.mktemp("cycle"), history()))


def by_hand(customer: str, category: str, as_of: datetime) -> dict[str, float]:
    """The pair's own features, counted row by row."""
    seen = sorted((at, quantity) for c, at, k, quantity in history() if (c, k) == (customer, category) and at <= as_of)
    firsts: list[datetime] = []
    for at, _ in seen:
        if not firsts or at.date() != firsts[-1].date():
            firsts.append(at)
    age = [(as_of - at) / timedelta(days=1) for at in firsts]
    gaps = [float((b.date() - a.date()).days) for a, b in pairwise(firsts)]
    weight = [math.exp(-a / 56) for a in age]
    order_weight = [math.exp(-((as_of - at) / timedelta(days=1)) / 56) for at, _ in seen]
    quantity = sum(q for _, q in seen)
    return {
        "days_since_first_purchase": age[0],
        "days_since_last_purchase": (as_of - seen[-1][0]) / timedelta(days=1),
        "purchase_count": float(len(firsts)),
        "gap_mean": float(np.mean(gaps)) if gaps else math.nan,
        "gap_std": float(np.std(gaps)) if len(gaps) > 1 else math.nan,
        "gap_last": gaps[-1] if gaps else math.nan,
        "gap_recent": sum(g * w for g, w in zip(gaps, weight[1:], strict=True)) / sum(weight[1:]) if gaps else math.nan,
        **{f"purchases_last_{d}d": float(sum(a < d for a in age)) for d in WEEKS},
        **{f"purchases_decayed_{d}d": sum(math.exp(-a / d) for a in age) for d in DECAYS},
        "quantity_mean": quantity / len(firsts),
        "quantity_last": seen[-1][1],
        "quantity_recent": sum(q * w for (_, q), w in zip(seen, order_weight, strict=True)) / sum(weight),
        "amount_mean": 2.5 * quantity / len(firsts),
    }


def test_equals_counting_row_by_row(shop: Shop) -> None:
    frame = built(shop, AS_OF)
    assert frame.height > 80
    for row in frame.iter_rows(named=True):
        expected = by_hand(row["customer_id"], row["product_category"], AS_OF)
        found = {name: math.nan if row[name] is None else row[name] for name in expected}
        assert found == pytest.approx(expected, nan_ok=True, abs=1e-6), (row["customer_id"], row["product_category"])


def test_sees_nothing_after_the_as_of_date(shop: Shop, tmp_path: Path) -> None:
    past = [row for row in history() if row[1] <= AS_OF]
    assert len(past) < len(history())
    assert_frame_equal(built(opened(*write_baskets(tmp_path, past)), AS_OF), built(shop, AS_OF), check_exact=False, rel_tol=1e-9)


def test_a_pair_not_bought_meanwhile_rolls_to_what_the_view_says_later(shop: Shop) -> None:
    for lead in (1, 2, 3, 6):
        early, late = built(shop, AS_OF), built(shop, AS_OF + timedelta(days=STEP_DAYS * lead))
        joined = early.join(late, on=list(KEYS), suffix="_later")
        still = joined.filter(pl.col("days_since_last_purchase_later") >= STEP_DAYS * lead)
        assert still.height > 5
        own = [i for i, name in enumerate(CATEGORY_INPUTS) if not name.startswith("category_")]
        rolled = roll_forward(still.select(CATEGORY_INPUTS).to_numpy().astype(float), lead)
        later = still.select(f"{name}_later" for name in CATEGORY_INPUTS).to_numpy().astype(float)
        np.testing.assert_allclose(rolled[:, own], later[:, own], rtol=1e-9, atol=1e-9)


def test_one_customer_refreshed_equals_the_batch(shop: Shop) -> None:
    batch = built(shop, AS_OF).filter(pl.col("customer_id") == "c003")
    spine = pair_spine(shop, customers_at(AS_OF)).filter(ibis._.customer_id == "c003")
    demand = category_demand.build(shop, spine.select("product_category", "as_of").distinct())
    alone = join_demand(pair_features(shop.of_customers(["c003"]), spine), demand).to_polars().sort(*KEYS)
    assert batch.drop("as_of").to_dicts() == [pytest.approx(row) for row in alone.drop("as_of").to_dicts()]


def test_pairs_are_those_bought_before_and_merchandise(shop: Shop) -> None:
    spine = pair_spine(shop, customers_at(START, AS_OF), excluded_categories=[NO_MERCHANDISE]).to_polars()
    expected = {(c, k, at) for at in (START, AS_OF) for c, when, k, _ in history() if when <= at and k not in {"", NO_MERCHANDISE}}
    assert set(spine.select(*KEYS, "as_of").iter_rows()) == expected
    assert spine.height == len(expected)
    kept = pair_spine(shop, customers_at(AS_OF)).to_polars()
    assert NO_MERCHANDISE in kept["product_category"].to_list()


def test_looks_are_counted_and_what_was_only_looked_at_is_a_pair_without_a_purchase(shop: Shop) -> None:
    customer, other = "c003", "c004"
    known = {k for c, at, k, _ in history() if c == customer and at <= AS_OF}
    bought, new = sorted(known - {"", NO_MERCHANDISE})[0], "CATEGORY NEW"
    looks = [
        (customer, bought, 2),
        (customer, bought, 20),
        (customer, bought, -1),
        (customer, new, 6),
        (customer, new, 400),
        ("nobody", new, 3),
        (other, new, 95),
    ]
    rows = {
        "interaction_id": [f"i{i}" for i in range(len(looks))],
        "customer_id": [c for c, _, _ in looks],
        "type": ["viewed"] * len(looks),
        "product_id": [f"p {k}" for _, k, _ in looks],
        "bundle_id": [None] * len(looks),
        "occurred_at": [AS_OF - timedelta(days=days) for _, _, days in looks],
    }
    seen = ibis.memtable(pl.DataFrame(rows, schema_overrides={"bundle_id": pl.String, "occurred_at": pl.Datetime("us", "UTC")}))
    units = ibis.memtable(pl.concat([shop.units.to_polars(), pl.DataFrame({"product_id": [f"p {new}"], "product_category": [new]})]))
    looked = replace(shop, interactions=seen, units=units, empty=shop.empty - {"interactions"})
    frame = built(looked, AS_OF)
    row = frame.filter((pl.col("customer_id") == customer) & (pl.col("product_category") == bought)).row(0, named=True)
    assert (row["looks_last_7d"], row["looks_last_28d"], row["days_since_last_look"]) == (1, 2, 2)
    before = built(shop, AS_OF).filter((pl.col("customer_id") == customer) & (pl.col("product_category") == bought)).row(0, named=True)
    own = [name for name in FEATURES if "look" not in name]
    assert {name: row[name] for name in own} == pytest.approx({name: before[name] for name in own}, nan_ok=True)
    only = frame.filter(pl.col("product_category") == new).select(
        "customer_id", "purchase_count", "looks_last_7d", "days_since_last_purchase"
    )
    assert only.rows() == [(customer, 0.0, 1.0, None)]


def test_names_agree_with_the_feature_set_and_the_model(shop: Shop) -> None:
    assert tuple(built(shop, AS_OF).columns) == (*KEYS, "as_of", *FEATURES)
    assert tuple(FEATURES) == CATEGORY.columns
    assert [name for name in FEATURES if name in CATEGORY_INPUTS] == list(CATEGORY_INPUTS)
