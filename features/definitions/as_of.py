"""Looking back from as-of dates without a join: events and as-of rows in one table, read by window functions.

Events and spine rows are stacked; per key, ordered by time, a window that ends at a spine row sees exactly the events up to its as-of date.
The cost is a sort of events + snapshots, never their product, and both DuckDB and Spark run it (Spark has no ASOF join).

Time is counted in whole microseconds, the resolution of the schema: an event at the as-of date itself is seen, one a microsecond later is
not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
from ibis.expr.types import BooleanValue, IntegerValue, NumericValue, Table, TimestampValue

DAY = 86_400_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: TimestampValue) -> IntegerValue:
    """Microseconds since 1970, UTC, exact. A difference, because Ibis on Spark can extract no microseconds from a timestamp."""
    return time.delta(ibis.literal(_EPOCH), unit="microsecond").cast("int64")


@dataclass(frozen=True)
class AsOf:
    """Events and as-of rows stacked, ready for window functions.

    Attributes:
        table: the stack; `at` is the time in microseconds, `is_spine` marks the as-of rows, whose measures are null.
        keys: what the windows are partitioned by.
    """

    table: Table
    keys: tuple[str, ...]

    @classmethod
    def stack(cls, events: Table, spine: Table, keys: tuple[str, ...]) -> AsOf:
        """Stack events (`keys`, `at`, measures) and spine rows (`keys`, `as_of`)."""
        measures = [c for c in events.columns if c not in keys and c != "at"]
        types = events.schema()
        rows = spine.select(
            *keys,
            "as_of",
            at=micros(spine.as_of),
            is_spine=ibis.literal(True),
            **{m: ibis.null().cast(types[m]) for m in measures},
        )
        facts = events.select(
            *keys,
            as_of=ibis.null().cast(spine.schema()["as_of"]),
            at=events.at,
            is_spine=ibis.literal(False),
            **{m: events[m] for m in measures},
        )
        stacked = rows.union(facts)
        start = ibis.window(group_by=list(keys), preceding=None, following=None)
        # The reference time of decayed sums: only keeps exp() in range and cancels out.
        return cls(stacked.mutate(origin=stacked.at.min().over(start)), keys)

    def total(self, column: str) -> NumericValue:
        """Sum of a measure over all events up to the row; 0 when there is none."""
        return ibis.coalesce(self.table[column].sum().over(self._since(None)), 0)

    def last_days(self, column: str, days: int) -> NumericValue:
        """Sum of a measure over the events of the last `days` days; 0 when there is none."""
        return ibis.coalesce(self.table[column].sum().over(self._since(days * DAY - 1)), 0)

    def greatest(self, column: str) -> NumericValue:
        """Greatest value of a measure up to the row; null when there is none."""
        return self.table[column].max().over(self._since(None))

    def decayed(self, column: str, days: float) -> NumericValue:
        """Sum of a measure, each event weighing exp(-age / `days`): one number that ages in a known way while nothing happens."""
        t = self.table
        grown = t[column] * ((t.at - t.origin) / (days * DAY)).exp()
        shrink = (-(t.at - t.origin) / (days * DAY)).exp()
        return ibis.coalesce(grown.sum().over(self._since(None)) * shrink, 0.0)

    def age_days(self, column: str) -> NumericValue:
        """Days between the row's as-of date and the greatest time (microseconds) in `column`; null when there is none."""
        return (self.table.at - self.greatest(column)) / float(DAY)

    def rows(self, **features: NumericValue | BooleanValue) -> Table:
        """Evaluate features at the as-of rows: `keys`, `as_of`, then the features as float64."""
        wide = self.table.select(*self.keys, "as_of", "is_spine", **{n: f.cast("float64") for n, f in features.items()})
        return wide.filter(wide.is_spine).drop("is_spine")

    def _since(self, preceding: int | None) -> ibis.expr.builders.LegacyWindowBuilder:
        # A range frame ends with all rows of the same microsecond: an event at the as-of date itself is seen.
        return ibis.range_window(group_by=list(self.keys), order_by="at", preceding=preceding, following=0)
