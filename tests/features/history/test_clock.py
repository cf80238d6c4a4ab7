from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from features.history.clock import Clock, order_clock

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
DAY = (9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)


def clock(moments: list[datetime], customer: str = "") -> Clock:
    ids = [customer or f"c{i}" for i in range(len(moments))]
    return order_clock(pl.DataFrame({"customer_id": ids, "ordered_at": moments}, schema_overrides={"ordered_at": pl.Datetime("us", "UTC")}))


def shifted(hours: float) -> list[datetime]:
    return [START + timedelta(days=d, hours=h + hours, minutes=d) for d in range(20) for h in DAY]


def sentences(found: Clock) -> str:
    return " ".join(f.sentence for f in found.findings() if f.severity != "ok")


def test_hours_and_weekdays_are_counted() -> None:
    found = clock([START + timedelta(hours=9, minutes=3), START + timedelta(days=6, hours=9), START + timedelta(days=6, hours=23)])
    assert (found.hours[9], found.hours[23], sum(found.hours)) == (2, 1, 3)
    assert found.weekdays == (1, 0, 0, 0, 0, 0, 2)
    assert sentences(found) == ""


def test_days_without_hours_are_told() -> None:
    found = clock([START + timedelta(days=d // 2) for d in range(60)], customer="a")
    assert found.midnight == 1
    assert found.same_day == 1
    assert sentences(found) == "All times are midnight: orders of one day cannot be told apart (100 % share their day)."


def test_two_sources_one_without_hours_are_told() -> None:
    found = clock([*shifted(0), *[START + timedelta(days=d) for d in range(60)]])
    assert "20 % of the orders are at exactly midnight" in sentences(found)


def test_another_zone_is_suspected_from_when_the_shop_sleeps() -> None:
    assert sentences(clock(shifted(0))) == ""
    assert sentences(clock(shifted(2))) == ""
    assert "quietest six hours begin at" in sentences(clock(shifted(8)))
    assert "quietest six hours begin at" in sentences(clock(shifted(-9)))
    assert sentences(clock(shifted(8)[:30])) == ""  # too few to say


def test_a_shop_that_never_sleeps_has_no_wrong_zone_by_chance_alone() -> None:
    found = clock([START + timedelta(hours=h, minutes=d) for d in range(20) for h in range(24)])
    assert found.quietest == 0
    assert sentences(found) == ""


def test_one_moment_that_many_orders_share_is_told() -> None:
    at = START + timedelta(days=3, hours=12, seconds=5)
    found = clock([*shifted(0), *[at] * 10])
    assert "4.0 % of the orders carry the very same time, 2024-01-04 12:00:05." in sentences(found)
