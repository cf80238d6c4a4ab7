"""What the times say about themselves: days without hours, hours of the wrong zone, many orders at one moment."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding, percent

_SLEEP = 6  # hours in which a shop is quiet; from midnight on, unless its clock is another's
_OFF = 3  # hours by which they may begin earlier or later
_AWAKE = 0.1  # share of the orders between 0 and 6 above which nobody sleeps then; evenly spread it would be a quarter
_MANY = 0.01  # share of all orders at one very moment from which it is no coincidence
_FEW = 50  # orders below which hours say nothing


class Clock(BaseModel):
    """When orders come.

    Attributes:
        orders: how many.
        hours: orders of each hour, 0 to 23, UTC.
        weekdays: orders of each day, Monday first.
        midnight: share of the orders at exactly 00:00:00.
        commonest: share of the orders at the very moment that most of them carry, midnights left out.
        commonest_at: that moment.
        same_day: share of the known orders whose customer has another one on the same day.
    """

    model_config = ConfigDict(frozen=True)

    orders: int
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    midnight: float
    commonest: float
    commonest_at: str
    same_day: float

    @property
    def quietest(self) -> int:
        """Hour at which the six quietest hours begin; midnights are left out, as they stand for no hour."""
        return min(range(24), key=lambda start: (self._span(start), min(start, 24 - start)))

    def _span(self, start: int) -> int:
        """Orders in the six hours from `start`."""
        hours = (self.hours[0] - round(self.midnight * self.orders), *self.hours[1:])
        return sum(hours[(start + k) % 24] for k in range(_SLEEP))

    def _shifted(self) -> bool:
        timed = self.orders * (1 - self.midnight)
        off = min(self.quietest, 24 - self.quietest)
        return timed >= _FEW and off > _OFF and self._span(0) > _AWAKE * timed

    def findings(self) -> list[Finding]:
        """What the times cannot tell, or should not."""
        about, found = "clock", []
        if self.midnight == 1:
            found.append(
                Finding(
                    severity="note",
                    about=about,
                    sentence=f"All times are midnight: orders of one day cannot be told apart ({percent(self.same_day)} share their day).",
                    remedy="Features of the hour say nothing; import times with hours if the shop has them.",
                )
            )
        elif self.midnight > 0.05:
            found.append(
                Finding(
                    severity="warning",
                    about=about,
                    sentence=f"{percent(self.midnight)} of the orders are at exactly midnight, the others are not.",
                    remedy="Two sources, one with days only? Their orders of one day are not in the order they came in.",
                )
            )
        if self._shifted():
            found.append(
                Finding(
                    severity="warning",
                    about=about,
                    sentence=f"The quietest six hours begin at {self.quietest} o'clock, and "
                    f"{percent(self._span(0) / (self.orders * (1 - self.midnight)))} of the orders fall between 0 and 6.",
                    remedy="Are the times those of another zone? Days, weekdays and hours are counted as they were imported, in UTC.",
                )
            )
        if self.orders >= _FEW and self.commonest > _MANY:
            found.append(
                Finding(
                    severity="warning",
                    about=about,
                    sentence=f"{percent(self.commonest)} of the orders carry the very same time, {self.commonest_at}.",
                    remedy="The time of an export or a migration instead of the order's?",
                )
            )
        return found or [Finding(severity="ok", about=about, sentence="Times carry hours, and the hours are those of people.")]


def order_clock(orders: pl.DataFrame) -> Clock:
    """Look at the times.

    Args:
        orders: `customer_id`, `ordered_at`; at least one.
    """
    at = orders["ordered_at"]
    by_hour, by_day = (dict(values.value_counts().iter_rows()) for values in (at.dt.hour(), at.dt.weekday()))
    is_midnight = orders.select(m=pl.col("ordered_at").dt.time() == pl.time(0, 0, 0))["m"]
    moments = at.filter(~is_midnight).value_counts(sort=True)
    known = orders.filter(pl.col("customer_id").is_not_null())
    shared = known.select(s=pl.len().over("customer_id", pl.col("ordered_at").dt.date()) > 1)["s"]
    return Clock(
        orders=orders.height,
        hours=tuple(int(by_hour.get(h, 0)) for h in range(24)),
        weekdays=tuple(int(by_day.get(d, 0)) for d in range(1, 8)),
        midnight=float(is_midnight.mean() or 0.0),  # type: ignore[arg-type]
        commonest=moments["count"][0] / orders.height if moments.height else 0.0,
        commonest_at=f"{moments['ordered_at'][0]:%Y-%m-%d %H:%M:%S}" if moments.height else "",
        same_day=float(shared.mean() or 0.0),  # type: ignore[arg-type]
    )
