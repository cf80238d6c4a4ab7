"""How customers come back: days between their orders, and how many never do."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding, percent

_BOUNDS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 56, 91, 182, 365)  # days; upper ends of the histogram's bins, the last one open
_HORIZON = 28  # days; what campaigns and the API ask by default


class Rhythm(BaseModel):
    """Returns of the known customers; several orders of one day are one.

    Attributes:
        customers: known customers with an order.
        once: share of them who ordered on one day only.
        gaps: number of gaps between two order days.
        quantiles: percent → days, of all gaps.
        histogram: (upper end in days, gaps up to it and above the end before); the last has no upper end.
        within: days → share of the gaps no longer.
        orders_per_customer: mean.
    """

    model_config = ConfigDict(frozen=True)

    customers: int
    once: float
    gaps: int
    quantiles: dict[int, float]
    histogram: tuple[tuple[int | None, int], ...]
    within: dict[int, float]
    orders_per_customer: float

    def findings(self) -> list[Finding]:
        """What the rhythm means for the models."""
        if not self.customers:
            return [
                Finding(
                    severity="warning",
                    about="rhythm",
                    sentence="No order has a customer.",
                    remedy="Import a customer id with the orders: without one only bundles can be mined, nothing personal.",
                )
            ]
        found = [self._once()]
        if self.gaps:
            median, late = self.quantiles[50], self.quantiles[90]
            sentence = f"Half of the returns come within {median:.0f} days, nine in ten within {late:.0f}."
            slow = self.within[_HORIZON] < 0.5
            found.append(
                Finding(
                    severity="note" if slow else "ok",
                    about="rhythm",
                    sentence=sentence,
                    remedy=f"Only {percent(self.within[_HORIZON])} come within {_HORIZON} days: a silence of that length says little; "
                    "read churn at 91 days."
                    if slow
                    else "",
                )
            )
        return found

    def _once(self) -> Finding:
        many = self.once > 0.5
        return Finding(
            severity="note" if many else "ok",
            about="rhythm",
            sentence=f"{percent(self.once)} of {self.customers:,} customers ordered on one day only.",
            remedy="Most customers are judged on a single order; where people check out as guests, merge their ids by e-mail or phone."
            if many
            else "",
        )


def return_rhythm(orders: pl.DataFrame) -> Rhythm:
    """Gaps between order days.

    Args:
        orders: `customer_id`, `ordered_at`.
    """
    known = orders.filter(pl.col("customer_id").is_not_null())
    days = known.select("customer_id", day=pl.col("ordered_at").dt.date()).unique().sort("customer_id", "day")
    per_customer = days.group_by("customer_id").len()
    gap = (pl.col("day") - pl.col("day").shift(1).over("customer_id")).dt.total_days()
    gaps = days.select(gap=gap).drop_nulls()["gap"]
    ends = [0, *_BOUNDS]
    counts = [((gaps > low) & (gaps <= high)).sum() for low, high in zip(ends, _BOUNDS, strict=False)]
    return Rhythm(
        customers=per_customer.height,
        once=float((per_customer["len"] == 1).mean() or 0.0),  # type: ignore[arg-type]
        gaps=len(gaps),
        quantiles={q: float(gaps.quantile(q / 100) or 0.0) for q in (10, 25, 50, 75, 90)} if len(gaps) else {},
        histogram=(*zip(_BOUNDS, counts, strict=True), (None, int((gaps > _BOUNDS[-1]).sum()))),
        within={days: float((gaps <= days).mean() or 0.0) for days in (14, 28, 56, 91)} if len(gaps) else {},  # type: ignore[arg-type]
        orders_per_customer=known.height / max(per_customer.height, 1),
    )
