"""Any order log as the shop's orders: who, when and, if the file says so, how much.

Read by the import's own readers, so that text of any delimiter and encoding (gzip too), Parquet and Excel all do. Unlike the import, which
sets malformed rows aside, a study stops at the first one: a table must not rest on rows that nobody looked at.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from features.errors import SourceUnreadable
from features.schema import ORDERS
from features.sources.tabular.file_forms import read_file
from features.sources.tabular.mapping import Reading
from features.sources.tabular.raw_file import LINE, RawFile
from features.sources.tabular.values import identifier, numbers, time_formats, times

_SHOWN = 40  # characters of a value that a message shows


@dataclass(frozen=True)
class OrderColumns:
    """Which columns of the file are which, by name, or by place from 1 where no column has that name.

    Attributes:
        customer: who.
        time: when; without a clock the order counts as of the day's first moment, so that an as-of date sees the orders of its day.
        amount: how much; None: every order counts 0.
    """

    customer: str
    time: str
    amount: str | None = None


@dataclass(frozen=True)
class OrderLog:
    """A file's orders.

    Attributes:
        name: of the file.
        orders: the schema's `orders`; the rows of one customer at one moment are one order.
        notes: what was odd.
    """

    name: str
    orders: pl.DataFrame
    notes: list[str]

    @property
    def first(self) -> datetime:
        """Time of the first order, UTC."""
        moment = self.orders["ordered_at"].min()
        assert isinstance(moment, datetime)  # noqa: S101 - read_order_log refuses a file without orders
        return moment

    @property
    def last(self) -> datetime:
        """Time of the last order, UTC: what comes later is not known."""
        moment = self.orders["ordered_at"].max()
        assert isinstance(moment, datetime)  # noqa: S101 - as above
        return moment


def read_order_log(path: Path, columns: OrderColumns, tell: Callable[[str], None] = lambda _: None) -> OrderLog:
    """Read a file of orders or order lines.

    Args:
        path: text (any delimiter, gzip too), Parquet or Excel.
        columns: which column is which.
        tell: progress.

    Raises:
        SourceUnreadable: no such file or column, a time or amount that cannot be read (names the line), or nothing left.
    """
    file = read_whole(path, tell)
    customer, time = named_column(file, columns.customer, "--customer", path), named_column(file, columns.time, "--time", path)
    amount = None if columns.amount is None else named_column(file, columns.amount, "--amount", path)
    rows = pl.DataFrame(
        {
            LINE: file.rows[LINE],
            "customer_id": identifier(file.rows, customer),
            "ordered_at": read_times(file, time, path),
            "amount": pl.Series([0.0]).new_from_index(0, file.rows.height) if amount is None else read_amounts(file, amount, path),
        }
    )
    notes = []
    rows, nobody = rows.filter(pl.col("customer_id").is_not_null()), int(rows["customer_id"].null_count())
    if nobody:
        notes.append(f"{path.name}: {nobody:,} rows without a customer were left out.")
    rows, refunds = rows.filter(pl.col("amount") >= 0), int((rows["amount"] < 0).sum())
    if refunds:
        notes.append(f"{path.name}: {refunds:,} rows with a negative amount were taken for refunds, which are no orders, and left out.")
    if rows.is_empty():
        raise SourceUnreadable(f"{path}: no row has a customer in column {customer!r} and is an order; nothing to evaluate.")
    tell(f"{rows.height:,} rows")
    return OrderLog(path.name, _orders(rows), notes)


def read_whole(path: Path, tell: Callable[[str], None]) -> RawFile:
    """A file none of whose lines is malformed.

    Raises:
        SourceUnreadable: no such file, or a malformed line (names the first).
    """
    file = read_file(path, Reading(), tell)
    if file.broken:
        first = file.broken[0]
        raise SourceUnreadable(f"{path}, line {first.line}: {first.reason} ({len(file.broken):,} such lines); correct or remove them.")
    return file


def _orders(rows: pl.DataFrame) -> pl.DataFrame:
    merged = rows.group_by("customer_id", "ordered_at").agg(
        amount=pl.col("amount").sum(), line_count=pl.len().cast(pl.Int64), first=pl.col(LINE).min()
    )
    nothing = pl.lit(0.0)
    orders = merged.sort("ordered_at", "first").with_columns(
        order_id=pl.int_range(pl.len()).cast(pl.String).str.zfill(10),
        store_id=pl.lit(None, dtype=pl.String),
        discount=nothing,
        coupon_discount=nothing,
        quantity=pl.col("line_count").cast(pl.Float64),
    )
    return ORDERS.conform(orders)


def named_column(file: RawFile, wanted: str, option: str, path: Path) -> str:
    """Name of the column that an option names, by name or by place from 1.

    Raises:
        SourceUnreadable: there is no such column.
    """
    names = file.columns
    if wanted in names:
        return wanted
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.4)
    hint = f"nearest: {', '.join(map(repr, near))}; " if near else ""
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    raise SourceUnreadable(
        f"{option}: {path} has no column {wanted!r}; {hint}it has {len(names)} columns: {shown}. A place (1, 2, …) does too."
    )


def read_times(file: RawFile, column: str, path: Path) -> pl.Series:
    """A column as times, UTC.

    Raises:
        SourceUnreadable: a value is none (names the line).
    """
    source = file.rows[column]
    if source.dtype.is_integer() or source.dtype.is_float():
        source = source.cast(pl.Int64, strict=False).cast(pl.String)
    found = times(source, time_formats(source)[0], "UTC")
    _require(file, column, found, "--time: no date or time", path)
    return found


def read_amounts(file: RawFile, column: str, path: Path) -> pl.Series:
    """A column as amounts.

    Raises:
        SourceUnreadable: a value is none (names the line).
    """
    found = numbers(file.rows[column], None)
    _require(file, column, found, "--amount: no number", path)
    return found


def _require(file: RawFile, column: str, found: pl.Series, fault: str, path: Path) -> None:
    bad = found.is_null()
    if not bad.any():
        return
    line, value = file.rows.filter(bad).select(LINE, column).row(0)
    shown = "an empty value" if value is None else repr(str(value)[:_SHOWN])
    raise SourceUnreadable(
        f"{path}, line {line}, column {column!r}: {shown} ({fault}); {int(bad.sum()):,} of {len(found):,} rows are so. "
        "Name another column, or correct these rows."
    )
