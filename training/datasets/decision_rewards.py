"""What customers did after moments in their lives: what their orders left, whether they left the channel, whether they ordered again.

Counted over a window that begins after the moment and ends with the horizon: nothing at the moment itself, nothing after the end.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.assumptions import Assumptions
from features.ledger.kinds import LEAVING
from features.warehouse import Warehouse

Array = NDArray[np.float64]

_RATES = {"department": pl.String, "rate": pl.Float64}


def order_margins(warehouse: Warehouse, assumptions: Assumptions) -> pl.DataFrame:
    """What every order of a known customer left: `customer_id`, `order_id`, `ordered_at`, `rate`, `margin`.

    The assumed share of the value before coupons, by the departments of its lines, less the coupons: a coupon is given from the margin. The
    shop's ordinary reductions are in the paid amount, of which the assumed share is one.
    """
    departments = warehouse.read("products").select("product_id", "department")
    known = [name for name in departments["department"].unique().to_list() if name is not None]
    rates = pl.DataFrame({"department": known, "rate": [assumptions.margin_rate(name) for name in known]}, schema=_RATES)
    default = assumptions.margin_rate(None)
    lines = warehouse.read("order_lines").join(departments, on="product_id", how="left").join(rates, on="department", how="left")
    rate = pl.col("rate").fill_null(default)
    weight = pl.col("amount").clip(lower_bound=0.0)
    of_order = lines.group_by("order_id").agg(
        pl.when(weight.sum() > 0).then((rate * weight).sum() / weight.sum()).otherwise(rate.mean()).alias("rate")
    )
    orders = warehouse.read("orders").filter(pl.col("customer_id").is_not_null()).join(of_order, on="order_id", how="left")
    before = pl.col("amount") + pl.col("coupon_discount")
    return orders.with_columns(pl.col("rate").fill_null(default)).select(
        "customer_id", "order_id", "ordered_at", "rate", margin=pl.col("rate") * before - pl.col("coupon_discount")
    )


def margin_within(moments: pl.DataFrame, warehouse: Warehouse, assumptions: Assumptions) -> Array:
    """Money that each customer's orders left within the window, what was refunded in it taken off.

    Args:
        moments: `customer_id`, `now` (UTC), `days` (horizon), any order.
        warehouse: the history.
        assumptions: margins.
    """
    margins = order_margins(warehouse, assumptions)
    earned = margins.sort("ordered_at").select("customer_id", at="ordered_at", total=pl.col("margin").cum_sum().over("customer_id"))
    left = _windows(moments)
    reward = _total_until(left, earned, "until") - _total_until(left, earned, "now")
    return reward - _refunded(left, warehouse, margins)


def has_within(moments: pl.DataFrame, events: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether each customer has an event within the window.

    Args:
        moments: `customer_id`, `now`, `days`.
        events: `customer_id`, `at`.
    """
    events = events.filter(pl.col("customer_id").is_not_null()).sort("at")
    counted = events.select("customer_id", "at", total=pl.int_range(1, pl.len() + 1).over("customer_id").cast(pl.Float64))
    left = _windows(moments)
    return _total_until(left, counted, "until") > _total_until(left, counted, "now")


def departures(warehouse: Warehouse) -> pl.DataFrame:
    """`customer_id`, `at` of every time somebody left a channel."""
    activities = warehouse.read("activities").filter(pl.col("kind").is_in(list(LEAVING)))
    return activities.select("customer_id", at="occurred_at")


def _windows(moments: pl.DataFrame) -> pl.DataFrame:
    return moments.with_row_index("row").with_columns(until=pl.col("now") + pl.duration(days=pl.col("days")))


def _total_until(left: pl.DataFrame, totals: pl.DataFrame, moment: str) -> Array:
    """(n,) running total of each customer at a moment, what happened at it included."""
    asked = left.select("row", "customer_id", at=moment).sort("at")
    joined = asked.join_asof(totals, on="at", by="customer_id", strategy="backward", check_sortedness=False).sort("row")
    return joined["total"].fill_null(0.0).to_numpy()


def _refunded(left: pl.DataFrame, warehouse: Warehouse, margins: pl.DataFrame) -> Array:
    """(n,) margin lost on orders of the window that were given back within it."""
    lost = warehouse.read("refunds").filter(pl.col("order_id").is_not_null()).select("order_id", "refunded_at", "amount")
    lost = lost.join(margins, on="order_id").select("customer_id", "ordered_at", "refunded_at", lost=pl.col("amount") * pl.col("rate"))
    within = (pl.col("ordered_at") > pl.col("now")) & (pl.col("refunded_at") <= pl.col("until"))
    pairs = left.join(lost, on="customer_id").filter(within).group_by("row").agg(pl.col("lost").sum())
    return left.join(pairs, on="row", how="left").sort("row")["lost"].fill_null(0.0).to_numpy()
