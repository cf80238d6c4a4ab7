"""What customers looked at lately, in the form of recent purchases: what is known of the taste of somebody who never ordered."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

LOOK_DAYS = 91  # a quarter holds every season's beginning; what was looked at before says little of what is wanted now
MAX_LOOKS = 50  # products; the newest so many say what somebody is after
_MICROSECONDS_A_DAY = 86_400_000_000.0
# As events fold, and as importers' files may call them; taking something out of the cart is no interest.
KINDS = ("viewed", "view", "carted", "cart", "liked", "like", "shared", "share", "tried_on")


def recent_looks(interactions: pl.DataFrame | pl.LazyFrame, as_of: datetime) -> pl.DataFrame:
    """Products looked at, put into the cart, wished for, shared or tried on, one row per customer with any.

    Args:
        interactions: of `features.schema`, any customers, any order; handing in those of one customer gives exactly that customer's row.
        as_of: UTC; nothing after it is seen.

    Returns:
        The columns of `features.recent_build.recent_purchases`, the most recent product first: `purchases` counts looks, and `orders` is 0,
        which says that nothing of it was bought.
    """
    seen = interactions.lazy().filter(
        pl.col("customer_id").is_not_null()
        & pl.col("product_id").is_not_null()
        & pl.col("type").is_in(KINDS)
        & (pl.col("occurred_at") <= as_of)
        & (pl.col("occurred_at") > as_of - timedelta(days=LOOK_DAYS))
    )
    age = (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("last")).dt.total_microseconds() / _MICROSECONDS_A_DAY
    return (
        seen.group_by("customer_id", "product_id")
        .agg(pl.len().cast(pl.Int32).alias("purchases"), pl.col("occurred_at").max().alias("last"))
        .sort(["customer_id", "last", "product_id"], descending=[False, True, False])
        .filter(pl.int_range(pl.len()).over("customer_id") < MAX_LOOKS)
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("product_id").alias("product_ids"),
            pl.col("purchases"),
            age.cast(pl.Float32).alias("days_since_last"),
            pl.lit(0, pl.Int32).alias("orders"),
        )
        .collect()
    )
