from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from features.units import units_of
from training.datasets.category_labels import category_purchases, next_purchases

NOON = datetime(2023, 3, 1, 12, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def lines(*rows: tuple[str | None, str, datetime, float]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"customer_id": pl.String, "product_id": pl.String, "ordered_at": TIME, "quantity": pl.Float64}, orient="row"
    )


PRODUCTS = pl.DataFrame({"product_id": ["p1", "p2", "q", "x"], "product_category": ["TEA", "TEA", "SOAP", None], "in_catalogue": True})
UNITS = units_of(PRODUCTS).table
SNAPSHOTS = pl.DataFrame(
    [("a", "TEA", NOON), ("a", "SOAP", NOON), ("b", "TEA", NOON)],
    schema={"customer_id": pl.String, "product_category": pl.String, "as_of": TIME},
    orient="row",
)


def test_purchases_of_one_moment_are_one_and_the_unknown_is_left_out() -> None:
    bought = category_purchases(lines(("a", "p1", NOON, 1), ("a", "p2", NOON, 2), (None, "p1", NOON, 1), ("a", "x", NOON, 1)), UNITS)
    assert bought.rows() == [("a", "TEA", NOON, 3.0)]


def test_next_purchase_is_the_first_after_the_as_of_date_and_of_the_same_pair() -> None:
    bought = category_purchases(
        lines(
            ("a", "p1", NOON, 1),  # at the as-of date itself: seen, not next
            ("a", "p2", NOON + timedelta(days=2, hours=12), 4),
            ("a", "p1", NOON + timedelta(days=9), 1),
            ("b", "q", NOON + timedelta(days=1), 1),
        ),
        UNITS,
    )
    after = next_purchases(SNAPSHOTS, bought, until=NOON + timedelta(days=30))
    assert after["wait"].to_list() == pytest.approx([2.5, float("inf"), float("inf")])
    assert after["next_quantity"].to_list() == [4.0, None, None]


def test_nothing_after_until_is_looked_at() -> None:
    bought = category_purchases(lines(("a", "p1", NOON + timedelta(days=8), 1)), UNITS)
    assert next_purchases(SNAPSHOTS, bought, until=NOON + timedelta(days=7))["wait"][0] == float("inf")
    assert next_purchases(SNAPSHOTS, bought, until=NOON + timedelta(days=8))["wait"][0] == 8.0
