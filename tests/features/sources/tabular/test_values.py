"""Times, numbers, ids and flags are read as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources.tabular.values import decimal_sign, flags, identifier, numbers, time_formats, times

MOMENT = datetime(2024, 3, 15, 14, 5, 6, tzinfo=UTC)
DAY = datetime(2024, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-03-15 14:05:06", MOMENT),
        ("2024-03-15T14:05:06Z", MOMENT),
        ("2024-03-15T22:05:06+08:00", MOMENT),
        ("2024-03-15 14:05:06.000", MOMENT),
        ("2024/03/15 14:05:06", MOMENT),
        ("15.03.2024 14:05:06", MOMENT),
        ("15/03/2024 14:05:06", MOMENT),
        ("03/15/2024 02:05:06 PM", MOMENT),
        ("20240315140506", MOMENT),
        ("1710511506", MOMENT),
        ("1710511506000", MOMENT),
        ("2024-03-15", DAY),
        ("20240315", DAY),
        ("2024年03月15日", DAY),
        ("15 Mar 2024", DAY),
        ("Mar 15, 2024", DAY),
        ("15-03-2024", DAY),
    ],
)
def test_times_as_people_write_them(written: str, moment: datetime) -> None:
    column = pl.Series([written, None])
    formats, _ = time_formats(column)
    assert times(column, formats, "UTC").to_list() == [moment, None]


def test_day_and_month_are_told_apart_by_the_order_of_the_file() -> None:
    american = pl.Series([f"{month:02d}/{day:02d}/2024" for month in (1, 2, 3) for day in (1, 5, 9, 12)])
    formats, note = time_formats(american)
    assert formats == ("%m/%d/%Y",)
    assert note is not None
    assert "swapped" in note
    european = pl.Series([f"{day:02d}/{month:02d}/2024" for month in (1, 2, 3) for day in (1, 5, 9, 12)])
    assert time_formats(european)[0] == ("%d/%m/%Y",)
    assert time_formats(pl.Series(["13/02/2024", "05/02/2024"])) == (("%d/%m/%Y",), None)


def test_dates_and_times_may_stand_in_one_column() -> None:
    column = pl.Series(["2024-03-15", "2024-03-15 14:05:06", "2024-03-15 14:05"])
    formats, _ = time_formats(column)
    assert times(column, formats, "UTC").null_count() == 0


def test_words_and_small_numbers_are_no_times() -> None:
    assert time_formats(pl.Series(["apple", "pear"])) == ((), None)
    assert time_formats(pl.Series(["12", "7"])) == ((), None)


def test_local_times_are_those_of_their_zone() -> None:
    shanghai = times(pl.Series(["2024-03-15 14:05:06"]), ("%Y-%m-%d %H:%M:%S",), "Asia/Shanghai")
    assert shanghai[0] == datetime(2024, 3, 15, 6, 5, 6, tzinfo=UTC)
    # Neither the hour that does not exist nor the one that comes twice breaks anything.
    twice = times(pl.Series(["2024-03-31 01:30:00", "2024-10-27 01:30:00"]), ("%Y-%m-%d %H:%M:%S",), "Europe/London")
    assert twice.to_list() == [None, datetime(2024, 10, 27, 0, 30, tzinfo=UTC)]


def test_numbers_as_people_write_them() -> None:
    english = pl.Series(["1,234.50", "¥12", "(3.00)", "-4", "1 000", "twelve", "nan", "inf", None, "1,5"])
    assert numbers(english, None).to_list() == [1234.5, 12.0, -3.0, -4.0, 1000.0, None, None, None, None, None]
    german = pl.Series(["1.234,50", "12,5", "7"])
    assert decimal_sign(german) == ","
    assert numbers(german, ",").to_list() == [1234.5, 12.5, 7.0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_every_number_python_writes_is_read(values: list[float]) -> None:
    assert numbers(pl.Series([str(v) for v in values]), None).to_list() == values


def test_ids_keep_their_zeros_and_lose_the_trace_of_a_float() -> None:
    assert identifier(pl.DataFrame({"id": ["007", "08.0"]}), "id").to_list() == ["007", "08.0"]
    assert identifier(pl.DataFrame({"id": ["17.0", None]}), "id").to_list() == ["17", None]
    assert identifier(pl.DataFrame({"id": [17850.0, None]}), "id").to_list() == ["17850", None]


def test_flags() -> None:
    assert flags(pl.Series(["Yes", "0", "是", "否", "perhaps", None])).to_list() == [True, False, True, False, None, None]
    assert flags(pl.Series([1, 0])).to_list() == [True, False]
