"""Hours in which nothing is sent, by the clock on the customer's wall; also where that clock is put forward or back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from features.decisions.policy import QuietHours

DAY_MINUTES = 24 * 60
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone_of(name: str | None) -> tzinfo | None:
    """The time zone of an IANA name; None when there is none of that name."""
    if name == "UTC":
        return UTC
    try:
        return None if not name else ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # safe: not a name, or one the machine's tables do not know
        return None


@dataclass(frozen=True)
class Quiet:
    """Local hours from `start` until before `end`, over midnight where `end` is earlier.

    Attributes:
        channel: where; None: everywhere.
        source: who says so: the policy, or a preset.
    """

    start: time
    end: time
    channel: str | None = None
    source: str = "policy"

    @classmethod
    def of(cls, hours: QuietHours, *, channel: str | None = None, source: str = "policy") -> Quiet:
        """From a policy's text."""
        return cls(time.fromisoformat(hours.start), time.fromisoformat(hours.end), channel, source)

    def covers(self, local: datetime) -> bool:
        """Whether a moment, told in the customer's time, is quiet."""
        at = local.time()
        return self.start <= at < self.end if self.start <= self.end else at >= self.start or at < self.end

    def over_at(self, now: datetime, zone: tzinfo) -> datetime:
        """The first moment after `now`, which is quiet, that is not; UTC."""
        today = now.astimezone(zone).date()
        days = [today + n * _DAY for n in range(3)]
        found = [moment for day in days for fold in (0, 1) if (moment := self._end_on(datetime.combine(day, self.end), fold, now, zone))]
        return min(found)

    def minutes(self) -> set[int]:
        """The minutes of a day that are quiet."""
        first, last = (at.hour * 60 + at.minute for at in (self.start, self.end))
        return set(range(first, last)) if first <= last else {*range(first, DAY_MINUTES), *range(last)}

    def _end_on(self, end: datetime, fold: int, now: datetime, zone: tzinfo) -> datetime | None:
        moment = end.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != end:  # a time that the clock leaps over: quiet ends with the leap
            moment = self._leap(end, now, zone)
        return moment if moment > now and not self.covers(moment.astimezone(zone)) else None

    def _leap(self, end: datetime, now: datetime, zone: tzinfo) -> datetime:
        before, after = (end.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
        before = max(before, now)
        while after - before > _SECOND:
            middle = before + (after - before) // 2
            before, after = (middle, after) if self.covers(middle.astimezone(zone)) else (before, middle)
        return after.replace(microsecond=0)  # clocks leap at whole seconds
