"""How much happens a week: orders, customers, new customers, money; and weeks that stand out."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding
from features.history.pauses import Pauses

_WEEK = timedelta(days=7)
_NEIGHBOURS = 4  # weeks on either side that a week is compared with
# A shop's Christmas week doubles its orders (Online Retail's best week: 1.5 times its neighbours); three times is not a season.
_FACTOR = 3.0
_COHORT = 10  # weeks below which a third of the history is too short to miss new customers in
_ENOUGH = 20  # orders a week below which chance alone makes factors of three


class Week(BaseModel):
    """One week of the history, from its first midnight.

    Attributes:
        start: its midnight, UTC.
        orders: all orders.
        customers: known customers who ordered.
        new_customers: those whose first order of the history it was.
        amount: in the shop's currency.
        whole: false for the last week when the clock stands in it.
    """

    model_config = ConfigDict(frozen=True)

    start: datetime
    orders: int
    customers: int
    new_customers: int
    amount: float
    whole: bool


class Volume(BaseModel):
    """Every week from the first order to now, weeks without orders included."""

    model_config = ConfigDict(frozen=True)

    weeks: tuple[Week, ...]

    @property
    def median_orders(self) -> float:
        """Orders of the median whole week."""
        whole = [week.orders for week in self.weeks if week.whole]
        return float(np.median(whole or [week.orders for week in self.weeks]))

    def unusual(self, pauses: Pauses) -> list[tuple[Week, float]]:
        """Whole weeks far below or above the weeks before them and the weeks after them as well, and the ratio to the nearer of both.

        Both sides, so that a shop that opens, grows or shrinks is not unusual week after week.

        Args:
            pauses: weeks that reach into one are not looked at: it is told already.
        """
        found = []
        orders = [week.orders for week in self.weeks]
        for i, week in enumerate(self.weeks):
            before, after = orders[max(0, i - _NEIGHBOURS) : i], orders[i + 1 : i + 1 + _NEIGHBOURS]
            if not week.whole or not week.orders or min(len(before), len(after)) < 2 or pauses.touch(week.start, week.start + _WEEK):
                continue
            low, high = sorted(float(np.median(side)) for side in (before, after))
            if week.orders < low / _FACTOR and low >= _ENOUGH:
                found.append((week, week.orders / low))
            elif week.orders > high * _FACTOR and week.orders >= _ENOUGH:
                found.append((week, week.orders / max(high, 1.0)))
        return found

    def closed_group(self) -> Week | None:
        """The last week with a new customer, when none came in the last third of a history of ten weeks or more: a panel, a cohort."""
        if len(self.weeks) < _COHORT or not any(week.new_customers for week in self.weeks):
            return None
        last = max(i for i, week in enumerate(self.weeks) if week.new_customers)
        return self.weeks[last] if last + 1 < len(self.weeks) * 2 / 3 else None

    def findings(self, pauses: Pauses) -> list[Finding]:
        """What stands out; `pauses` are told by themselves."""
        weeks = len(self.weeks)
        orders = sum(week.orders for week in self.weeks)
        about = "volume"
        found = [
            Finding(
                severity="ok",
                about=about,
                sentence=f"{orders:,} orders in {weeks} weeks, {self.median_orders:,.0f} in the median week.",
            )
        ]
        for week, ratio in self.unusual(pauses):
            high = ratio > 1
            times = f"{ratio:.1f} times" if high else f"only {ratio:.0%}".replace("%", " %") + " of"
            found.append(
                Finding(
                    severity="warning",
                    about=about,
                    sentence=f"The week from {week.start:%Y-%m-%d} has {week.orders:,} orders, {times} the weeks around it.",
                    remedy="Is it one great sale, or were orders imported twice or with the date of an export?"
                    if high
                    else "Is a part of the export missing?",
                )
            )
        if group := self.closed_group():
            found.append(
                Finding(
                    severity="note",
                    about=about,
                    sentence=f"No customer is new after the week from {group.start:%Y-%m-%d}: the history follows a closed group.",
                    remedy="Results hold for customers of that age; a shop that wins new ones every week will see others.",
                )
            )
        return found


def weekly_volume(orders: pl.DataFrame, now: datetime) -> Volume:
    """Count the weeks.

    Args:
        orders: `order_id`, `customer_id`, `ordered_at`, `amount`; none after `now`, at least one.
        now: the clock.
    """
    first = orders["ordered_at"].min()
    assert isinstance(first, datetime)  # noqa: S101 - at least one order
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    number = ((pl.col("ordered_at") - midnight).dt.total_days() // _WEEK.days).alias("week")
    firsts = pl.col("ordered_at") == pl.col("ordered_at").min().over("customer_id")
    known = pl.col("customer_id").is_not_null()
    counted = (
        orders.with_columns(number, first=firsts & known)
        .group_by("week")
        .agg(
            orders=pl.len(),
            customers=pl.col("customer_id").drop_nulls().n_unique(),
            new_customers=pl.col("customer_id").filter("first").n_unique(),
            amount=pl.col("amount").sum(),
        )
    )
    by_week = {row["week"]: row for row in counted.iter_rows(named=True)}
    nothing = {"orders": 0, "customers": 0, "new_customers": 0, "amount": 0.0}
    total = int((now - midnight) / _WEEK) + 1
    weeks = []
    for i in range(total):
        start = midnight + _WEEK * i
        if start >= now and i not in by_week:
            break
        row = {**nothing, **by_week.get(i, {})}
        weeks.append(Week(start=start, whole=start + _WEEK <= now, **{name: row[name] for name in nothing}))
    return Volume(weeks=tuple(weeks))
