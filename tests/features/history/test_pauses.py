from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from features.history.pauses import unusual_pauses

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
DAYS = 120
END = START + timedelta(days=DAYS - 1, hours=8)


def shop(a_day: int, closed: set[int] = frozenset(), weekends: bool = True) -> pl.DataFrame:  # type: ignore[assignment]
    open_days = [d for d in range(DAYS) if d not in closed and (weekends or d % 7 < 5)]
    times = [START + timedelta(days=d, minutes=10 * k) for d in open_days for k in range(a_day)]
    return pl.DataFrame({"ordered_at": times}, schema={"ordered_at": pl.Datetime("us", "UTC")})


def test_a_busy_shop_that_falls_silent_for_a_week_is_told_with_dates_and_what_was_expected() -> None:
    (pause,) = unusual_pauses(shop(6, closed=set(range(50, 57))), END).found
    assert (pause.last, pause.next, pause.days) == (date(2024, 2, 19), date(2024, 2, 27), 7)
    assert pause.expected == pytest.approx(42, rel=0.05)
    (finding,) = unusual_pauses(shop(6, closed=set(range(50, 57))), END).findings()
    assert finding.severity == "warning"
    assert finding.sentence.startswith("No order between 2024-02-19 and 2024-02-27 anywhere (7 days; about 4")
    assert "export missing" in finding.remedy


def test_weekends_and_chance_are_no_pause() -> None:
    assert unusual_pauses(shop(6, weekends=False), END).found == ()
    assert unusual_pauses(shop(1, closed=set(range(50, 57))), END).found == ()  # seven orders missing: it happens
    (finding,) = unusual_pauses(shop(6), END).findings()
    assert finding.severity == "ok"


def test_a_silence_that_lasts_until_now_is_told() -> None:
    (pause,) = unusual_pauses(shop(6), END + timedelta(days=9)).found
    assert (pause.next, pause.days) == (None, 9)
    assert "No order after 2024-04-29" in unusual_pauses(shop(6), END + timedelta(days=9)).findings()[0].sentence


def test_a_span_touches_a_pause_or_not() -> None:
    pauses = unusual_pauses(shop(6, closed=set(range(50, 57))), END)
    day = [START.replace(hour=0) + timedelta(days=d) for d in range(DAYS)]
    assert pauses.touch(day[48], day[55])
    assert pauses.touch(day[55], day[62])
    assert not pauses.touch(day[42], day[49])
    assert not pauses.touch(day[57], day[64])


def test_a_single_order_has_no_pause() -> None:
    assert unusual_pauses(shop(1).head(1), START).found == ()
