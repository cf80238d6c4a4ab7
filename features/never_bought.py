"""Who is known without ever having ordered: whoever signed in under an id of the shop and did something lately.

They are online beside the buyers, by the same feature definitions, and in no training snapshot (docs/adr/0014). The night's build and the
refresh after an event choose them by this one function.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from features.ledger.identities import ANONYMOUS

FILE = "never_bought.parquet"  # beside the views' files of an offline build: `customer_id`, `as_of`, the features of `CUSTOMER`
_DONE_BY_THE_SHOP = ("message_sent",)  # whom the shop only wrote to has done nothing


def never_bought(
    orders: pl.LazyFrame, interactions: pl.LazyFrame, activities: pl.LazyFrame, *, as_of: datetime, within_days: int
) -> pl.DataFrame:
    """Customers without an order by a moment, whose newest deed is at most so many days old.

    A deed is any interaction or activity but a message sent to them: looking, carts, wishes, answers, tags, joining or leaving a channel,
    identifying themselves. Devices of which nobody knows whose they are (`anonymous:…`) are left out, however many they are; once linked,
    what was done on them counts for the customer. Whom only an imported file names has done nothing.

    Args:
        orders: of `features.schema`, any customers, any order, as the next two.
        interactions: rows without a time are no deeds.
        activities: everything else that customers did.
        as_of: UTC; nothing after it is seen, something at exactly this moment is.
        within_days: `FeatureSettings.never_bought_days`; 0 for nobody.

    Returns:
        `customer_id`, `as_of`, sorted by customer.
    """
    recent = (pl.col("occurred_at") <= as_of) & (pl.col("occurred_at") > as_of - timedelta(days=within_days))
    deeds = [
        interactions.filter(recent).select("customer_id"),
        activities.filter(recent & ~pl.col("kind").is_in(_DONE_BY_THE_SHOP)).select("customer_id"),
    ]
    buyers = orders.filter(pl.col("ordered_at") <= as_of).select("customer_id")
    return (
        pl.concat(deeds)
        .filter(pl.col("customer_id").is_not_null() & ~pl.col("customer_id").str.starts_with(ANONYMOUS))
        .unique()
        .join(buyers, on="customer_id", how="anti")
        .sort("customer_id")
        .with_columns(as_of=pl.lit(as_of).cast(pl.Datetime("us", "UTC")))
        .collect()
    )
