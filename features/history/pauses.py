"""Stretches in which the whole shop has no order: more often a missing export than a holiday."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding

_FACTOR = 3.0  # times the pause that the shop makes every week or so (a closed weekend)
_SHORTEST = 3  # days without an order; two are a weekend
_EXPECTED = 10.0  # orders that should have come meanwhile: by chance alone none would come once in 22,000 times (exp(-10))
_AROUND = 28  # days before and after from which the expected number is taken


class Pause(BaseModel):
    """Days in a row without any order.

    Attributes:
        last: the last day with an order before it.
        next: the first day with an order after it; None when the history ends in the pause.
        days: whole days without an order.
        expected: orders that would have come meanwhile at the pace of the four weeks before and after.
    """

    model_config = ConfigDict(frozen=True)

    last: date
    next: date | None
    days: int
    expected: float


class Pauses(BaseModel):
    """Unusual pauses, oldest first."""

    model_config = ConfigDict(frozen=True)

    found: tuple[Pause, ...]

    def touch(self, start: datetime, end: datetime) -> bool:
        """Whether a span of time reaches into one of them."""
        return any(pause.last < end.date() and (pause.next is None or start.date() < pause.next) for pause in self.found)

    def findings(self) -> list[Finding]:
        """One sentence a pause."""
        if not self.found:
            return [Finding(severity="ok", about="pauses", sentence="No stretch without orders stands out.")]
        return [
            Finding(
                severity="warning",
                about="pauses",
                sentence=f"No order between {pause.last} and {pause.next} anywhere ({pause.days} days; about {pause.expected:,.0f} "
                "orders would be usual)."
                if pause.next
                else f"No order after {pause.last} anywhere ({pause.days} days until now; about {pause.expected:,.0f} would be usual).",
                remedy="Is an export missing? If the shop was closed, customers look as if they had left: no model knows of holidays.",
            )
            for pause in self.found
        ]


def unusual_pauses(orders: pl.DataFrame, now: datetime) -> Pauses:
    """Pauses that neither the shop's weekly rhythm nor chance explains.

    Args:
        orders: `ordered_at`, none after `now`, at least one.
        now: the clock; a pause may last until now.
    """
    per_day = orders.group_by(pl.col("ordered_at").dt.date().alias("day")).len().sort("day")
    days: list[date] = per_day["day"].to_list()
    counts: list[int] = per_day["len"].to_list()
    ends: list[date | None] = [*days[1:], None]
    gaps = [((end or now.date() + timedelta(days=1)) - start).days - 1 for start, end in zip(days, ends, strict=True)]
    # The shop's own rhythm: of a hundred pauses between order days the hundredth is longer.
    usual = float(pl.Series(gaps).quantile(0.99, "lower") or 0.0) if len(gaps) > 100 else float(pl.Series(gaps).median() or 0)  # type: ignore[arg-type]
    found = []
    for start, end, gap in zip(days, ends, gaps, strict=True):
        if gap < _SHORTEST or gap <= _FACTOR * usual:
            continue
        expected = _pace(days, counts, start, end) * gap
        if expected >= _EXPECTED:
            found.append(Pause(last=start, next=end, days=gap, expected=expected))
    return Pauses(found=tuple(found))


def _pace(days: list[date], counts: list[int], last: date, after: date | None) -> float:
    """Orders a day in the four weeks before the pause and the four after it."""
    spans = [(max(days[0], last - timedelta(days=_AROUND)), last)]
    if after is not None:
        spans.append((after, min(days[-1], after + timedelta(days=_AROUND))))
    total = sum(n for day, n in zip(days, counts, strict=True) if any(a <= day <= b for a, b in spans))
    return total / sum((b - a).days + 1 for a, b in spans)
