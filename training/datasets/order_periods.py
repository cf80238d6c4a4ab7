"""What came after, in money and numbers: order days and spend of each customer in consecutive periods after an as-of date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.datasets.hazard_rows import naive

_MICROSECONDS_PER_DAY = 86_400_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OrderDays:
    """Every customer's order days, sorted by customer and time.

    Attributes:
        customer_id: (c,) ids, sorted.
        key: (d,) customer's position × span + microseconds since `start`: sorted, so that one search answers for all.
        spend: (d + 1,) running sum of the amounts, 0 first.
        start: first moment, microseconds since 1970.
        span: microseconds that tell two customers' keys apart.
    """

    customer_id: NDArray[np.str_]
    key: NDArray[np.int64]
    spend: Array
    start: int
    span: int

    @classmethod
    def of(cls, orders: pl.DataFrame, *, until: datetime) -> OrderDays:
        """From `customer_id`, `ordered_at` (UTC), `amount`; orders of one UTC day count once, at the first of them.

        Args:
            orders: the shop's orders, those of nobody included.
            until: nothing after it is seen.
        """
        known = orders.filter(pl.col("customer_id").is_not_null() & (pl.col("ordered_at") <= until))
        days = (
            known.with_columns(at=pl.col("ordered_at").dt.timestamp("us"), day=pl.col("ordered_at").dt.date())
            .group_by("customer_id", "day")
            .agg(pl.col("at").min(), pl.col("amount").sum())
            .sort("customer_id", "at")
        )
        ids, at = days["customer_id"].to_numpy().astype(str), days["at"].to_numpy()
        customers, position = np.unique(ids, return_inverse=True)
        start = int(at.min()) if len(at) else 0
        span = int(at.max()) - start + 2 if len(at) else 1
        return cls(
            customer_id=customers,
            key=position * span + (at - start),
            spend=np.concatenate([[0.0], np.cumsum(days["amount"].to_numpy())]),
            start=start,
            span=span,
        )

    def until(self, moment: datetime) -> OrderDays:
        """Only the order days up to a moment."""
        at = self.key % self.span + self.start
        known = at <= naive(moment).astype(np.int64)
        spend = np.concatenate([[0.0], np.cumsum(np.diff(self.spend)[known])])
        return OrderDays(self.customer_id, self.key[known], spend, self.start, self.span)

    def within(self, customer_id: NDArray[np.str_], as_of: NDArray[np.datetime64], days: float) -> tuple[Array, Array]:
        """Order days and spend after each as-of date and within so many days of it, both (n,). An order at the date itself is past."""
        position = np.minimum(np.searchsorted(self.customer_id, customer_id), max(len(self.customer_id) - 1, 0))
        known = self.customer_id[position] == customer_id if len(self.customer_id) else np.zeros(len(customer_id), bool)
        moment = as_of.astype("datetime64[us]").astype(np.int64) - self.start
        ends = [np.clip(end, -1, self.span - 1) for end in (moment, moment + round(days * _MICROSECONDS_PER_DAY))]
        low, high = (np.searchsorted(self.key, position * self.span + end, side="right") for end in ends)
        return np.where(known, high - low, 0).astype(np.float64), np.where(known, self.spend[high] - self.spend[low], 0.0)

    def periods(self, customer_id: NDArray[np.str_], as_of: NDArray[np.datetime64], *, days: int, count: int) -> tuple[Array, Array]:
        """Order days and spend in each of `count` consecutive periods of `days`, both (n, count)."""
        found = [self.within(customer_id, as_of, days * (i + 1)) for i in range(count)]
        orders, spend = (np.column_stack([np.zeros(len(customer_id)), *parts]) for parts in zip(*found, strict=True))
        return np.diff(orders, axis=1), np.diff(spend, axis=1)


def closed_periods(as_of: NDArray[np.datetime64], *, days: int, count: int, until: datetime) -> NDArray[np.bool_]:
    """Which periods end by `until`, (n, count)."""
    ends = as_of[:, None] + np.timedelta64(days, "D") * np.arange(1, count + 1)
    return np.asarray(ends <= naive(until))
