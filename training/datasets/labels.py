"""What came after: days until each customer's next order, or next event of another kind."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MICROSECONDS_PER_DAY = 86_400e6


def days_until_next_order(snapshots: pl.DataFrame, orders: pl.DataFrame) -> NDArray[np.float64]:
    """Days from each as-of date to the customer's first order after it; `days_until_next` of orders."""
    return days_until_next(snapshots, orders, time="ordered_at")


def days_until_next(snapshots: pl.DataFrame, events: pl.DataFrame, *, time: str) -> NDArray[np.float64]:
    """Days from each as-of date to the customer's first event after it.

    Args:
        snapshots: `customer_id`, `as_of` (UTC), any order.
        events: `customer_id` and the column `time`. An event at exactly the as-of date counts as seen, not as the next one.
        time: when it happened.

    Returns:
        (n,) days in the order of `snapshots`; infinity where no later event is known. Whether "none" means "not within H" is for the
        caller to say: only where `as_of + H` is not after the end of the data.
    """
    left = snapshots.select("customer_id", "as_of").with_row_index("row")
    left = left.with_columns(after=pl.col("as_of") + pl.duration(microseconds=1)).sort("after")
    right = events.filter(pl.col("customer_id").is_not_null()).select("customer_id", happened=time).sort("happened")
    joined = left.join_asof(right, left_on="after", right_on="happened", by="customer_id", strategy="forward", check_sortedness=False).sort(
        "row"
    )
    wait = (joined["happened"] - joined["as_of"]).dt.total_microseconds().cast(pl.Float64) / _MICROSECONDS_PER_DAY
    return wait.fill_null(float("inf")).to_numpy()
