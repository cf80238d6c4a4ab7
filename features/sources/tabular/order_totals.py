"""Exports that repeat the order's total on each of its lines, or write it on the first alone: summed up it would count several times."""

from __future__ import annotations

from typing import Literal

import polars as pl

from features.sources.tabular.values import identifier, numbers

_REPEATED = 0.9  # share of the orders with several lines whose lines all say the same amount, or only one says any
_LINES_OWN = 0.5  # share of their lines on which price times quantity gives the amount: then it is the line's after all
_CENT = 0.011


def order_totals(rows: pl.DataFrame, columns: dict[str, str]) -> Literal["beside prices", "alone"] | None:
    """Whether the column of amounts holds totals of orders.

    Args:
        rows: of the file.
        columns: field → column, as guessed.

    Returns:
        "beside prices" where prices give the amounts of the lines, "alone" where only the total is known, None
        where amounts are the lines'.
    """
    if not {"order_id", "amount", "ordered_at"} <= columns.keys():
        return None
    read: dict[str, pl.Series] = {f: numbers(rows[columns[f]], None) for f in ("amount", "unit_price", "quantity") if f in columns}
    read |= {"order": identifier(rows, columns["order_id"]).forward_fill(), "at": rows[columns["ordered_at"]]}
    frame = pl.DataFrame(read)
    # Tills count from one every day: only what one order id says of one time, or of none, is one order.
    frame = frame.with_columns(pl.col("order").rle_id().alias("run"))
    several = frame.filter(pl.col("order").is_not_null() & (pl.len().over("run") > 1) & (pl.col("at").n_unique().over("run") <= 2))
    if several.is_empty():
        return None
    said = pl.col("amount").drop_nulls()
    other = pl.col("quantity").n_unique() > 1 if "quantity" in columns else pl.lit(value=True)
    if "unit_price" in columns:
        other = other | (pl.col("unit_price").n_unique() > 1)
    orders = several.group_by("run").agg((pl.len() == said.len()).alias("full"), (said.n_unique() <= 1).alias("one"), other.alias("varies"))
    # Equal lines of equal price say nothing either way.
    telling = orders.filter("varies" if orders["varies"].any() else pl.lit(value=True))
    if telling["one"].mean() < _REPEATED:  # type: ignore[operator]
        return None
    if "unit_price" not in columns:
        # One amount throughout is a price as likely as a total.
        return "alone" if several["amount"].drop_nulls().n_unique() > 1 else None
    line = pl.col("unit_price") * (pl.col("quantity") if "quantity" in columns else 1.0)
    own = several.select(((line - pl.col("amount")).abs() < _CENT).mean()).item() or 0.0
    return None if own >= _LINES_OWN else "beside prices"


def divided(lines: pl.DataFrame) -> pl.DataFrame:
    """Totals of orders divided among their lines by quantity.

    Args:
        lines: `of_order` (the amount is the order's), `order_id`, `ordered_at`, `back`, `quantity` (> 0), `amount` (0 where none is said),
            `_age`.

    Returns:
        The same lines; their amounts sum up to the order's once.
    """
    whole = ["_age", "order_id", "ordered_at", "back"]
    share = pl.col("amount").max().over(whole) * pl.col("quantity") / pl.col("quantity").sum().over(whole)
    return lines.with_columns(pl.when("of_order").then(share).otherwise("amount").alias("amount"))
