"""One row per person and campaign mailing: what was known when it was sent, and whether an answer followed while the campaign ran.

Nobody was left out by chance, so these rows can teach who answers, never what the mailing changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import TooLittleHistory
from features.warehouse import Warehouse

_MOST = 200_000  # mailings; of more, the latest: each meets all earlier orders of its customer
_WINDOW = 112  # days of "lately"
INPUTS = (
    "mailings before", "redemptions before", "campaigns redeemed before", "days since redemption", "orders lately", "spend lately",
    "coupon share of spend lately", "days since order", "lines of the campaign's products lately", "days of the campaign",
    "products of the campaign",
)  # fmt: skip


@dataclass(frozen=True)
class MailingRows:
    """Mailings whose campaign is over.

    Attributes:
        inputs: `(n, len(INPUTS))`; NaN = never.
        answers: outcome (`redeemed`, `bought`) → `(n,)` 0 or 1; only outcomes that the history can tell.
        customer: `(n,)` number of the customer.
        sent: `(n,)` microseconds since 1970.
        ended: `(n,)` end of the campaign, microseconds since 1970.
    """

    inputs: NDArray[np.float64]
    answers: dict[str, NDArray[np.float64]]
    customer: NDArray[np.int64]
    sent: NDArray[np.int64]
    ended: NDArray[np.int64]


def mailing_rows(warehouse: Warehouse, now: datetime) -> MailingRows:
    """Build the rows; nothing after a mailing's own moment enters its inputs, nothing after the campaign's end its answers.

    Args:
        warehouse: the history.
        now: the end of what was observed; campaigns that still ran then are left out.

    Raises:
        TooLittleHistory: there are no mailings of a campaign that is over.
    """
    offers = warehouse.read("offers").select("offer_id", "starts_at", "ends_at")
    sent = (
        warehouse.read("contacts").join(offers, on="offer_id").filter((pl.col("ends_at") <= now) & (pl.col("sent_at") < pl.col("ends_at")))
    )
    sent = sent.sort("sent_at", "contact_id").tail(_MOST).with_row_index("row")
    if sent.is_empty():
        raise TooLittleHistory(
            "The history holds no mailing of a campaign that is over (contacts with an offer_id, offers with their dates), "
            "so nothing can be said of answers to mailings."
        )
    redemptions, items = warehouse.read("redemptions"), warehouse.read("offer_items").select("offer_id", "product_id").unique()
    lines = warehouse.read("order_lines").select("customer_id", "ordered_at", "product_id").join(items, on="product_id", how="semi")
    met = _products_met(sent, lines, items)
    parts = [
        _mailings(sent),
        _redemptions(sent, redemptions),
        _orders(sent, warehouse.read("orders")),
        met.filter(_lately()).group_by("row").agg(pl.len().alias(INPUTS[8])),
        sent.select("row", ((pl.col("ends_at") - pl.col("sent_at")).dt.total_seconds() / 86_400).alias(INPUTS[9])),
        sent.select("row", "offer_id").join(items.group_by("offer_id").len(INPUTS[10]), on="offer_id").drop("offer_id"),
    ]
    table = sent
    for part in parts:
        table = table.join(part, on="row", how="left")
    counts = [name for name in INPUTS if not name.startswith("days since")]
    table = table.with_columns(pl.col(counts).fill_null(0.0)).sort("row")
    answers = {}
    if redemptions.height:
        taken = sent.join(redemptions.select("customer_id", "offer_id", "redeemed_at"), on=["customer_id", "offer_id"])
        answers["redeemed"] = _answered(table, taken.filter(pl.col("redeemed_at").is_between("sent_at", "ends_at", closed="right")))
    if items.height and lines.height:
        answers["bought"] = _answered(table, met.filter(pl.col("ordered_at").is_between("sent_at", "ends_at", closed="right")))
    return MailingRows(
        table.select(pl.col(INPUTS).cast(pl.Float64)).to_numpy().astype(np.float64),
        answers,
        table["customer_id"].rank("dense").cast(pl.Int64).to_numpy(),
        table["sent_at"].to_physical().to_numpy(),
        table["ends_at"].to_physical().to_numpy(),
    )


def _lately() -> pl.Expr:
    return pl.col("ordered_at").is_between(pl.col("sent_at") - pl.duration(days=_WINDOW), pl.col("sent_at"), closed="right")


def _answered(table: pl.DataFrame, answers: pl.DataFrame) -> NDArray[np.float64]:
    return table["row"].is_in(answers["row"].unique().implode()).cast(pl.Float64).to_numpy()


def _products_met(sent: pl.DataFrame, lines: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Every purchase, before or after, of a product of the campaign by a person it was sent to."""
    people = sent.select("row", "customer_id", "offer_id", "sent_at", "ends_at")
    return people.join(lines, on="customer_id").join(items, on=["offer_id", "product_id"], how="semi")


def _mailings(sent: pl.DataFrame) -> pl.DataFrame:
    others = sent.select("customer_id", other="sent_at")
    pairs = sent.select("row", "customer_id", "sent_at").join(others, on="customer_id").filter(pl.col("other") < pl.col("sent_at"))
    return pairs.group_by("row").agg(pl.len().alias(INPUTS[0]))


def _redemptions(sent: pl.DataFrame, redemptions: pl.DataFrame) -> pl.DataFrame:
    taken = redemptions.select("customer_id", "redeemed_at", other="offer_id")
    pairs = sent.select("row", "customer_id", "sent_at").join(taken, on="customer_id").filter(pl.col("redeemed_at") <= pl.col("sent_at"))
    return pairs.group_by("row").agg(
        pl.len().alias(INPUTS[1]),
        pl.col("other").n_unique().alias(INPUTS[2]),
        _days(pl.col("sent_at").first() - pl.col("redeemed_at").max()).alias(INPUTS[3]),
    )


def _orders(sent: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    made = orders.select("customer_id", "ordered_at", "amount", "coupon_discount")
    pairs = sent.select("row", "customer_id", "sent_at").join(made, on="customer_id").filter(pl.col("ordered_at") <= pl.col("sent_at"))
    spend = pl.col("amount").filter(_lately()).sum()
    return pairs.group_by("row").agg(
        _lately().sum().alias(INPUTS[4]),
        spend.alias(INPUTS[5]),
        (pl.col("coupon_discount").filter(_lately()).sum() / pl.when(spend > 0).then(spend)).alias(INPUTS[6]),
        _days(pl.col("sent_at").first() - pl.col("ordered_at").max()).alias(INPUTS[7]),
    )


def _days(span: pl.Expr) -> pl.Expr:
    return span.dt.total_seconds() / 86_400
