"""Refunds that came as events, completed from the sale they take back."""

from __future__ import annotations

import polars as pl

from features.schema import REFUNDS


def completed_refunds(refunds: pl.DataFrame, lines: pl.DataFrame, imported: pl.DataFrame) -> pl.DataFrame:
    """Fill in what an event does not say: the sale's line, the amount; a refund of a whole order becomes one row a line.

    Shops send "Order Cancelled" and "Order Refunded" for one sale, or repeat in events what their files tell: of one sale's line no more is
    taken back than was sold.

    Args:
        refunds: rows of `features.folding.rows`; without a product they stand for the whole order.
        lines: every order line of the history.
        imported: refunds that the shop's files tell of; they come first.

    Returns:
        Rows of the table `refunds`. One whose sale is not in the history keeps what it says and names no order.
    """
    if refunds.is_empty():
        return REFUNDS.empty()
    sales = lines.select(
        "order_id",
        pl.col("product_id").alias("sold"),
        pl.col("line_number").alias("sale_line"),
        pl.col("quantity").alias("sold_quantity"),
        pl.col("amount").alias("sold_amount"),
    )
    base = refunds.drop("order_line_number")
    whole = base.filter(pl.col("product_id").is_null()).join(sales, on="order_id", how="left")
    single = base.filter(pl.col("product_id").is_not_null()).join(
        sales.unique(("order_id", "sold"), keep="first", maintain_order=True),
        left_on=("order_id", "product_id"),
        right_on=("order_id", "sold"),
        how="left",
    )
    known = pl.col("sale_line").is_not_null()
    total = pl.col("sold_amount").sum().over("refund_id")
    paid_back = (
        pl.when((pl.col("amount") > 0) & (total > 0))
        .then(pl.col("amount") * pl.col("sold_amount") / total)
        .otherwise(pl.col("sold_amount"))
    )
    of_whole = whole.with_columns(
        product_id=pl.col("sold"),
        quantity=pl.coalesce("sold_quantity", "quantity"),
        amount=pl.when(known).then(paid_back).otherwise(pl.col("amount")),
        line_number=pl.int_range(pl.len()).over("refund_id").cast(pl.Int64),
    )
    share = pl.col("sold_amount") * (pl.col("quantity") / pl.col("sold_quantity")).clip(0.0, 1.0)
    of_single = single.with_columns(amount=pl.when((pl.col("amount") > 0) | ~known).then(pl.col("amount")).otherwise(share))
    both = pl.concat([of_whole.drop("sold"), of_single], how="diagonal")
    named = both.with_columns(order_line_number=pl.col("sale_line"), order_id=pl.when(known).then(pl.col("order_id")).otherwise(None))
    return _within_the_sale(named, imported).select(pl.col(c).cast(t) for c, t in REFUNDS.columns.items())


def _within_the_sale(refunds: pl.DataFrame, imported: pl.DataFrame) -> pl.DataFrame:
    """Refunds cut to what is left of their sale's line, the earlier before the later; those that nothing is left for go."""
    line = ("order_id", "order_line_number")
    told = imported.filter(pl.col("order_line_number").is_not_null()).group_by(line).agg(pl.col("quantity").sum().alias("told"))
    ordered = refunds.sort("refunded_at", "refund_id", "line_number").join(told, on=line, how="left", maintain_order="left")
    before = pl.col("quantity").cum_sum().over(line) - pl.col("quantity") + pl.col("told").fill_null(0.0)
    of_sale = pl.col("sale_line").is_not_null()
    left = pl.when(of_sale).then(pl.min_horizontal("quantity", pl.col("sold_quantity") - before)).otherwise(pl.col("quantity"))
    return (
        ordered.with_columns(left=left)
        .filter(pl.col("left") > 0)
        .with_columns(quantity=pl.col("left"), amount=pl.col("amount") * pl.col("left") / pl.col("quantity"))
    )
