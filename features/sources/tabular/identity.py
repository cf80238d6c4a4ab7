"""When two files speak of the same thing: the same order and product, the same customer, the same message."""

from __future__ import annotations

import polars as pl

from features.sources.tabular.kinds import Kind

_ANEW = 0.5  # share of the order ids of several files from which their count is taken to start anew


def identity(kind: Kind, rows: pl.DataFrame) -> list[pl.Expr]:
    """What a row is about.

    Args:
        kind: of the rows.
        rows: of all files, with `_age`, the place of their file.

    Returns:
        Expressions over `rows` that are equal where rows speak of the same thing. A refund is another thing than its sale, though shops
        write both under one order id; and where ids start anew in every file, the day belongs to them.
    """
    if kind.name == "orders":
        moment = pl.concat_str(pl.col("customer_id").fill_null(""), pl.lit("@"), pl.col("ordered_at").cast(pl.String))
        takes_back = ((pl.col("quantity") < 0) | (pl.col("amount") < 0)).fill_null(value=False)
        told = [pl.coalesce("order_id", moment), pl.col("product_id").fill_null(""), takes_back]
        return [*told, pl.col("ordered_at").dt.date()] if _ids_start_anew(rows) else told
    known = [c for c in kind.key if rows[c].null_count() < rows.height]
    return [pl.col(c) for c in known] if known == list(kind.key) else [pl.col(f.name) for f in kind.fields]


def _ids_start_anew(rows: pl.DataFrame) -> bool:
    """Tills count from one every day or month: most ids of several files then differ in day and in customer or money.

    A file that was exported again with its dates corrected differs in the days alone.
    """
    per_file = (
        rows.filter(pl.col("order_id").is_not_null() & ~(pl.col("quantity") < 0).fill_null(value=False))
        .group_by("order_id", "_age")
        .agg(
            pl.col("ordered_at").min().dt.date().alias("day"),
            pl.col("customer_id").drop_nulls().min().alias("who"),
            pl.col("amount", "unit_price").sum().round(2),
        )
    )
    shared = per_file.filter(pl.len().over("order_id") > 1)
    if shared.is_empty():
        return False
    several = {c: pl.col(c).n_unique() > 1 for c in ("day", "who", "amount", "unit_price")}
    differs = several["day"] & (several["who"] | several["amount"] | several["unit_price"])
    return bool(shared.group_by("order_id").agg(differs.alias("differs"))["differs"].mean() > _ANEW)  # type: ignore[operator]
