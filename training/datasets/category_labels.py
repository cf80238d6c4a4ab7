"""What came after, per customer and category: days until the category is bought again, and how much of it then."""

from __future__ import annotations

from datetime import datetime

import polars as pl

_MICROSECONDS_PER_DAY = 86_400e6


def category_purchases(order_lines: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """One row per customer, category and moment.

    Args:
        order_lines: the shop's.
        units: `product_id`, `product_category`, as `features.units` names them.

    Returns:
        `customer_id`, `product_category`, `ordered_at`, `quantity`; sorted by time. Lines without a customer or a category are left out.
    """
    lines = order_lines.filter(pl.col("customer_id").is_not_null()).join(units, on="product_id")
    return lines.group_by("customer_id", "product_category", "ordered_at").agg(pl.col("quantity").sum()).sort("ordered_at")


def next_purchases(snapshots: pl.DataFrame, purchases: pl.DataFrame, *, until: datetime) -> pl.DataFrame:
    """Days from each as-of date to the next purchase of the category by the customer, and its quantity.

    Args:
        snapshots: `customer_id`, `product_category`, `as_of` (UTC), any order.
        purchases: result of `category_purchases`. A purchase at exactly the as-of date counts as seen, not as the next one.
        until: the last moment that may be looked at; later purchases are as if they did not exist yet.

    Returns:
        `wait` (days; infinity when no later purchase is known) and `next_quantity` (null then), in the order of `snapshots`. Whether "none"
        means "not within H" is for the caller to say: only where `as_of + H` is not after `until`.
    """
    left = snapshots.select("customer_id", "product_category", "as_of").with_row_index("row")
    left = left.with_columns(after=pl.col("as_of") + pl.duration(microseconds=1)).sort("after")
    known = purchases.filter(pl.col("ordered_at") <= until).select("customer_id", "product_category", "ordered_at", "quantity")
    joined = left.join_asof(
        known.sort("ordered_at"),
        left_on="after",
        right_on="ordered_at",
        by=["customer_id", "product_category"],
        strategy="forward",
        check_sortedness=False,
    ).sort("row")
    wait = (pl.col("ordered_at") - pl.col("as_of")).dt.total_microseconds().cast(pl.Float64) / _MICROSECONDS_PER_DAY
    return joined.select(wait=wait.fill_null(float("inf")), next_quantity=pl.col("quantity"))
