"""Order days and spend after an as-of date, counted one by one and by one search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from training.datasets.order_periods import OrderDays, closed_periods

START = datetime(2024, 1, 1, tzinfo=UTC)


def orders(rows: list[tuple[str | None, float, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(customer, START + timedelta(days=day), amount) for customer, day, amount in rows],
        schema={"customer_id": pl.String, "ordered_at": pl.Datetime("us", "UTC"), "amount": pl.Float64},
        orient="row",
    )


def at(*days: float) -> np.ndarray:
    return np.array([np.datetime64((START + timedelta(days=day)).replace(tzinfo=None), "us") for day in days])


def test_orders_of_a_day_count_once_and_pay_together() -> None:
    found = OrderDays.of(orders([("a", 3.2, 5.0), ("a", 3.9, 7.0), ("a", 4.1, 1.0), (None, 3.0, 99.0)]), until=START + timedelta(days=9))
    count, spend = found.within(np.array(["a"]), at(1.0), 28)
    assert (count.tolist(), spend.tolist()) == ([2.0], [13.0])


def test_the_as_of_date_is_past_the_last_moment_is_not() -> None:
    found = OrderDays.of(orders([("a", 1.0, 5.0), ("a", 8.0, 7.0)]), until=START + timedelta(days=9))
    assert found.within(np.array(["a"]), at(1.0), 7)[0].tolist() == [1.0]
    assert found.within(np.array(["a"]), at(1.0), 6.9)[0].tolist() == [0.0]


def test_nothing_after_until_is_seen() -> None:
    rows = [("a", 1.0, 5.0), ("a", 8.0, 7.0)]
    assert OrderDays.of(orders(rows), until=START + timedelta(days=7)).within(np.array(["a"]), at(0.0), 28)[0].tolist() == [1.0]


def test_unknown_customers_order_nothing() -> None:
    found = OrderDays.of(orders([("b", 1.0, 5.0)]), until=START + timedelta(days=9))
    count, spend = found.within(np.array(["a", "b", "c"]), at(0, 0, 0), 9)
    assert (count.tolist(), spend.tolist()) == ([0.0, 1.0, 0.0], [0.0, 5.0, 0.0])
    nobody = OrderDays.of(orders([]), until=START)
    assert nobody.within(np.array(["a"]), at(0), 9)[0].tolist() == [0.0]


def test_periods_add_up_to_what_is_counted_by_hand() -> None:
    rng = np.random.default_rng(2)
    rows = [(f"c{rng.integers(30):02d}", float(rng.integers(0, 200)) + 0.5, float(rng.integers(1, 9))) for _ in range(900)]
    frame = orders(rows)
    found = OrderDays.of(frame, until=START + timedelta(days=300))
    customers = np.array([f"c{i:02d}" for i in range(30)])
    dates = at(*np.arange(30) * 4.0)
    count, spend = found.periods(customers, dates, days=28, count=3)
    for i, customer in enumerate(customers):
        for period in range(3):
            low, high = 4.0 * i + 28 * period, 4.0 * i + 28 * (period + 1)
            own = [(day, amount) for name, day, amount in rows if name == customer and low < day <= high]
            assert count[i, period] == len({int(day) for day, _ in own})
            assert spend[i, period] == sum(amount for _, amount in own)


def test_a_period_is_closed_when_it_has_ended() -> None:
    closed = closed_periods(at(0, 1), days=28, count=3, until=START + timedelta(days=56))
    assert closed.tolist() == [[True, True, False], [True, False, False]]
