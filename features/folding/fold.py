"""Events → the shop's tables, ids as recorded. Pure: the nightly fold and one customer's refresh call the same function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl
from pydantic import ValidationError

from features.folding.rows import Row, rows_of
from features.ledger.events import Event
from features.schema import ACTIVITIES, CONTACTS, CUSTOMERS, INTERACTIONS, ORDER_LINES, ORDERS, REFUNDS, Table

FOLDED: tuple[Table, ...] = (ORDERS, ORDER_LINES, REFUNDS, CONTACTS, INTERACTIONS, ACTIVITIES, CUSTOMERS)
_BY_NAME = {table.name: table for table in FOLDED}


@dataclass
class Fold:
    """Rows in the making.

    Attributes:
        kept: kind → events that became rows.
        set_aside: kind → events that did not: of no table, or no longer of the form their kind asks for.
    """

    kept: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    _rows: dict[str, list[Row]] = field(default_factory=lambda: {table.name: [] for table in FOLDED})
    _frames: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: {table.name: [table.empty()] for table in FOLDED})

    def add(self, events: Iterable[Event]) -> None:
        """Take events in the order of their numbers."""
        for event in events:
            try:
                rows = rows_of(event)
            except (ValidationError, ValueError):
                rows = []  # safe: it stays in the ledger, and is counted
            counts = self.kept if rows else self.set_aside
            counts[event.kind] = counts.get(event.kind, 0) + 1
            for table, row in rows:
                self._rows[table].append(row)
        for name, made in self._rows.items():  # rows as Python objects take ten times the memory
            if made:
                self._frames[name].append(_frame(_BY_NAME[name], made))
                made.clear()

    def tables(self) -> dict[str, pl.DataFrame]:
        """Table → its rows. Of an order that came twice the later one stays; of a customer's traits the last of each."""
        frames = {name: pl.concat(parts) for name, parts in self._frames.items()}
        return merged({name: table.empty() for name, table in _BY_NAME.items()}, frames)


def fold(events: Iterable[Event]) -> dict[str, pl.DataFrame]:
    """Fold events, in the order of their numbers, into tables of `features.schema`."""
    making = Fold()
    making.add(events)
    return making.tables()


def merged(earlier: Mapping[str, pl.DataFrame], later: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Put what was folded later on top: folding in parts gives what folding at once gives.

    Args:
        earlier: result of `merged` or empty tables.
        later: frames of later events, repeats in the order of their numbers.
    """
    # An order that comes again is the order as it is now, all of its lines included.
    heads = later[ORDERS.name].unique("order_id", keep="last", maintain_order=True)
    lines = _newest_lines(later[ORDER_LINES.name], heads)
    found = {
        ORDERS.name: pl.concat([earlier[ORDERS.name].join(heads, on="order_id", how="anti"), heads]),
        ORDER_LINES.name: pl.concat([earlier[ORDER_LINES.name].join(heads, on="order_id", how="anti"), lines]),
        CUSTOMERS.name: _traits(pl.concat([earlier[CUSTOMERS.name], later[CUSTOMERS.name]])),
    }
    for table in FOLDED:
        if table.name not in found:
            both = pl.concat([earlier[table.name], later[table.name]])
            found[table.name] = both.unique(table.key, keep="first", maintain_order=True)
    return {table.name: found[table.name].sort(*([table.time] if table.time else []), *table.key) for table in FOLDED}


def _newest_lines(lines: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Of an order that came several times, the lines of its last coming: those whose number starts again last."""
    coming = lines.with_columns((pl.col("line_number") == 0).cast(pl.Int64).cum_sum().over("order_id").alias("coming"))
    last = coming.filter(pl.col("coming") == pl.col("coming").max().over("order_id")).drop("coming")
    return last.join(heads.select("order_id"), on="order_id", how="semi")


def _traits(frame: pl.DataFrame) -> pl.DataFrame:
    columns = [c for c in frame.columns if c != "customer_id"]
    return frame.group_by("customer_id", maintain_order=True).agg(pl.col(c).drop_nulls().last() for c in columns).select(frame.columns)


def _frame(table: Table, rows: list[Row]) -> pl.DataFrame:
    columns = {name: [row.get(name) for row in rows] for name in table.columns}
    return pl.DataFrame(columns, schema=table.columns, strict=False)
