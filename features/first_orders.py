"""How many of those who had never ordered did so within four weeks: the one thing that a history says of the others' chance to."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from features.never_bought_build import newest_never_bought
from features.products import FirstOrders
from features.warehouse import Warehouse

DAYS = 28  # as every probability of an offer


def first_orders(warehouse: Warehouse, *, as_of: datetime, within_days: int) -> FirstOrders | None:
    """Whoever had never ordered four weeks ago and was known then, and who of them ordered since; None where there was nobody.

    Consent as it stands now: who agreed when they ordered is seen among those from before, and who never did not at all, so that the share
    is at most too high.

    Args:
        warehouse: the history.
        as_of: UTC; nothing after it is seen.
        within_days: `FeatureSettings.never_bought_days`.
    """
    people = newest_never_bought(warehouse, as_of=as_of - timedelta(days=DAYS), within_days=within_days)
    if people.is_empty():
        return None
    orders = pl.scan_parquet(warehouse.path("orders")).filter(pl.col("customer_id").is_not_null() & (pl.col("ordered_at") <= as_of))
    firsts = orders.sort("ordered_at", "order_id").group_by("customer_id", maintain_order=True).agg(pl.col("amount").first()).collect()
    ordered = people.join(firsts, on="customer_id", how="semi").height
    return FirstOrders(people=people.height, ordered=ordered, basket=float(firsts["amount"].mean() or 0.0))  # type: ignore[arg-type]
