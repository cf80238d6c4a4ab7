"""What is missing or odd in orders and their lines, and what the import set aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding, Severity, percent
from features.warehouse import Warehouse

_SOME = 0.05  # share from which an oddity is a note
_MANY = 0.3  # share from which it is a warning


class Quality(BaseModel):
    """Counts; shares are of all orders or all order lines up to now.

    Attributes:
        orders: up to now.
        later: orders after now, which are not seen.
        anonymous: orders without a customer.
        bare: orders without any line.
        free: orders with lines whose amount is zero.
        lines: up to now.
        unlisted: lines of products that the catalogue does not know.
        given: lines whose amount is zero.
        refunds: lines given back.
        refunded: money given back ÷ money taken.
        set_aside: reason → lines that the import set aside.
        set_aside_share: of the lines read, where the import counted them.
    """

    model_config = ConfigDict(frozen=True)

    orders: int
    later: int
    anonymous: int
    bare: int
    free: int
    lines: int
    unlisted: int
    given: int
    refunds: int
    refunded: float
    set_aside: dict[str, int]
    set_aside_share: float | None

    def findings(self) -> list[Finding]:
        """What is odd, and what it means for the models."""
        orders, lines = max(self.orders, 1), max(self.lines, 1)
        found = [
            _share(
                self.anonymous / orders,
                "of the orders have no customer.",
                "They tell what is bought together (bundles), nothing about a person: no churn, no repurchase, no taste. "
                "Import customer ids, e.g. from the loyalty card.",
            ),
            _share(
                self.bare / orders,
                "of the orders have no line.",
                "They count as returns (churn), but teach no repurchase, items or bundles. Import what was bought.",
            )
            if self.lines
            else Finding(
                severity="note",
                about="quality",
                sentence="No order has a line: what was bought is unknown.",
                remedy="Churn can be learned; repurchase, items and bundles need order lines with products.",
            ),
            _share(
                self.free / orders,
                "of the orders cost nothing.",
                "Samples, exchanges or missing prices? They count as returns.",
            ),
            _share(
                self.unlisted / lines,
                "of the order lines are of products that the catalogue does not list.",
                "These products are never recommended. Import them as products, or leave them out on purpose (fees, vouchers).",
            ),
            _share(
                self.given / lines, "of the order lines cost nothing.", "Gifts, or prices that the export lost? Spend is too low by them."
            ),
            _share(
                self.refunded,
                "of the money was given back.",
                "The sale stays in the history, because it was true until the refund; amounts are gross of it.",
            ),
            _share(
                self.set_aside_share or 0.0,
                "of the lines were set aside by the import.",
                "Look at the reasons below and into the quarantine folder; repaired files can be imported again.",
            ),
        ]
        shown = [finding for finding in found if finding]
        if self.later:
            shown.append(Finding(severity="note", about="quality", sentence=f"{self.later:,} orders are after the clock and are not seen."))
        return shown or [Finding(severity="ok", about="quality", sentence="Orders and lines are complete.")]


def _share(share: float, sentence: str, remedy: str) -> Finding | None:
    if share <= 0:
        return None
    severity: Severity = "warning" if share >= _MANY else "note" if share >= _SOME else "ok"
    return Finding(severity=severity, about="quality", sentence=f"{percent(share)} {sentence}", remedy="" if severity == "ok" else remedy)


def data_quality(warehouse: Warehouse, orders: pl.DataFrame, now: datetime) -> Quality:
    """Count.

    Args:
        warehouse: the imported history.
        orders: its orders up to now.
        now: the clock.
    """
    listed = pl.scan_parquet(warehouse.path("products")).filter("in_catalogue").select("product_id", listed=pl.lit(value=True))
    lines = (
        pl.scan_parquet(warehouse.path("order_lines"))
        .filter(pl.col("ordered_at") <= now)
        .select("product_id", "amount")
        .join(listed, on="product_id", how="left")
        .select(lines=pl.len(), unlisted=pl.col("listed").is_null().sum(), given=(pl.col("amount") == 0).sum())
        .collect()
        .row(0, named=True)
    )
    refunds = pl.scan_parquet(warehouse.path("refunds")).filter(pl.col("refunded_at") <= now)
    back = refunds.select(count=pl.len(), amount=pl.col("amount").sum()).collect().row(0, named=True)
    paid = float(orders["amount"].sum())
    read = _count(warehouse.report, "lines read")
    aside = _set_aside(warehouse)
    return Quality(
        orders=orders.height,
        later=int(warehouse.report["rows"]["orders"]) - orders.height,
        anonymous=orders["customer_id"].null_count(),
        bare=int((orders["line_count"] == 0).sum()),
        free=int(((orders["amount"] == 0) & (orders["line_count"] > 0)).sum()),
        lines=lines["lines"],
        unlisted=lines["unlisted"] if warehouse.report["rows"]["products"] else 0,
        given=lines["given"],
        refunds=back["count"],
        refunded=back["amount"] / paid if paid else 0.0,
        set_aside=aside,
        set_aside_share=(_count(warehouse.report, "lines in quarantine") or sum(aside.values())) / read if read else None,
    )


def _set_aside(warehouse: Warehouse) -> dict[str, int]:
    """Reasons of the quarantine and of the lines excluded in the history itself, the commonest first."""
    excluded = pl.scan_parquet(warehouse.path("excluded_lines")).group_by("reason").len().collect()
    told: Mapping[str, Any] = warehouse.report.get("reasons", {})
    reasons = {**dict(excluded.iter_rows()), **{str(reason): int(count) for reason, count in told.items()}}
    return dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))


def _count(report: Mapping[str, Any], name: str) -> int:
    return int(report.get("counts", {}).get(name, 0))
