"""What counts as the next order: strictly after the as-of date, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from training.datasets.labels import days_until_next_order

AS_OF = datetime(2023, 3, 5, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def waits(snapshots: list[tuple[str, datetime]], orders: list[tuple[str | None, datetime]]) -> np.ndarray:
    return days_until_next_order(
        pl.DataFrame(snapshots, schema={"customer_id": pl.String, "as_of": TIME}, orient="row"),
        pl.DataFrame(orders, schema={"customer_id": pl.String, "ordered_at": TIME}, orient="row"),
    )


def test_an_order_at_the_as_of_date_is_seen_and_not_the_label() -> None:
    assert waits([("a", AS_OF)], [("a", AS_OF)]).tolist() == [np.inf]


def test_an_order_a_microsecond_later_is_the_label() -> None:
    wait = waits([("a", AS_OF)], [("a", AS_OF), ("a", AS_OF + timedelta(microseconds=1))])
    np.testing.assert_allclose(wait, 1e-6 / 86_400, rtol=1e-12)


def test_an_order_a_microsecond_earlier_is_history() -> None:
    assert waits([("a", AS_OF)], [("a", AS_OF - timedelta(microseconds=1))]).tolist() == [np.inf]


def test_the_first_of_several_counts_in_any_order_of_rows() -> None:
    orders: list[tuple[str | None, datetime]] = [("a", AS_OF + timedelta(days=d)) for d in (30, 3.5, 9)]
    assert waits([("a", AS_OF)], orders).tolist() == [3.5]


def test_each_row_is_answered_in_its_place_and_for_its_customer() -> None:
    snapshots = [("b", AS_OF), ("a", AS_OF + timedelta(days=7)), ("a", AS_OF), ("c", AS_OF)]
    orders: list[tuple[str | None, datetime]] = [("b", AS_OF + timedelta(days=2)), ("a", AS_OF + timedelta(days=5))]
    assert waits(snapshots, orders).tolist() == [2.0, np.inf, 5.0, np.inf]


def test_orders_of_nobody_are_nobodys_label() -> None:
    assert waits([("a", AS_OF)], [(None, AS_OF + timedelta(days=1))]).tolist() == [np.inf]


def test_no_snapshot_gives_no_label() -> None:
    assert waits([], [("a", AS_OF)]).shape == (0,)
