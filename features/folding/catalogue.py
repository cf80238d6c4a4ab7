"""The product table with what was fed over the API on top: documents, stock, and products that only events know."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from features.schema import PRODUCTS

_FROM_DOCUMENT = ("name", "product_category", "department", "brand", "product_type", "package_size")


def merge_products(
    products: pl.DataFrame, lines: pl.DataFrame, documents: Mapping[str, str], stock: Mapping[str, int | None]
) -> pl.DataFrame:
    """Products of the history.

    Args:
        products: as imported.
        lines: every order line: what was sold is known, even if no catalogue has it; it is never recommended.
        documents: id → JSON of `PUT /v1/products`; what a document says replaces what was imported.
        stock: id → pieces, None where the shop takes its figure back.
    """
    sold = lines.select("product_id").unique().join(products, on="product_id", how="anti").with_columns(in_catalogue=pl.lit(value=False))
    found = pl.concat([products, sold], how="diagonal")
    if documents:
        found = _documented(found, documents)
    if stock:
        levels = pl.DataFrame(
            {"product_id": list(stock), "level": list(stock.values())}, schema={"product_id": pl.String, "level": pl.Int64}
        )
        told = pl.col("product_id").is_in(list(stock))
        found = (
            found.join(levels, on="product_id", how="left")
            .with_columns(stock=pl.when(told).then(pl.col("level")).otherwise(pl.col("stock")))
            .drop("level")
        )
    return found.select(*PRODUCTS.columns)


def _documented(products: pl.DataFrame, documents: Mapping[str, str]) -> pl.DataFrame:
    rows = []
    for product_id, body in documents.items():
        told = json.loads(body)
        rows.append({"product_id": product_id, **{c: told.get(c) for c in _FROM_DOCUMENT}, "listed": bool(told.get("in_catalogue", True))})
    schema = {"product_id": pl.String, **dict.fromkeys(_FROM_DOCUMENT, pl.String), "listed": pl.Boolean}
    fed = pl.DataFrame(rows, schema=schema)
    both = products.join(fed, on="product_id", how="full", coalesce=True, suffix="_fed")
    return both.with_columns(
        *(pl.coalesce(f"{c}_fed", c).alias(c) for c in _FROM_DOCUMENT),
        in_catalogue=pl.coalesce("listed", "in_catalogue"),
    ).select(products.columns)
