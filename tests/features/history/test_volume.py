from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from features.history.pauses import Pauses, unusual_pauses
from features.history.volume import weekly_volume

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
QUIET = Pauses(found=())


def orders(per_week: list[int], *, customers: int = 1000) -> pl.DataFrame:
    """So many orders in each week, spread over its days; customers take turns."""
    times = [START + timedelta(weeks=w, hours=k * 150 / max(n, 1)) for w, n in enumerate(per_week) for k in range(n)]
    ids = [f"c{i % customers}" for i in range(len(times))]
    return pl.DataFrame(
        {"order_id": [str(i) for i in range(len(times))], "customer_id": ids, "ordered_at": times, "amount": [2.0] * len(times)},
        schema_overrides={"ordered_at": pl.Datetime("us", "UTC")},
    )


def test_every_week_is_there_and_the_last_is_not_whole() -> None:
    volume = weekly_volume(orders([3, 0, 4]), START + timedelta(weeks=2, days=6))
    assert [(w.orders, w.customers, w.new_customers, w.amount, w.whole) for w in volume.weeks] == [
        (3, 3, 3, 6.0, True),
        (0, 0, 0, 0.0, True),
        (4, 4, 4, 8.0, False),
    ]
    assert [w.start for w in volume.weeks] == [START.replace(hour=0) + timedelta(weeks=k) for k in range(3)]
    assert volume.median_orders == 1.5


def test_weeks_without_orders_at_the_end_count_up_to_the_clock() -> None:
    assert [w.orders for w in weekly_volume(orders([2]), START + timedelta(weeks=3)).weeks] == [2, 0, 0, 0]


def test_a_customer_is_new_once_and_nobody_is_no_customer() -> None:
    frame = orders([4, 4], customers=4)
    frame = frame.with_columns(customer_id=pl.when(pl.col("customer_id") == "c3").then(None).otherwise(pl.col("customer_id")))
    volume = weekly_volume(frame, START + timedelta(weeks=2))
    assert [(w.customers, w.new_customers) for w in volume.weeks[:2]] == [(3, 3), (3, 0)]


def test_spikes_and_dips_are_told_with_their_ratio_and_a_season_is_not() -> None:
    volume = weekly_volume(orders([40, 40, 40, 160, 40, 40, 90, 40, 40, 10, 40, 40, 40]), START + timedelta(weeks=13))
    assert [(w.orders, round(ratio, 2)) for w, ratio in volume.unusual(QUIET)] == [(160, 4.0), (10, 0.25)]
    spike, dip = (f for f in volume.findings(QUIET) if f.severity == "warning")
    assert "2024-01-22 has 160 orders, 4.0 times" in spike.sentence
    assert "imported twice" in spike.remedy
    assert "2024-03-04 has 10 orders, only 25 % of" in dip.sentence
    assert "missing" in dip.remedy


def test_a_shop_that_opens_or_grows_is_not_unusual() -> None:
    assert weekly_volume(orders([3, 6, 25, 60, 90, 90, 90, 90, 90]), START + timedelta(weeks=9)).unusual(QUIET) == []
    assert weekly_volume(orders([20, 20, 20, 20, 90, 90, 90, 90, 90]), START + timedelta(weeks=9)).unusual(QUIET) == []


def test_a_small_shop_may_vary() -> None:
    assert weekly_volume(orders([4, 1, 2, 15, 1, 4, 0, 3]), START + timedelta(weeks=8)).unusual(QUIET) == []


def test_a_week_that_reaches_into_a_pause_is_not_told_twice() -> None:
    frame = orders([70, 70, 70, 70, 70, 70, 70, 70]).filter(
        ~pl.col("ordered_at").is_between(START + timedelta(days=29), START + timedelta(days=37))
    )
    now = START + timedelta(weeks=8)
    volume, pauses = weekly_volume(frame, now), unusual_pauses(frame, now)
    assert len(pauses.found) == 1
    assert volume.unusual(pauses) == []
    assert len(volume.unusual(QUIET)) == 1


def test_a_closed_group_is_noticed_and_a_growing_shop_is_not() -> None:
    closed = weekly_volume(orders([30] * 20, customers=60), START + timedelta(weeks=20))
    assert any("No customer is new after the week from 2024-01-08" in f.sentence for f in closed.findings(QUIET))
    assert weekly_volume(orders([30] * 20), START + timedelta(weeks=20)).closed_group() is None
    assert weekly_volume(orders([30] * 6, customers=30), START + timedelta(weeks=6)).closed_group() is None
