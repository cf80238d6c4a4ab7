"""Recent purchases of many customers, or of one, from order lines: the batch builder and the refresh after an event are one function."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from features.recent import HISTORY_DAYS, MAX_PRODUCTS, RecentPurchases

_MICROSECONDS_A_DAY = 86_400_000_000.0


def product_purchases(lines: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """One row per customer and product bought in the last year before `as_of`, most recent first within a customer.

    Args:
        lines: order lines with `order_id`, `customer_id`, `ordered_at`, `product_id`; lines without customer are left out.
        as_of: nothing after this moment is seen; a line at exactly this moment is.

    Returns:
        `customer_id`, `product_id`, `purchases` (Int32, orders), `days_since_last` (Float32), `orders` (Int32, of the customer), at most
        `MAX_PRODUCTS` rows a customer. Products of one order are ordered by id, so that equal histories give equal rows.
    """
    seen = lines.filter(
        pl.col("customer_id").is_not_null()
        & (pl.col("ordered_at") <= as_of)
        & (pl.col("ordered_at") > as_of - timedelta(days=HISTORY_DAYS))
    )
    orders = seen.group_by("customer_id").agg(pl.col("order_id").n_unique().cast(pl.Int32).alias("orders"))
    age = (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("last")).dt.total_microseconds() / _MICROSECONDS_A_DAY
    return (
        seen.group_by("customer_id", "product_id")
        .agg(pl.col("order_id").n_unique().cast(pl.Int32).alias("purchases"), pl.col("ordered_at").max().alias("last"))
        .join(orders, on="customer_id")
        .sort(["customer_id", "last", "product_id"], descending=[False, True, False])
        .filter(pl.int_range(pl.len()).over("customer_id") < MAX_PRODUCTS)
        .select("customer_id", "product_id", "purchases", age.cast(pl.Float32).alias("days_since_last"), "orders")
    )


def recent_purchases(lines: pl.DataFrame | pl.LazyFrame, as_of: datetime) -> pl.DataFrame:
    """Recent purchases, one row per customer: what the online store holds.

    Handing in the lines of a single customer gives exactly that customer's row of the batch.

    Args:
        lines: order lines, any customers, any order; may reach further back or beyond `as_of`.
        as_of: UTC; nothing after it is seen.

    Returns:
        `customer_id`, the lists `product_ids` (String), `purchases` (Int32), `days_since_last` (Float32), and `orders` (Int32); sorted by
        `customer_id`. Customers who bought nothing in the time have no row.
    """
    return (
        product_purchases(lines.lazy(), as_of)
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("product_id").alias("product_ids"),
            pl.col("purchases"),
            pl.col("days_since_last"),
            pl.col("orders").first(),
        )
        .collect()
    )


def from_row(row: dict[str, Any]) -> RecentPurchases:
    """Turn a row of `recent_purchases` (`frame.row(i, named=True)`) into what the models read."""
    return RecentPurchases(
        np.asarray(row["product_ids"], np.str_),
        np.asarray(row["purchases"], np.int32),
        np.asarray(row["days_since_last"], np.float32),
        int(row["orders"]),
    )
