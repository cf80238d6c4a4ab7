"""What became of customers after a moment of their own, from the history: orders, margins, channels left; and the same before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Assumptions
from features.decisions.experiment import Metric, Outcome
from features.ledger.kinds import LEAVING
from features.warehouse import Warehouse
from training.evaluation.experiments.sample import Array, Sample

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Met:
    """Somebody who met an experiment.

    Attributes:
        customer_id: by the customer's own id.
        group: number of the arm.
        at: the first time, UTC.
    """

    customer_id: str
    group: int
    at: datetime


@dataclass(frozen=True)
class History:
    """Facts of everybody, in time.

    Attributes:
        orders: customer_id, at, margin; `at` in UTC, margin what the order left by the assumptions' margins.
        left: customer_id, at: channels left.
        costs: customer_id, at, cost of the messages sent.
    """

    orders: pl.DataFrame
    left: pl.DataFrame
    costs: pl.DataFrame

    def measured(self, met: Sequence[Met], metric: Metric, *, now: datetime) -> tuple[NDArray[np.int64], Sample]:
        """Groups and outcomes of everybody whose time is over, in the order in which they met it.

        Args:
            met: each customer once.
            metric: which outcome, and for how many days.
            now: the clock, UTC: nothing later is read.
        """
        days = timedelta(days=metric.within_days)
        ready = sorted((one for one in met if one.at + days <= now), key=lambda one: (one.at, one.customer_id))
        order_count, order_margin = _windows(self.orders, ready, days, "margin", now)
        group = np.array([one.group for one in ready], np.int64)
        if metric.outcome is Outcome.REPURCHASE:
            known = _ordered_before(self.orders, ready)
            return group[known], _share(order_count).of(known)
        if metric.outcome is Outcome.CONVERSION:
            return group, _share(order_count)
        if metric.outcome is Outcome.UNSUBSCRIBED:
            return group, _share(_windows(self.left, ready, days, None, now)[0])
        if metric.outcome is Outcome.MARGIN_PER_ORDER:
            return group, Sample(order_margin[1], order_margin[0], order_count[1], order_count[0])
        cost = _windows(self.costs, ready, days, "cost", now)[1]
        return group, Sample(order_margin[1] - cost[1], order_margin[0] - cost[0])


def history(warehouse: Warehouse, assumptions: Assumptions, costs: pl.DataFrame) -> History:
    """Read what outcomes are made of.

    A refund takes its margin back when it is made. Orders without lines have the default margin.

    Args:
        warehouse: the history.
        assumptions: margins by department.
        costs: of messages, as `History.costs`.
    """
    import polars as pl

    rates: Mapping[str, float] = assumptions.margins.departments
    products = warehouse.read("products").select("product_id", "department")
    rate = pl.col("department").replace_strict(rates, default=assumptions.margins.default, return_dtype=pl.Float64)

    def margins(table: str, at: str) -> pl.DataFrame:
        rows = warehouse.read(table).select("order_id", "customer_id", "product_id", "amount", pl.col(at).alias("at"))
        return rows.join(products, on="product_id", how="left").with_columns(margin=pl.col("amount") * rate)

    lines = margins("order_lines", "ordered_at").group_by("order_id").agg(lines_margin=pl.col("margin").sum())
    orders = warehouse.read("orders").join(lines, on="order_id", how="left")
    sold = orders.select(
        "customer_id",
        pl.col("ordered_at").alias("at"),
        pl.coalesce("lines_margin", pl.col("amount") * assumptions.margins.default).alias("margin"),
        pl.lit(1).alias("count"),
    )
    back = margins("refunds", "refunded_at").select("customer_id", "at", -pl.col("margin"), pl.lit(0).alias("count"))
    activities = warehouse.read("activities").filter(pl.col("kind").is_in(LEAVING)).select("customer_id", pl.col("occurred_at").alias("at"))
    told = pl.concat([sold, back]).filter(pl.col("customer_id").is_not_null())
    return History(told, activities.with_columns(pl.lit(1).alias("count")), costs.with_columns(pl.lit(1).alias("count")))


def _windows(
    facts: pl.DataFrame, met: Sequence[Met], days: timedelta, column: str | None, now: datetime
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Counts (before, after) and sums of a column (before, after) within so many days of each customer's moment."""
    import polars as pl

    people = pl.DataFrame(
        {"customer_id": [one.customer_id for one in met], "place": range(len(met)), "moment": [one.at for one in met]},
        schema={"customer_id": pl.String, "place": pl.Int64, "moment": pl.Datetime("us", "UTC")},
    )
    value = pl.col(column) if column else pl.lit(0.0)
    rows = facts.select("customer_id", pl.col("at").dt.cast_time_unit("us").alias("at"), value.alias("value"), "count").join(
        people, on="customer_id"
    )
    gap = pl.col("at") - pl.col("moment")
    rows = rows.filter((pl.col("at") <= now) & (gap > -days) & (gap <= days)).with_columns(after=gap > pl.duration())
    place, after = rows["place"].to_numpy(), rows["after"].to_numpy().astype(bool)
    counted, summed = rows["count"].to_numpy().astype(float), rows["value"].to_numpy().astype(float)

    def both(weights: Array) -> tuple[Array, Array]:
        return tuple(np.bincount(place[side], weights[side], len(met)).astype(float) for side in (~after, after))  # type: ignore[return-value]

    return both(counted), both(summed)


def _ordered_before(orders: pl.DataFrame, met: Sequence[Met]) -> NDArray[np.bool_]:
    import polars as pl

    first = orders.filter(pl.col("count") > 0).group_by("customer_id").agg(pl.col("at").min())
    known = dict(zip(first["customer_id"].to_list(), first["at"].to_list(), strict=True))
    return np.array([one.customer_id in known and known[one.customer_id] <= one.at for one in met], bool)


def _share(counts: tuple[Array, Array]) -> Sample:
    before, after = counts
    return Sample((after > 0).astype(float), (before > 0).astype(float))
