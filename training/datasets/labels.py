"""What came after: days until each customer's next order."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MICROSECONDS_PER_DAY = 86_400e6


def days_until_next_order(snapshots: pl.DataFrame, orders: pl.DataFrame) -> NDArray[np.float64]:
    """Days from each as-of date to the customer's first order after it.

    Args:
        snapshots: `customer_id`, `as_of` (UTC), any order.
        orders: `customer_id`, `ordered_at`. An order at exactly the as-of date counts as seen, not as the next one.

    Returns:
        (n,) days in the order of `snapshots`; infinity where no later order is known. Whether "none" means "not within H" is for the
        caller to say: only where `as_of + H` is not after the end of the data.
    """
    left = snapshots.select("customer_id", "as_of").with_row_index("row")
    left = left.with_columns(after=pl.col("as_of") + pl.duration(microseconds=1)).sort("after")
    right = orders.filter(pl.col("customer_id").is_not_null()).select("customer_id", "ordered_at").sort("ordered_at")
    joined = left.join_asof(
        right, left_on="after", right_on="ordered_at", by="customer_id", strategy="forward", check_sortedness=False
    ).sort("row")
    wait = (joined["ordered_at"] - joined["as_of"]).dt.total_microseconds().cast(pl.Float64) / _MICROSECONDS_PER_DAY
    return wait.fill_null(float("inf")).to_numpy()
