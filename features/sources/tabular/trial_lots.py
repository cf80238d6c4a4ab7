"""Which rows of a shop's past trials say anything of effects: those where chance decided, whose customer and outcome the history knows."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from features.sources.tabular.order_history import FAULT

_SHOWS_WITHIN = timedelta(days=7)  # of the history after the message: less would take an outcome that is not known for none
_KEY = ("customer_id", "sent_at", "offer_id")


def told_by_lot(rows: pl.DataFrame, orders: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sort the rows.

    Args:
        rows: of the kind `trials`, with `origin` and `huitou_line`.
        orders: of the history; None where it has none.

    Returns:
        Rows to keep, the newest of each customer, moment and offer; and `origin`, `huitou_line`, `column`, `reason` of the others: no
        chance strictly between 0 and 1, a customer without an order before, a moment outside the history, an offer of one group only.
    """
    firsts = pl.DataFrame(schema={"customer_id": pl.String, "first": pl.Datetime("us", "UTC")})
    last = None
    if orders is not None and not orders.is_empty():
        firsts = (
            orders.drop_nulls("customer_id").group_by("customer_id").agg(first=pl.col("ordered_at").min().cast(pl.Datetime("us", "UTC")))
        )
        last = orders["ordered_at"].max()
    known = rows.join(firsts, on="customer_id", how="left", maintain_order="left")
    over = pl.col("sent_at") + _SHOWS_WITHIN <= pl.lit(last, dtype=pl.Datetime("us", "UTC"))
    alone = (pl.col("chance") <= 0) | (pl.col("chance") >= 1)
    lacking = {
        "unknown customer: no order in the history": ("customer_id", pl.col("first").is_null()),
        "outside the history: before the customer's first order": ("sent_at", pl.col("first") > pl.col("sent_at")),
        "outside the history: it ends within 7 days": ("sent_at", ~over.fill_null(value=False)),
        "no chance: it must lie strictly between 0 and 1": ("chance", alone),
    }
    faults = [_told(known.filter(which.fill_null(value=False)), column, reason) for reason, (column, which) in lacking.items()]
    bad = pl.concat(faults)
    good = known.join(bad, on=["origin", "huitou_line"], how="anti", maintain_order="left")
    groups = pl.col("sent").n_unique().over("offer_id")
    faults.append(_told(good.filter(groups < 2), "sent", "no control: of this offer there is one group only"))
    kept = good.filter(groups == 2).unique(_KEY, keep="last", maintain_order=True)
    return kept, pl.concat(faults)


def _told(rows: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
    return rows.with_columns(pl.lit(column).alias("column"), pl.lit(reason).alias("reason")).select(FAULT)
