"""A refund takes back an earlier sale of the same customer and product, and never more than was sold."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.sources.tabular.refunds import match_refunds

START = datetime(2024, 1, 1, tzinfo=UTC)
Sale = tuple[str, str, int, float]  # customer, product, day, quantity


def frames(sales: list[Sale], refunds: list[Sale]) -> tuple[pl.DataFrame, pl.DataFrame]:
    def frame(rows: list[Sale]) -> pl.DataFrame:
        schema = {"customer_id": pl.String, "product_id": pl.String, "day": pl.Int64, "quantity": pl.Float64}
        made = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("row")
        return made.with_columns(pl.lit(START) + pl.duration(days="day")).rename({"literal": "ordered_at"})

    sold = frame(sales).with_columns(order_id=pl.concat_str(pl.lit("o"), "row"), line_number=pl.lit(0, dtype=pl.Int64))
    return frame(refunds), sold


def matched(sales: list[Sale], refunds: list[Sale]) -> list[tuple[int, float, str | None]]:
    return match_refunds(*frames(sales, refunds)).select("row", "quantity", "sale_order_id").rows()


def test_the_sale_of_the_same_quantity_is_meant_even_if_another_is_later() -> None:
    assert matched([("a", "P", 1, 6.0), ("a", "P", 2, 4.0)], [("a", "P", 3, 6.0)]) == [(0, 6.0, "o0")]


def test_otherwise_the_latest_sales_give_what_they_have() -> None:
    assert matched([("a", "P", 1, 6.0), ("a", "P", 2, 4.0)], [("a", "P", 3, 7.0)]) == [(0, 4.0, "o1"), (0, 3.0, "o0")]


def test_later_sales_other_products_and_other_customers_are_not_meant() -> None:
    sales = [("a", "P", 5, 1.0), ("a", "Q", 1, 1.0), ("b", "P", 1, 1.0)]
    assert matched(sales, [("a", "P", 3, 1.0)]) == [(0, 1.0, None)]


def test_a_sale_is_taken_back_once() -> None:
    assert matched([("a", "P", 1, 2.0)], [("a", "P", 2, 2.0), ("a", "P", 3, 2.0)]) == [(0, 2.0, "o0"), (1, 2.0, None)]


_SALE = st.tuples(st.sampled_from("ab"), st.sampled_from("PQ"), st.integers(0, 9), st.integers(1, 5).map(float))


@given(st.lists(_SALE, max_size=12), st.lists(_SALE, max_size=12))
def test_nothing_is_taken_back_twice_and_nothing_is_lost(sales: list[Sale], refunds: list[Sale]) -> None:
    refund_frame, sale_frame = frames(sales, refunds)
    found = match_refunds(refund_frame, sale_frame)
    assert found["quantity"].sum() == refund_frame["quantity"].sum()
    both = found.drop_nulls("sale_order_id").join(sale_frame, left_on="sale_order_id", right_on="order_id", suffix="_sold")
    both = both.join(refund_frame, on="row", suffix="_back")
    assert (both["ordered_at"] <= both["ordered_at_back"]).all()
    assert (both["customer_id"] == both["customer_id_back"]).all()
    taken = both.group_by("sale_order_id").agg(pl.col("quantity").sum(), pl.col("quantity_sold").first())
    assert (taken["quantity"] <= taken["quantity_sold"]).all()
