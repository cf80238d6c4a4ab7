"""The sample shop as a shop would export it: CSV files to try the file import with, clean or with a few broken rows of every kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from features.sources.sample_catalogue import UNKNOWN_PRODUCT
from features.sources.sample_lives import IDLE
from features.sources.sample_shop import Tables

_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"
DIRT = {
    "bad date": "ordered_at is no date",
    "amount as text": "amount is no number",
    "negative quantity": "quantity below zero, of somebody who never bought what it would take back",
    "unknown product": "sold, but in no row of products.csv",
    "duplicate line": "the same line twice",
    "impossible time": "ordered_at in the year 2107",
}
_ROWS_OF_EACH = 3


def write_sample_files(tables: Tables, folder: Path, *, dirty: bool = False) -> dict[str, int]:
    """Write orders.csv, customers.csv, products.csv and contacts.csv.

    An order line stands in orders.csv with its order's facts; what was given back is a line of its own with negative quantity and amount.

    Args:
        tables: of `sample_tables`.
        folder: made if it is missing; files of the same names are replaced.
        dirty: replace a few good rows' values, or add rows, so that orders.csv holds `DIRT`: each kind three times.

    Returns:
        File name → number of rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "orders.csv": with_dirt(order_rows(tables)) if dirty else order_rows(tables),
        "customers.csv": tables["customers"],
        "products.csv": tables["products"].drop("brand", "package_size"),
        "contacts.csv": tables["contacts"].with_columns(_written("sent_at")).sort("sent_at", "contact_id"),
    }
    for name, frame in files.items():
        frame.write_csv(folder / name)
    return {name: frame.height for name, frame in files.items()}


def order_rows(tables: Tables) -> pl.DataFrame:
    """Order lines and refunds as text, in order of time.

    Products that stand in no catalogue are left out, so that a clean export has nothing to complain of.
    """
    sold = (
        tables["order_lines"]
        .filter(pl.col("product_id") != UNKNOWN_PRODUCT)
        .join(tables["orders"].select("order_id", "store_id"), on="order_id")
    )
    back = tables["refunds"].select(
        pl.col("refund_id").alias("order_id"),
        "customer_id",
        pl.col("refunded_at").alias("ordered_at"),
        "product_id",
        -pl.col("quantity"),
        -pl.col("amount"),
        pl.lit(0.0).alias("discount"),
        pl.lit(None, dtype=pl.String).alias("store_id"),
    )
    columns = ["order_id", "customer_id", "ordered_at", "product_id", "quantity", "amount", "discount", "store_id"]
    rows = pl.concat([sold.select(columns), back.select(columns)]).sort("ordered_at", "order_id", "product_id")
    return rows.with_columns(_written("ordered_at"), *(pl.col(c).round(2).cast(pl.String) for c in ("quantity", "amount", "discount")))


def with_dirt(rows: pl.DataFrame) -> pl.DataFrame:
    """Broken copies of good sales, each below its original and, but for the duplicates, under an order id of its own (`dirty-…`)."""
    places = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Float64))
    sales = places.filter(pl.col("customer_id").is_not_null() & ~pl.col("quantity").str.starts_with("-"))
    needed = len(DIRT) * _ROWS_OF_EACH
    originals = sales.gather_every(max(sales.height // needed, 1)).head(needed)
    kinds = pl.Series("kind", [list(DIRT)[i % len(DIRT)] for i in range(originals.height)], dtype=pl.String)

    def broken(kind: str, column: str, value: str) -> pl.Expr:
        return pl.when(pl.col("kind") == kind).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)

    dirt = originals.with_columns(kinds, place=pl.col("place") + 0.5).with_columns(
        broken("amount as text", "amount", "twelve euros"),
        broken("negative quantity", "quantity", "-1.0"),
        broken("negative quantity", "customer_id", IDLE),
        broken("unknown product", "product_id", "p99-0"),
        pl.when(pl.col("kind") == "bad date")
        .then(pl.lit("31st of Smarch"))
        .when(pl.col("kind") == "impossible time")
        .then(pl.lit("2107-05-01T12:00:00.000000Z"))
        .otherwise("ordered_at")
        .alias("ordered_at"),
        order_id=pl.when(pl.col("kind") == "duplicate line").then("order_id").otherwise(pl.format("dirty-{}", pl.int_range(pl.len()))),
    )
    return pl.concat([places, dirt.select(places.columns)]).sort("place").drop("place")


def _written(column: str) -> pl.Expr:
    return pl.col(column).dt.strftime(_TIME)
