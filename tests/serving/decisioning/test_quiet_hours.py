"""Quiet hours by the clock on the wall: over midnight, and where the clock is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.decisions.policy import QuietHours
from serving.decisioning.quiet_hours import Quiet, zone_of


def quiet(start: str, end: str) -> Quiet:
    return Quiet.of(QuietHours(start=start, end=end))


def over(start: str, end: str, zone: str, now: str) -> str:
    hours, moment = quiet(start, end), datetime.fromisoformat(now)
    assert hours.covers(moment.astimezone(ZoneInfo(zone)))
    return hours.over_at(moment, ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("start", "end", "zone", "now", "expected"),
    [
        ("21:00", "09:00", "Asia/Shanghai", "2026-03-01T13:00:00+00:00", "2026-03-02T01:00:00+00:00"),  # 21:00 there
        ("21:00", "09:00", "Asia/Shanghai", "2026-03-01T20:00:00+00:00", "2026-03-02T01:00:00+00:00"),  # 04:00 there
        ("12:00", "14:00", "UTC", "2026-03-01T12:00:00+00:00", "2026-03-01T14:00:00+00:00"),
        # New York puts the clock forward at 2026-03-08 02:00 (07:00 UTC) and back at 2026-11-01 02:00 (06:00 UTC).
        ("21:00", "09:00", "America/New_York", "2026-03-08T03:00:00+00:00", "2026-03-08T13:00:00+00:00"),  # a night of eleven hours
        ("21:00", "09:00", "America/New_York", "2026-11-01T02:00:00+00:00", "2026-11-01T14:00:00+00:00"),  # one of thirteen
        ("21:00", "02:30", "America/New_York", "2026-03-08T06:00:00+00:00", "2026-03-08T07:00:00+00:00"),  # 02:30 is leapt over
        ("21:00", "01:30", "America/New_York", "2026-11-01T05:00:00+00:00", "2026-11-01T05:30:00+00:00"),  # 01:30 the first time
        ("21:00", "01:30", "America/New_York", "2026-11-01T06:10:00+00:00", "2026-11-01T06:30:00+00:00"),  # and the second
        ("21:00", "09:00", "Asia/Kathmandu", "2026-03-01T18:00:00+00:00", "2026-03-02T03:15:00+00:00"),
    ],
)
def test_when_quiet_ends(start: str, end: str, zone: str, now: str, expected: str) -> None:
    assert over(start, end, zone, now) == expected


def test_its_bounds() -> None:
    night, none = quiet("21:00", "09:00"), quiet("08:00", "08:00")
    at = {hour: datetime(2026, 3, 1, hour) for hour in (0, 8, 9, 20, 21)}  # noqa: DTZ001 - local
    assert [hour for hour, moment in at.items() if night.covers(moment)] == [0, 8, 21]
    assert not any(none.covers(moment) for moment in at.values())
    assert (len(night.minutes()), len(none.minutes())) == (12 * 60, 0)


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../../etc/passwd", "Asia/\0", "x" * 300])
def test_a_name_that_is_none(name: str | None) -> None:
    assert zone_of(name) is None


_ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "America/Sao_Paulo", "UTC"])
_TIMES = st.times().map(lambda at: f"{at:%H:%M}")
_MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - bounds


@given(_TIMES, _TIMES, _ZONES, _MOMENTS)
def test_what_ends_it_is_later_is_not_quiet_and_everything_before_is(start: str, end: str, name: str, now: datetime) -> None:
    hours, zone = quiet(start, end), ZoneInfo(name)
    if not hours.covers(now.astimezone(zone)):
        return
    over = hours.over_at(now, zone)
    assert over > now
    assert not hours.covers(over.astimezone(zone))
    step = max((over - now) / 50, timedelta(seconds=1))
    assert all(hours.covers((now + n * step).astimezone(zone)) for n in range(50) if now + n * step < over - timedelta(seconds=1))
