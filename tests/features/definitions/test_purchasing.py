"""One customer counted by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import polars as pl
import pytest

from features.definitions.purchasing import PURCHASING
from features.schema import ORDER_LINES, ORDERS, PRODUCTS
from tests.features.ground import evaluate, shop_of, spine_of
from tests.shop import START, Tables, sample_tables

FRIDAY = START + timedelta(days=4, hours=9)
# order, days after FRIDAY, hour of day, store, amount, discount, coupon, products
ORDERED = [
    ("1", 0, 9, "s1", 10.0, 2.0, 1.0, ["tea", "jam"]),  # Friday morning
    ("2", 1, 12, "s2", 30.0, 0.0, 0.0, ["tea"]),  # Saturday noon
    ("3", 1, 20, "s1", 5.0, 5.0, 0.0, ["tea", "rum", "odd"]),  # the same day, evening
    ("4", 15, 18, None, 15.0, 1.0, 0.0, ["jam"]),  # Saturday two weeks later, evening
]
CATEGORY = {"tea": "DRINKS", "rum": "DRINKS", "jam": "SPREADS", "odd": None}


def _time(day: int, hour: int) -> datetime:
    return FRIDAY.replace(hour=hour) + timedelta(days=day)


@pytest.fixture(scope="module")
def tables() -> Tables:
    heads = [
        {"order_id": o, "customer_id": "me", "ordered_at": _time(d, h), "store_id": s, "amount": a, "discount": x, "coupon_discount": c}
        | {"line_count": len(p), "quantity": float(len(p))}
        for o, d, h, s, a, x, c, p in ORDERED
    ]
    lines = [
        {"order_id": o, "line_number": n, "customer_id": "me", "ordered_at": _time(d, h), "product_id": product}
        | {"quantity": 1.0, "amount": a / len(p), "discount": 0.0}
        for o, d, h, _, a, _, _, p in ORDERED
        for n, product in enumerate(p)
    ]
    products = [{"product_id": p, "product_category": c, "in_catalogue": True} for p, c in CATEGORY.items()]
    empty = {name: frame.clear() for name, frame in sample_tables(customers=2, weeks=8).items()}
    made = {table.name: pl.DataFrame(rows, schema=table.columns) for table, rows in ((ORDERS, heads), (ORDER_LINES, lines))}
    full = [{**dict.fromkeys(PRODUCTS.columns), **row} for row in products]
    return {**empty, **made, PRODUCTS.name: pl.DataFrame(full, schema=PRODUCTS.columns)}


def at(tables: Tables, as_of: datetime) -> dict[str, float | None]:
    frame = evaluate(PURCHASING, shop_of(tables), spine_of(tables, [as_of]))
    return {name: frame[name][0] for name in PURCHASING.features}


def test_the_whole_life_at_its_end(tables: Tables) -> None:
    now = _time(20, 18)
    found = at(tables, now)
    ages = [(now - _time(d, h)) / timedelta(days=1) for _, d, h, *_ in ORDERED]
    lines = [2, 1, 3, 1]
    expected = {
        "days_observed": ages[0],
        "days_since_first_order": ages[0],
        "days_since_last_order": 5.0,
        "order_count": 4,
        "order_day_count": 3,  # two orders on the Saturday are one day
        "gap_mean": (1 + 14) / 2,
        "gap_std": 6.5,
        "gap_last": 14,
        "gap_max": 14,
        "order_days_last_7d": 1,
        "order_days_last_14d": 1,
        "order_days_last_21d": 3,
        "order_days_decayed_28d": sum(math.exp(-ages[i] / 28) for i in (0, 1, 3)),
        "amount_decayed_28d": sum(a * math.exp(-age / 28) for a, age in zip([10, 30, 5, 15], ages, strict=True)),
        "lines_decayed_28d": sum(n * math.exp(-age / 28) for n, age in zip(lines, ages, strict=True)),
        "gap_recent": (1 * math.exp(-ages[1] / 56) + 14 * math.exp(-ages[3] / 56)) / (math.exp(-ages[1] / 56) + math.exp(-ages[3] / 56)),
        "amount_mean": 15.0,
        "amount_last": 15.0,
        "lines_mean": 7 / 4,
        "lines_last": 1,
        "discount_share": 8 / 68,
        "coupon_share": 1 / 68,
        "weekend_share": 3 / 4,
        "morning_share": 1 / 4,
        "evening_share": 2 / 4,
        "new_product_share": (2 * math.exp(-ages[0] / 56) + 2 * math.exp(-ages[2] / 56))
        / sum(n * math.exp(-age / 56) for n, age in zip(lines, ages, strict=True)),
        "product_count": 4,
        "category_count": 2,  # a product without a category adds none
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_before_the_second_order_there_is_no_rhythm(tables: Tables) -> None:
    found = at(tables, _time(0, 9))
    assert found["days_since_last_order"] == 0
    assert found["order_count"] == found["order_days_last_7d"] == 1
    for name in ("gap_mean", "gap_std", "gap_last", "gap_recent", "gap_max"):
        assert found[name] is None


def test_a_second_order_on_the_same_day_moves_amounts_but_no_rhythm(tables: Tables) -> None:
    noon, night = at(tables, _time(1, 12)), at(tables, _time(1, 20))
    for name in ("order_day_count", "gap_mean", "gap_last", "order_days_last_7d"):
        assert noon[name] == night[name]
    assert (noon["order_count"], night["order_count"]) == (2, 3)
    assert (noon["amount_last"], night["amount_last"]) == pytest.approx((30.0, 5.0))
    assert (noon["lines_last"], night["lines_last"]) == pytest.approx((1, 3))


def test_before_the_first_order_counts_are_zero_and_recencies_unknown(tables: Tables) -> None:
    found = at(tables, START)
    assert found["order_count"] == found["amount_decayed_28d"] == found["product_count"] == 0
    for name in ("days_since_last_order", "days_since_first_order", "amount_last", "amount_mean", "weekend_share", "new_product_share"):
        assert found[name] is None


def test_an_unnamed_store_is_no_store(tables: Tables) -> None:
    assert at(tables, _time(20, 18))["store_count"] == 2


def test_two_orders_of_the_same_moment_count_what_is_new_once(tables: Tables) -> None:
    twin = {name: tables[name].filter(pl.col("order_id") == "4").with_columns(order_id=pl.lit("5")) for name in ("orders", "order_lines")}
    twin["order_lines"] = twin["order_lines"].with_columns(product_id=pl.lit("new"))
    doubled = {**tables, **{name: pl.concat([tables[name], twin[name]]) for name in twin}}
    found, before = at(doubled, _time(20, 18)), at(tables, _time(20, 18))
    assert (found["product_count"], before["product_count"]) == (5, 4)
    for name in ("category_count", "store_count", "order_day_count", "gap_last", "order_days_last_28d"):
        assert found[name] == before[name]
    assert found["order_count"] == 5
    frame = evaluate(PURCHASING, shop_of(doubled), spine_of(doubled, [_time(20, 18)]))
    assert frame.height == 1
