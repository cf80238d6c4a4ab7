"""Order lines of all files → orders, order lines and refunds; lines that make no sense beside the others are faults."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from features.sources.tabular.order_totals import divided
from features.sources.tabular.raw_file import LINE
from features.sources.tabular.refunds import match_refunds

FAULT = ("origin", LINE, "column", "reason")
_DAY = pl.duration(days=1)


@dataclass(frozen=True)
class OrderHistory:
    """What the order files say together.

    Attributes:
        orders: as `features.schema.ORDERS`.
        order_lines: as `features.schema.ORDER_LINES`, with the product's facts beside it (`product_name`, `product_category`, …).
        refunds: as `features.schema.REFUNDS`.
        faults: `origin`, `huitou_line`, `column`, `reason` of lines set aside here.
        counts: what happened to the lines, for the report.
    """

    orders: pl.DataFrame
    order_lines: pl.DataFrame
    refunds: pl.DataFrame
    faults: pl.DataFrame
    counts: dict[str, int]


def order_history(rows: pl.DataFrame, catalogue: pl.Series | None) -> OrderHistory:
    """Put order lines together.

    Args:
        rows: fields of `kinds.ORDERS`, `origin`, `huitou_line`, `has_product` (the file has a column of products), `takes_back` (its order
            id is one of a cancellation), `charge` (no merchandise), `unknown_kept` (a product missing from the catalogue is kept),
            `of_order` (its amount is that of the whole order), `_age` (place of its file).
        catalogue: ids of the product files, or None where there are none.
    """
    lines = _signed(rows)
    faults = [_faults(lines, mask, column, reason) for mask, column, reason in _nonsense(catalogue)]
    lines = lines.join(pl.concat(faults).select("origin", LINE), on=["origin", LINE], how="anti", maintain_order="left")
    lines = _orders_apart(divided(_with_order_ids(lines)))
    sales = lines.filter(~pl.col("back")).with_columns(pl.int_range(pl.len()).over("order_id").alias("line_number"))
    back = lines.filter("back").with_row_index("row")
    matched = match_refunds(back, sales.filter(pl.col("product_id").is_not_null()))
    known = matched.group_by("row").agg(pl.col("sale_order_id").is_not_null().any().alias("found"))
    back = back.join(known, on="row", how="left").with_columns(pl.col("found").fill_null(value=False))
    lost = ~pl.col("found") & ~pl.col("takes_back")
    faults.extend(
        _faults(back, lost & (pl.col("negative") == column), column, f"negative {column} that is no refund of an earlier sale")
        for column in ("quantity", "amount")
    )
    refunds = _refunds(back.filter(~lost), matched)
    counts = {
        "order lines kept": sales.height,
        "lines without a customer, kept for baskets": sales["customer_id"].null_count(),
        "refund lines matched to their sales": back.filter(pl.col("found")).height,
        "refund lines whose sale is not in the history": back.filter(~pl.col("found") & pl.col("takes_back")).height,
        "lines of charges, never recommended": sales.filter("charge").height,
    }
    orders = _orders(sales)
    heads = orders.select("order_id", "customer_id", "ordered_at")
    order_lines = sales.filter(pl.col("product_id").is_not_null()).drop("customer_id", "ordered_at").join(heads, on="order_id")
    return OrderHistory(orders, order_lines, refunds, pl.concat(faults), {"orders": orders.height, **counts})


def _signed(rows: pl.DataFrame) -> pl.DataFrame:
    """Quantities and amounts above zero, and which lines take something back."""
    quantity = pl.col("quantity").fill_null(1.0)
    amount = pl.coalesce("amount", pl.col("unit_price") * quantity, pl.lit(0.0))
    negative = pl.when(quantity < 0).then(pl.lit("quantity")).when(amount < 0).then(pl.lit("amount"))
    return rows.with_columns(
        pl.col("discount").fill_null(0.0) + pl.col("coupon_discount").fill_null(0.0),
        pl.col("coupon_discount").fill_null(0.0),
        quantity=quantity.abs(),
        amount=amount.abs(),
        negative=negative,
        back=negative.is_not_null() | pl.col("takes_back"),
    )


def _nonsense(catalogue: pl.Series | None) -> list[tuple[pl.Expr, str, str]]:
    found = [
        (pl.col("quantity") == 0, "quantity", "quantity of zero"),
        (pl.col("has_product") & pl.col("product_id").is_null(), "product_id", "no product"),
        (pl.col("order_id").is_null() & pl.col("customer_id").is_null(), "customer_id", "neither an order id nor a customer"),
    ]
    if catalogue is not None:
        unknown = pl.col("product_id").is_not_null() & ~pl.col("product_id").is_in(catalogue.implode())
        found.append((unknown & ~pl.col("unknown_kept") & ~pl.col("charge"), "product_id", "unknown product (not in the product files)"))
    return found


def _faults(lines: pl.DataFrame, mask: pl.Expr, column: str, reason: str) -> pl.DataFrame:
    return lines.filter(mask).select("origin", LINE, pl.lit(column).alias("column"), pl.lit(reason).alias("reason"))


def _with_order_ids(lines: pl.DataFrame) -> pl.DataFrame:
    # Without order ids, what a customer buys at one moment is one order.
    made = pl.concat_str("customer_id", pl.lit("@"), pl.col("ordered_at").dt.strftime("%Y%m%dT%H%M%S"))
    return lines.with_columns(pl.coalesce("order_id", made).alias("order_id"))


def _orders_apart(lines: pl.DataFrame) -> pl.DataFrame:
    """Tills count from one every morning: an id that spans days or customers is several orders; a later refund under its id is none."""
    spans = (
        lines.filter(~pl.col("back"))
        .group_by("order_id")
        .agg(
            (pl.col("customer_id").drop_nulls().n_unique() > 1).alias("_shared"),
            ((pl.col("ordered_at").max() - pl.col("ordered_at").min()) > _DAY).alias("_long"),
        )
    )
    reused = spans.filter(pl.col("_shared") | pl.col("_long")).select("order_id")
    if reused.is_empty():
        return lines
    day = pl.col("ordered_at").dt.strftime("%Y%m%d")
    apart = pl.concat_str("order_id", pl.lit("/"), day, pl.lit("/"), pl.col("customer_id").fill_null(""))
    return lines.with_columns(
        pl.when(pl.col("order_id").is_in(reused["order_id"].implode())).then(apart).otherwise(pl.col("order_id")).alias("order_id")
    )


def _orders(sales: pl.DataFrame) -> pl.DataFrame:
    return sales.group_by("order_id").agg(
        pl.col("customer_id").drop_nulls().first(),
        pl.col("ordered_at").min(),
        pl.col("store_id").drop_nulls().first(),
        pl.col("amount", "discount", "coupon_discount", "quantity").sum(),
        pl.col("product_id").count().cast(pl.Int64).alias("line_count"),
    )


def _refunds(back: pl.DataFrame, matched: pl.DataFrame) -> pl.DataFrame:
    parts = back.select("row", "order_id", "customer_id", "ordered_at", "product_id", "amount", whole="quantity")
    parts = parts.join(matched, on="row", how="left").with_columns(pl.col("quantity").fill_null(pl.col("whole")))
    return parts.select(
        pl.col("order_id").alias("refund_id"),
        pl.int_range(pl.len()).over("order_id").alias("line_number"),
        "customer_id",
        pl.col("ordered_at").alias("refunded_at"),
        "product_id",
        "quantity",
        (pl.col("amount") * pl.col("quantity") / pl.col("whole")).alias("amount"),
        pl.col("sale_order_id").alias("order_id"),
        pl.col("sale_line_number").alias("order_line_number"),
    )
