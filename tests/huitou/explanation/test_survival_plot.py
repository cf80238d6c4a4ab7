"""A curve of characters: as wide as it may be, true to its numbers, and plain where the output is."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from huitou.explanation.survival_plot import ASCII, BRAILLE, SurvivalPlot, charset_for
from tests.huitou.explanation.conftest import Printed

START = datetime(2024, 6, 30, 12, tzinfo=UTC)
FALLING = np.exp(-np.arange(92) / 20).tolist()
MEDIAN = 20 * float(np.log(2))


def stars(lines: list[str]) -> list[tuple[int, int]]:
    return [(row, column - 6) for row, line in enumerate(lines[:13]) for column, char in enumerate(line) if char == "*"]


@pytest.mark.parametrize("width", [30, 40, 80, 120, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fills_the_width_and_never_exceeds_it(printed: Printed, width: int, encoding: str) -> None:
    lines = printed(SurvivalPlot(FALLING, START, MEDIAN), width=width, encoding=encoding).splitlines()
    assert len(lines) == 13 + 3
    assert max(map(len, lines)) == width
    assert [line[:4] for line in lines[:13:3]] == ["100%", " 75%", " 50%", " 25%", "  0%"]


def test_every_column_shows_its_chance(printed: Printed) -> None:
    lines = printed(SurvivalPlot(FALLING, START), width=80, encoding="ascii").splitlines()
    lowest: dict[int, int] = {}
    for row, column in stars(lines):
        lowest[column] = max(row, lowest.get(column, 0))
    assert sorted(lowest) == list(range(74))
    for column, row in lowest.items():
        expected = np.interp(column / 73 * 91, np.arange(92), FALLING)
        assert row == pytest.approx((1 - expected) * 12, abs=0.51)


def test_a_steep_fall_has_no_gap(printed: Printed) -> None:
    steep = [1.0, *[0.0] * 91]
    lines = printed(SurvivalPlot(steep, START), width=60, encoding="ascii").splitlines()
    assert {row for row, _ in stars(lines)} == set(range(13))
    dots = printed(SurvivalPlot(steep, START), width=60).splitlines()
    assert all(any("⠀" < char <= "⣿" for char in line) for line in dots[:13])


def test_a_flat_curve_is_one_line(printed: Printed) -> None:
    lines = printed(SurvivalPlot([1.0] * 92, START), width=60, encoding="ascii").splitlines()
    assert {row for row, _ in stars(lines)} == {0}


@pytest.mark.parametrize("width", [50, 80, 120])
def test_the_mark_stands_on_one_half_above_its_day(printed: Printed, width: int) -> None:
    lines = printed(SurvivalPlot(FALLING, START, MEDIAN), width=width, encoding="ascii").splitlines()
    column = lines[6].index("O") - 6
    assert column == round(MEDIAN / 91 * (width - 7))
    assert all(line[column + 6] in ":*" for line in lines[7:13])
    assert "O" not in "".join(lines[:6] + lines[7:])


@pytest.mark.parametrize("days", [None, 91.5, 150.0])
def test_nothing_is_marked_beyond_the_curve(printed: Printed, days: float | None) -> None:
    assert "O" not in printed(SurvivalPlot(FALLING, START, days), width=80, encoding="ascii")
    assert BRAILLE.mark not in printed(SurvivalPlot(FALLING, START, days), width=80)


@pytest.mark.parametrize(
    ("width", "dates"),
    [(45, ["2024-06-30", "2024-08-25"]), (80, ["2024-06-30", "2024-07-28", "2024-08-25", "2024-09-22"])],
)
def test_dates_stand_below_whole_weeks(printed: Printed, width: int, dates: list[str]) -> None:
    lines = printed(SurvivalPlot(FALLING, START), width=width, encoding="ascii").splitlines()
    assert lines[-2].split() == dates
    assert lines[-1].split()[0] == "+0"
    assert len(lines[-1].split()) == len(dates) == lines[-3].count("+") - 1  # a tick each, and the corner


def test_a_short_curve_is_drawn_too(printed: Printed) -> None:
    lines = printed(SurvivalPlot(FALLING[:8], START, 2.0), width=60, encoding="ascii").splitlines()
    assert lines[-2].split() == ["2024-06-30", "2024-07-07"]


@pytest.mark.parametrize(
    ("encoding", "charset"), [("utf-8", BRAILLE), ("utf-16", BRAILLE), ("ascii", ASCII), ("gbk", ASCII), ("no-such", ASCII)]
)
def test_the_output_s_encoding_decides_the_characters(encoding: str, charset: object) -> None:
    assert charset_for(encoding) is charset
