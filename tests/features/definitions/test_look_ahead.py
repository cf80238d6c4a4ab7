"""No feature sees what had not happened yet: whatever is done to the future, the past's features stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import ibis
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.definitions.as_of import AsOf, micros
from features.definitions.catalogue import VIEWS
from features.definitions.view import FeatureView
from features.engine import Shop
from tests.features.ground import assert_same, evaluate, shop_of, spine_of
from tests.shop import START, TICK, WEEK, sample_tables

Tables = dict[str, pl.DataFrame]
Change = Callable[[pl.DataFrame, str, datetime, np.random.Generator], pl.DataFrame]

# Each table of events: the column that says when a row became known, and the numbers in it.
EVENTS = {
    "orders": ("ordered_at", ("amount", "discount", "coupon_discount", "line_count", "quantity")),
    "order_lines": ("ordered_at", ("amount", "discount", "quantity")),
    "contacts": ("sent_at", ()),
    "redemptions": ("redeemed_at", ()),
    "refunds": ("refunded_at", ("amount", "quantity")),
    "interactions": ("occurred_at", ()),
    "activities": ("occurred_at", ("value",)),
}
DATES = [START + WEEK * 2, START + WEEK * 4, START + WEEK * 8, START + WEEK * 9 + timedelta(hours=7, microseconds=123_457)]


def _delete(frame: pl.DataFrame, time: str, as_of: datetime, rng: np.random.Generator) -> pl.DataFrame:
    return frame.filter(pl.col(time) <= as_of)


def _shift(frame: pl.DataFrame, time: str, as_of: datetime, rng: np.random.Generator) -> pl.DataFrame:
    days = pl.Series(rng.integers(0, 90 * 86_400_000_000, frame.height))
    moved = as_of + TICK + pl.duration(microseconds=days)
    return frame.with_columns(pl.when(pl.col(time) > as_of).then(moved).otherwise(pl.col(time)).cast(frame.schema[time]).alias(time))


def _perturb(frame: pl.DataFrame, time: str, as_of: datetime, rng: np.random.Generator) -> pl.DataFrame:
    later = pl.col(time) > as_of
    shuffled = frame["customer_id"].sample(fraction=1.0, shuffle=True, seed=int(rng.integers(1_000)))
    numbers = [n for n in EVENTS_NUMBERS if n in frame.columns]
    return frame.with_columns(
        pl.when(later).then(shuffled).otherwise(pl.col("customer_id")).alias("customer_id"),
        *(pl.when(later).then(pl.col(n) * 1_000 + 17).otherwise(pl.col(n)).cast(frame.schema[n]).alias(n) for n in numbers),
    )


EVENTS_NUMBERS = sorted({n for _, numbers in EVENTS.values() for n in numbers})
CHANGES: dict[str, Change] = {"delete": _delete, "shift": _shift, "perturb": _perturb}


def changed_future(tables: Tables, change: str, as_of: datetime, seed: int) -> Tables:
    """The same past, another future: every event after `as_of` deleted, moved or altered; ends of campaigns too."""
    rng = np.random.default_rng(seed)
    changed = {name: CHANGES[change](tables[name], time, as_of, rng) for name, (time, _) in EVENTS.items()}
    ends = pl.when(pl.col("ends_at") > as_of).then(pl.col("ends_at") + pl.duration(days=30)).otherwise(pl.col("ends_at"))
    return {**tables, **changed, "offers": tables["offers"].with_columns(ends_at=ends)}


def assert_blind(view: FeatureView, tables: Tables, change: str, dates: list[datetime], seed: int = 1) -> None:
    """The view's features at each date do not move when what follows it does."""
    first = tables["orders"]["ordered_at"].min()
    assert isinstance(first, datetime)
    true = evaluate(view, shop_of(tables), spine_of(tables, dates))
    for as_of in dates:
        expected = true.filter(pl.col("as_of") == as_of)
        assert expected.height > 0
        other = shop_of(changed_future(tables, change, as_of, seed), first_event=first)
        assert_same(evaluate(view, other, spine_of(tables, [as_of])), expected, view.keys)


@pytest.fixture(scope="module")
def small_shop() -> Tables:
    return sample_tables(customers=40, weeks=14, seed=3)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_the_future_does_not_move_the_past(view: FeatureView, change: str, small_shop: Tables) -> None:
    assert_blind(view, small_shop, change, DATES)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1_000), change=st.sampled_from(sorted(CHANGES)), hours=st.integers(24, 24 * 60), micro=st.integers(0, 999_999))
def test_the_future_does_not_move_the_past_in_any_shop(view: FeatureView, seed: int, change: str, hours: int, micro: int) -> None:
    tables = sample_tables(customers=12, weeks=10, seed=seed)
    assert_blind(view, tables, change, [START + timedelta(hours=hours, microseconds=micro)], seed)


def test_a_past_row_does_not_depend_on_later_as_of_dates(small_shop: Tables) -> None:
    for view in VIEWS:
        together = evaluate(view, shop_of(small_shop), spine_of(small_shop, DATES))
        for as_of in DATES[1::2]:
            alone = evaluate(view, shop_of(small_shop), spine_of(small_shop, [as_of]))
            assert_same(alone, together.filter(pl.col("as_of") == as_of), view.keys)


def _orders_until(reach: timedelta) -> FeatureView:
    def build(shop: Shop, spine: ibis.Table) -> ibis.Table:
        orders = shop.orders.filter(shop.orders.customer_id.notnull())
        events = orders.select("customer_id", at=micros(orders.ordered_at) - reach // TICK, one=ibis.literal(1.0))
        stack = AsOf.stack(events, spine, ("customer_id",))
        return stack.rows(orders=stack.total("one"))

    return FeatureView("orders_until", ("customer_id",), {"orders": "orders so far"}, build)


@pytest.mark.parametrize("change", CHANGES)
def test_the_alarm_rings_for_a_view_that_looks_ahead(change: str, small_shop: Tables) -> None:
    assert_blind(_orders_until(timedelta(0)), small_shop, change, DATES[2:3])
    with pytest.raises(AssertionError):
        assert_blind(_orders_until(timedelta(days=5)), small_shop, change, DATES[2:3])


def test_the_alarm_rings_for_a_look_ahead_of_one_microsecond(small_shop: Tables) -> None:
    # EDGE orders a microsecond after this as-of date.
    assert_blind(_orders_until(timedelta(0)), small_shop, "delete", [START + WEEK * 8])
    with pytest.raises(AssertionError):
        assert_blind(_orders_until(TICK), small_shop, "delete", [START + WEEK * 8])
