"""Exports that write an order over several lines and say who and when on one of them only: the other lines take it from there."""

from __future__ import annotations

import polars as pl

from features.sources.tabular.mapping import Part
from features.sources.tabular.raw_file import LINE
from features.sources.tabular.values import text

_HEAD = ("customer_id", "ordered_at", "store_id")


def continued(part: Part, raw: pl.DataFrame) -> pl.DataFrame:
    """Order lines with what their order's other lines say of it.

    Lines that follow one another under one order id are one order. A line that says neither its order nor when nor who, but what was bought
    (the merged cells of a worksheet), goes on with the order above it; a line of totals names no product and is left as it is.

    Args:
        part: the mapping of the orders.
        raw: the file's rows.

    Returns:
        The same rows; a blank customer, time or store is filled only where its order's lines name exactly one.
    """
    if "order_id" not in part.columns or "ordered_at" not in part.columns or not raw[part.columns["ordered_at"]].null_count():
        return raw  # every line says when: nothing is written once an order
    order, when = part.columns["order_id"], part.columns["ordered_at"]
    what = [pl.col(part.columns[f]) for f in ("product_id", "product_name") if f in part.columns]
    heads = [part.columns[f] for f in _HEAD if f in part.columns]
    blank = pl.all_horizontal(pl.col(order, *heads).is_null())
    goes_on = blank & pl.any_horizontal(c.is_not_null() for c in what) if what else pl.lit(value=False)
    own = text(pl.col(order), raw.schema[order])
    told = raw.with_columns(goes_on.alias("_goes_on"))
    told = told.with_columns(pl.when("_goes_on").then(pl.lit(None)).otherwise(own.fill_null(pl.lit("\0"))).forward_fill().alias("_order"))
    told = told.with_columns(pl.col("_order").replace("\0", None)).with_columns(pl.col("_order").rle_id().alias("_run"))
    told = told.with_columns(pl.col(when).is_null().alias("_open"))
    for column in heads:
        only = pl.col(column).drop_nulls().first().over("_run")
        one = (pl.col(column).drop_nulls().n_unique() == 1).over("_run")
        fills = pl.col("_open") & pl.col("_order").is_not_null() & pl.col(column).is_null() & one
        told = told.with_columns(pl.when(fills).then(only).otherwise(pl.col(column)).alias(column))
    if raw.schema[order] == pl.String:
        told = told.with_columns(pl.when("_goes_on").then("_order").otherwise(order).alias(order))
    return told.drop("_order", "_run", "_open", "_goes_on")


def lines_continued(part: Part, raw: pl.DataFrame, filled: pl.DataFrame) -> int:
    """How many lines took something over."""
    if filled is raw:
        return 0
    columns = [c for f, c in part.columns.items() if f in {"order_id", *_HEAD}]
    differs = pl.any_horizontal(pl.col(c).is_null() & pl.col(f"{c}_filled").is_not_null() for c in columns)
    beside = pl.concat([raw.select(LINE, *columns), filled.select(pl.col(columns).name.suffix("_filled"))], how="horizontal")
    return beside.filter(differs).height
