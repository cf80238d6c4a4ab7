"""The survival curve as a picture of characters: braille dots where the output can show them, else ASCII.

A library brings little here: what they draw well is the curve, which is a few lines; dates below it, a mark on it, a width that follows
the terminal and plain ASCII would have to be written around them all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_ROWS = 13  # a percent mark on every third row: 100, 75, 50, 25, 0
_MARK_ROWS = 3
_LABEL = 5  # cells of "100% "
_TICK_CELLS = 16  # the first date begins at its tick, the second is centred below its own: 10 + 5 cells and a gap
_TICK_DAYS = (7, 14, 28, 56, 91, 182)
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # bits of a braille cell, 4 rows × 2 columns, Unicode 2800
_BLANK = 0x2800


@dataclass(frozen=True)
class Charset:
    """Characters of the frame; `mark` shows the expected next order."""

    mark: str
    stem: str
    half: str
    axis: str
    corner: str
    floor: str
    tick: str


BRAILLE = Charset(mark="◆", stem="┊", half="┈", axis="┤", corner="└", floor="─", tick="┬")
ASCII = Charset(mark="O", stem=":", half=".", axis="|", corner="+", floor="-", tick="+")


def charset_for(encoding: str) -> Charset:
    """Braille where the output's encoding has it, else ASCII."""
    try:
        "".join((*vars(BRAILLE).values(), chr(_BLANK))).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BRAILLE


@dataclass(frozen=True)
class SurvivalPlot:
    """Draws itself as wide as it may.

    Attributes:
        survival: P(no order) at 0, 1, 2, … days.
        start: the date of day 0.
        expected_days: where the curve is marked; None, or beyond the last day: no mark.
    """

    survival: Sequence[float]
    start: datetime
    expected_days: float | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lines from 100 % down to the dates."""
        chars, width = charset_for(options.encoding), max(options.max_width - _LABEL - 1, 2)
        grid = _braille(self.survival, width) if chars is BRAILLE else _stars(self.survival, width)
        styles = [["bold cyan" if cell != " " else "" for cell in row] for row in grid]
        self._guides(grid, styles, chars)
        for i, (row, style) in enumerate(zip(grid, styles, strict=True)):
            share = 100 - 100 * i // (_ROWS - 1)
            label = f"{share:>3}% {chars.axis}" if i % _MARK_ROWS == 0 else f"     {'|' if chars is ASCII else '│'}"
            yield Text.assemble((label, "dim"), *zip(row, style, strict=True), no_wrap=True)
        ticks = self._ticks(width)
        floor = "".join(chars.tick if column in {c for c, _ in ticks} else chars.floor for column in range(width))
        yield Text(f"{' ' * _LABEL}{chars.corner}{floor}", style="dim", no_wrap=True)
        names = ([(c, f"{self.start + timedelta(days=d):%Y-%m-%d}") for c, d in ticks], [(c, f"+{d}") for c, d in ticks])
        for row_of_names in names:
            yield Text(f"{' ' * (_LABEL + 1)}{_placed(row_of_names, width)}", style="dim", no_wrap=True)

    def _guides(self, grid: list[list[str]], styles: list[list[str]], chars: Charset) -> None:
        """The line of one half behind the curve, and the mark where the next order is expected, with a stem down to its date."""
        half = _ROWS // 2
        for column, cell in enumerate(grid[half]):
            if cell == " ":
                grid[half][column], styles[half][column] = chars.half, "dim"
        if self.expected_days is None or self.expected_days > len(self.survival) - 1:
            return
        column = round(self.expected_days / max(len(self.survival) - 1, 1) * (len(grid[half]) - 1))
        grid[half][column], styles[half][column] = chars.mark, "bold yellow"
        for row in range(half + 1, _ROWS):
            if grid[row][column] == " ":
                grid[row][column], styles[row][column] = chars.stem, "yellow"

    def _ticks(self, width: int) -> list[tuple[int, int]]:
        """(column, day) of whole weeks, as many as have room for their dates."""
        last = max(len(self.survival) - 1, 1)
        step = next((days for days in _TICK_DAYS if days / last * (width - 1) >= _TICK_CELLS), last)
        return [(round(day / last * (width - 1)), day) for day in range(0, last + 1, step)]


def _placed(names: list[tuple[int, str]], width: int) -> str:
    """Names centred below their columns, kept inside the width; one that would touch its neighbour is left out."""
    line = ""
    for column, name in names:
        start = min(max(column - len(name) // 2, 0), max(width - len(name), 0))
        if not line or start > len(line):
            line = line.ljust(start) + name
    return line


def _braille(survival: Sequence[float], width: int) -> list[list[str]]:
    """Two by four dots a cell; neighbouring dots are joined, so that a steep fall stays one line."""
    cells = np.zeros((_ROWS, width), dtype=int)
    height = (_heights(survival, 2 * width) * 4).round().astype(int) + 1
    for x, y in enumerate(height.tolist()):
        for dot in _joined(y, int(height[x - 1]) if x else y):
            cells[dot // 4, x // 2] |= _DOTS[dot % 4, x % 2]
    return [[chr(_BLANK + cell) if cell else " " for cell in row] for row in cells.tolist()]


def _stars(survival: Sequence[float], width: int) -> list[list[str]]:
    grid = [[" "] * width for _ in range(_ROWS)]
    height = _heights(survival, width).round().astype(int)
    for x, y in enumerate(height.tolist()):
        for row in _joined(y, int(height[x - 1]) if x else y):
            grid[row][x] = "*"
    return grid


def _joined(y: int, before: int) -> range:
    """Rows from just below the column before down to this one: a falling curve is drawn without gaps."""
    return range(min(before + 1, y), y + 1)


def _heights(survival: Sequence[float], columns: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Rows from the top, 0 at certainty to `_ROWS` − 1 at nothing, in each of so many columns; straight between two days."""
    days = np.linspace(0, len(survival) - 1, columns)
    return np.asarray((1.0 - np.interp(days, np.arange(len(survival)), survival)) * (_ROWS - 1))
