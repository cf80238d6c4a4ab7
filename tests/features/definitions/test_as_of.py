"""Windows that end at an as-of date, against plain Python over the same events."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import ibis
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.definitions.as_of import DAY, AsOf, micros

T0 = datetime(2024, 3, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
TIME = pl.Datetime("us", "UTC")


def look_back(events: list[tuple[datetime, float]], as_of: list[datetime]) -> list[dict[str, float | None]]:
    """Every kind of window over one customer's events, at each date; another customer's events stand beside them."""
    other = [("other", at, value * 100) for at, value in events]
    frame = pl.DataFrame(
        [("me", at, value) for at, value in events] + other, schema={"id": pl.String, "t": TIME, "x": pl.Float64}, orient="row"
    )
    table = ibis.memtable(frame)
    spine = ibis.memtable(pl.DataFrame({"id": ["me"] * len(as_of), "as_of": as_of}, schema={"id": pl.String, "as_of": TIME}))
    stack = AsOf.stack(table.select("id", at=micros(table.t), x=table.x, time=micros(table.t)), spine, ("id",))
    rows = stack.rows(
        total=stack.total("x"),
        week=stack.last_days("x", 7),
        greatest=stack.greatest("x"),
        decayed=stack.decayed("x", 14),
        age=stack.age_days("time"),
    )
    return rows.to_polars().sort("as_of").drop("id", "as_of").to_dicts()


def by_hand(events: list[tuple[datetime, float]], as_of: datetime) -> dict[str, float | None]:
    seen = [(at, x) for at, x in events if at <= as_of]
    days = [(as_of - at) / timedelta(days=1) for at, _ in seen]
    return {
        "total": sum(x for _, x in seen),
        "week": sum(x for at, x in seen if at > as_of - timedelta(days=7)),
        "greatest": max((x for _, x in seen), default=None),
        "decayed": sum(x * math.exp(-d / 14) for (_, x), d in zip(seen, days, strict=True)),
        "age": min(days, default=None),
    }


moments = st.integers(0, 60 * 86_400 * 4).map(lambda quarter: T0 + timedelta(microseconds=quarter * 250_000))


@settings(max_examples=15, deadline=None)
@given(
    events=st.lists(st.tuples(moments, st.integers(1, 50).map(float)), min_size=1, max_size=12),
    as_of=st.lists(moments, min_size=1, max_size=4, unique=True),
)
def test_every_window_equals_plain_python(events: list[tuple[datetime, float]], as_of: list[datetime]) -> None:
    for found, date in zip(look_back(events, as_of), sorted(as_of), strict=True):
        expected = by_hand(events, date)
        assert {k: v is None for k, v in found.items()} == {k: v is None for k, v in expected.items()}
        assert {k: v or 0.0 for k, v in found.items()} == pytest.approx({k: v or 0.0 for k, v in expected.items()}, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("as_of", [T0, T0 + timedelta(microseconds=250_001)], ids=["whole second", "fraction"])
def test_an_event_at_the_as_of_date_is_seen_and_a_microsecond_later_is_not(as_of: datetime) -> None:
    assert look_back([(as_of, 1.0)], [as_of])[0]["total"] == 1
    assert look_back([(as_of + TICK, 1.0)], [as_of])[0]["total"] == 0


def test_a_window_of_seven_days_is_open_at_its_far_end() -> None:
    assert look_back([(T0 - timedelta(days=7), 1.0)], [T0])[0]["week"] == 0
    assert look_back([(T0 - timedelta(days=7) + TICK, 1.0)], [T0])[0]["week"] == 1


def test_time_is_exact_microseconds_since_1970() -> None:
    at = datetime(2031, 7, 5, 23, 59, 59, 999_999, tzinfo=UTC)
    found = micros(ibis.memtable(pl.DataFrame({"t": [at]}, schema={"t": TIME})).t).execute()
    assert found.to_list() == [(at - datetime(1970, 1, 1, tzinfo=UTC)) // TICK]
    assert timedelta(days=1) // TICK == DAY


def test_events_of_the_same_microsecond_are_all_seen_in_one_row() -> None:
    rows = look_back([(T0, 1.0), (T0, 2.0), (T0, 4.0)], [T0, T0 + timedelta(days=1)])
    assert [(row["total"], row["week"], row["greatest"]) for row in rows] == [(7.0, 7.0, 4.0)] * 2
