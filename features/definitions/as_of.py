"""Looking back from as-of dates without an ASOF join: running sums over the events, read off at the last event seen.

Per key and in order of time, running sums say what was known after each event. A window over events and as-of dates together finds the
last event at or before each date, and an ordinary join fetches what was known then. Sums of the last days are added up from the pairs of
date and event that lie in the same or in neighbouring stretches of time, so that an event meets only the dates shortly after it. The
cost is a sort of events + as-of rows and, for weekly dates, a few pairs an event, never their product; DuckDB and Spark both run it
(Spark has no ASOF join).

Time is counted in whole microseconds, the resolution of the schema: an event at the as-of date itself is seen, one a microsecond later is
not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

import ibis
from ibis import _
from ibis.common.deferred import Deferred
from ibis.expr.types import IntegerValue, NumericValue, Table, TimestampValue

DAY = 86_400_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT_AT = "event_at"  # time of the last event seen


_ONE_DATE: ContextVar[bool] = ContextVar("one_date", default=False)


@contextlib.contextmanager
def one_date_each() -> Iterator[None]:
    """Promise that the spines of views built in this block hold every key once, as in a refresh: they are then read off by plain sums."""
    token = _ONE_DATE.set(True)
    try:
        yield
    finally:
        _ONE_DATE.reset(token)


def micros(time: TimestampValue) -> IntegerValue:
    """Microseconds since 1970, UTC, exact. A difference, because Ibis on Spark can extract no microseconds from a timestamp."""
    return time.delta(ibis.literal(_EPOCH), unit="microsecond").cast("int64")


def day_number(at: IntegerValue) -> NumericValue:
    """Whole days since 1970 of a time in microseconds, float64. Arithmetic, because calendars ask the session for its time zone."""
    return (at / DAY).floor().cast("float64")


@dataclass(frozen=True)
class AsOf:
    """Events seen from as-of dates. Each measure asked for is a deferred column, worked out once when `rows` is called.

    Attributes:
        events: `keys`, `at` (microseconds), measures.
        spine: `keys`, `as_of`, `at`.
        keys: whose events they are.
    """

    events: Table
    spine: Table
    keys: tuple[str, ...]
    _running: dict[str, Callable[[Table], NumericValue]] = field(default_factory=dict)
    _windows: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def stack(cls, events: Table, spine: Table, keys: tuple[str, ...]) -> AsOf:
        """Put events (`keys`, `at`, measures) and spine rows (`keys`, `as_of`) together."""
        return cls(events, spine.select(*keys, "as_of", at=micros(spine.as_of)), keys)

    @property
    def at(self) -> Deferred:
        """The row's as-of date in microseconds."""
        return _["at"]

    def total(self, column: str) -> Deferred:
        """Sum of a measure over all events up to the row; 0 when there is none."""
        name = f"total_{column}"
        self._running[name] = lambda events: events[column].sum()
        return ibis.coalesce(_[name], 0)

    def last_days(self, column: str, days: int) -> Deferred:
        """Sum of a measure over the events of the last `days` days; 0 when there is none."""
        name = f"last_{days}d_{column}"
        self._windows[name] = (column, days)
        return ibis.coalesce(_[name], 0)

    def greatest(self, column: str) -> Deferred:
        """Greatest value of a measure up to the row; null when there is none."""
        name = f"greatest_{column}"
        self._running[name] = lambda events: events[column].max()
        return _[name]

    def decayed(self, column: str, days: float) -> Deferred:
        """Sum of a measure, each event weighing exp(-age / `days`): one number that ages in a known way while nothing happens.

        The weights grow from the key's first event on, and exp() ends at 709 times `days`: 13 years for 7 days.
        """
        name = f"decayed_{days:g}d_{column}"
        self._running[name] = lambda events: (events[column] * ((events["at"] - events.origin) / (days * DAY)).exp()).sum()
        return ibis.coalesce(_[name] * ((_.origin - _["at"]) / (days * DAY)).exp(), 0.0)

    def days_since_first(self) -> Deferred:
        """Days between the row's as-of date and the key's first event; null when there is none yet."""
        return (self.at - _.origin) / float(DAY)

    def days_since_last(self) -> Deferred:
        """Days between the row's as-of date and the last event seen; null when there is none."""
        return (self.at - _[_EVENT_AT]) / float(DAY)

    def age_days(self, column: str) -> Deferred:
        """Days between the row's as-of date and the greatest time (microseconds) in `column`; null when there is none."""
        return (self.at - self.greatest(column)) / float(DAY)

    def rows(self, **features: Deferred) -> Table:
        """Evaluate features at the as-of rows: `keys`, `as_of`, then the features as float64."""
        wide = self._one_date_each() if _ONE_DATE.get() else self._any_dates()
        return wide.select(*self.keys, "as_of", **{name: feature.cast("float64") for name, feature in features.items()})

    def _one_date_each(self) -> Table:
        """With one date a key the running measures are plain sums over what was seen: nothing is sorted."""
        dates = self.spine.select(*self.keys, until=self.spine["at"])
        events = self.events.join(dates, list(self.keys)).select(*self.events.columns, "until").filter(_["at"] <= _.until)
        origins = events.group_by(*self.keys).agg(origin=events["at"].min())
        events = events.join(origins, list(self.keys)).select(*events.columns, "origin")
        measures = {name: measure(events) for name, measure in self._running.items()}
        age = events.until - events["at"]
        sums = {name: events[column].sum(where=age < days * DAY) for name, (column, days) in self._windows.items()}
        state = events.group_by(*self.keys).agg(**{"origin": events.origin.min(), _EVENT_AT: events["at"].max()}, **measures, **sums)
        columns = [c for c in state.columns if c not in self.keys]
        return self.spine.left_join(state, list(self.keys)).select(*self.spine.columns, *columns)

    def _any_dates(self) -> Table:
        seen = self._last_seen()
        state = self._states()
        wide = seen.left_join(state, [*self.keys, _EVENT_AT]).select(*seen.columns, "origin", *self._running)
        if self._windows:
            sums = self._sums_of_last_days()
            wide = wide.left_join(sums, [*self.keys, "at"]).select(*wide.columns, *self._windows)
        return wide

    def _last_seen(self) -> Table:
        """The spine with the time of the last event at or before each row."""
        never = ibis.null().cast("int64")
        dates = self.spine.mutate(**{_EVENT_AT: never})
        times = self.events.select(
            *self.keys, as_of=ibis.null().cast(self.spine.schema()["as_of"]), at=self.events["at"], **{_EVENT_AT: self.events["at"]}
        )
        both = dates.union(times)
        # A range frame ends with all rows of the same microsecond: an event at the as-of date itself is seen.
        before = ibis.range_window(group_by=list(self.keys), order_by="at", preceding=None, following=0)
        return both.mutate(**{_EVENT_AT: both[_EVENT_AT].max().over(before)}).filter(_.as_of.notnull())

    def _states(self) -> Table:
        """What was known after each moment with events: `keys`, the time, the reference time of decayed sums, running measures."""
        origins = self.events.group_by(*self.keys).agg(origin=self.events["at"].min())
        events = self.events.join(origins, list(self.keys)).select(*self.events.columns, "origin")
        before = ibis.range_window(group_by=list(self.keys), order_by="at", preceding=None, following=0)
        next_at = events["at"].lead().over(ibis.window(group_by=list(self.keys), order_by="at"))
        running = {name: measure(events).over(before) for name, measure in self._running.items()}
        states = events.select(*self.keys, "origin", **{_EVENT_AT: events["at"]}, next_at=next_at, **running)
        # Events of the same microsecond share one state: the last of them carries it.
        return states.filter(states.next_at.isnull() | (states.next_at != states[_EVENT_AT])).drop("next_at")

    def _sums_of_last_days(self) -> Table:
        """Sums over windows: `keys`, `at` and one column per window; a row without events in the longest window is missing."""
        columns = sorted({column for column, _days in self._windows.values()})
        longest = max(days for _column, days in self._windows.values()) * DAY
        dates = self.spine.select(*self.keys, "at", stretch=self.spine["at"] // longest).distinct()
        facts = self.events.select(*self.keys, *columns, **{_EVENT_AT: self.events["at"]}, stretch=self.events["at"] // longest)
        # What adds nothing is left out before it is paired: it would cost as much as what does.
        facts = facts.filter(ibis.or_(*(facts[column] != 0 for column in columns)))
        facts = facts.union(facts.mutate(stretch=facts.stretch + 1))
        pairs = dates.join(facts, [*self.keys, "stretch"])
        age = pairs["at"] - pairs[_EVENT_AT]
        near = pairs.select(*self.keys, "at", *columns, age=age).filter((_.age >= 0) & (_.age < longest))
        sums = {name: near[column].sum(where=near.age < days * DAY) for name, (column, days) in self._windows.items()}
        return near.group_by(*self.keys, "at").agg(**sums)
