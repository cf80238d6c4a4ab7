"""Reads delimited text line by line, so that every row keeps the number of its line and no malformed one is lost."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import SourceUnreadable
from features.sources.tabular.mapping import Reading
from features.sources.tabular.raw_file import LINE, Broken, RawFile
from features.sources.tabular.text_form import TextForm, find_form, open_bytes, split

_CHUNK = 50_000  # rows turned into columns at a time: Python's strings take ten times the memory of the columns
_AS_TEXT = r'^="(.*)"$'
_MOST_LINES = 50  # a row over more lines than this is an unclosed quotation mark
_BROKEN_SHARE = 0.5  # a file most of whose lines do not fit is not quarantined but refused

Tell = Callable[[str], None]


def read_text(path: Path, reading: Reading, tell: Tell) -> RawFile:
    """Read a CSV-like file, gzip or not.

    Args:
        path: the file.
        reading: what the mapping says of delimiter, encoding and header.
        tell: told how many rows were read.

    Raises:
        SourceUnreadable: the file is empty, truncated, wrongly delimited, or a quotation mark is never closed; names the line.
    """
    form = find_form(path, reading)
    try:
        with (
            open_bytes(path) as packed,
            io.TextIOWrapper(packed, encoding=form.encoding, errors="replace", newline="") as lines,
            _no_collection(),
        ):
            return _Rows(path, form, tell).read(lines)
    except EOFError as error:
        raise SourceUnreadable(f"{path} is truncated: its gzip stream ends early; fetch the file again.") from error
    except csv.Error as error:  # of these only a field beyond csv's limit of 131,072 signs is left
        raise SourceUnreadable(f"{path} cannot be read ({error}): is a quotation mark never closed, or the delimiter wrong?") from error
    except (UnicodeError, OSError) as error:
        raise SourceUnreadable(f"{path} cannot be read ({error}).") from error


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    # A million rows are as many lists, none of them in a cycle: looking for cycles took a third of the reading.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Rows:
    def __init__(self, path: Path, form: TextForm, tell: Tell) -> None:
        self.path, self.form, self.tell = path, form, tell
        self.chunks: list[pl.DataFrame] = []
        self.broken: list[Broken] = []
        self.names: list[str] = []

    def read(self, lines: io.TextIOWrapper) -> RawFile:
        reader = split(lines, self.form.delimiter)
        rows = self._numbered(reader)
        first = next(rows, None)
        if first is None:
            raise SourceUnreadable(f"{self.path} is empty.")
        if self.form.header:
            self.names = _names(first[1])
            pending = []
        else:
            self.names = [f"column_{i + 1}" for i in range(len(first[1]))]
            pending = [first]
        count = self._collect(pending, rows)
        if not count and not self.broken:
            raise SourceUnreadable(f"{self.path} has a header but no row.")
        if len(self.broken) > _BROKEN_SHARE * (count + len(self.broken)):
            raise SourceUnreadable(
                f"{self.path}: {len(self.broken):,} of {count + len(self.broken):,} lines lack the first line's {len(self.names)} columns; "
                f"it looks wrongly delimited (read with {self.form.told})."
            )
        empty = pl.DataFrame(schema={**dict.fromkeys(self.names, pl.String), LINE: pl.Int64})
        frame = pl.concat(self.chunks, rechunk=True) if self.chunks else empty
        return RawFile(self.path.name, frame, self.form.told, tuple(self.broken), tuple(self._warnings()))

    def _numbered(self, reader: Any) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 - csv keeps its type to itself
        before = 0
        for row in reader:
            now: int = reader.line_num
            if now - before > _MOST_LINES:
                raise SourceUnreadable(
                    f"{self.path}, line {before + 1}: a quotation mark opens a field that does not end; close it or remove it."
                )
            if row:  # a blank line is no row
                yield before + 1, row
            before = now

    def _collect(self, pending: list[tuple[int, list[str]]], rows: Iterator[tuple[int, list[str]]]) -> int:
        width, count = len(self.names), len(pending)
        for numbered in rows:
            line, row = numbered
            if len(row) != width:
                self.broken.append(Broken(line, tuple(row), f"{len(row)} columns instead of {width}"))
                continue
            pending.append(numbered)
            if len(pending) >= _CHUNK:
                count += len(pending)
                self._flush(pending)
                self.tell(f"{self.path.name}: {count:,} rows")
        count = count + len(pending) if self.chunks else len(pending)
        self._flush(pending)
        return count

    def _flush(self, pending: list[tuple[int, list[str]]]) -> None:
        if not pending:
            return
        columns = zip(*(row for _, row in pending), strict=True)
        data = [pl.Series(name, values, dtype=pl.String) for name, values in zip(self.names, columns, strict=True)]
        numbers = pl.Series(LINE, [line for line, _ in pending], dtype=pl.Int64)
        frame = pl.DataFrame(data)
        if LINE in frame.columns:  # a quarantine file: its lines count where they came from
            numbers = frame[LINE].cast(pl.Int64, strict=False).fill_null(numbers).alias(LINE)
        frame = frame.with_columns(numbers)
        unreadable = pl.any_horizontal(pl.exclude(LINE).str.contains("\ufffd", literal=True))
        for row in frame.filter(unreadable).iter_rows():
            self.broken.append(
                Broken(row[frame.get_column_index(LINE)], row[: len(self.names)], f"bytes that are not {self.form.encoding}")
            )
        frame = frame.filter(~unreadable)
        # An empty or blank field has no value; ="007" is how exports keep a spreadsheet from taking an id for a number.
        bare = pl.col(pl.String).str.strip_chars().str.replace(_AS_TEXT, "$1")
        self.chunks.append(frame.with_columns(bare.replace("", None)))
        pending.clear()

    def _warnings(self) -> Iterator[str]:
        last = max((int(chunk[LINE].max() or 0) for chunk in self.chunks), default=0)  # type: ignore[arg-type]
        if self.broken and self.broken[-1].line > last and len(self.broken[-1].fields) < len(self.names):
            yield f"{self.path.name}: its last line is cut off; the file looks truncated."


def _names(header: list[str]) -> list[str]:
    names: list[str] = []
    for i, name in enumerate(header):
        told = name.strip().lstrip("\ufeff") or f"column_{i + 1}"
        names.append(told if told not in names else f"{told}_{i + 1}")
    return names
