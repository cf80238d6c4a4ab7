"""The whole look at a history, room by room."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.clock import Clock, order_clock
from features.history.concentration import Concentration, concentration
from features.history.finding import Finding
from features.history.holdings import Holdings, holdings
from features.history.pauses import Pauses, unusual_pauses
from features.history.quality import Quality, data_quality
from features.history.rhythm import Rhythm, return_rhythm
from features.history.volume import Volume, weekly_volume
from features.warehouse import Warehouse

_ORDER = {"warning": 0, "note": 1, "ok": 2}


class Examination(BaseModel):
    """What was seen. Rooms about orders are None where there is no order up to now.

    Attributes:
        source: what the import called itself.
        now: the clock; None where no order sets one and none was given.
        first, last: time of the first and last order up to now.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    now: datetime | None
    first: datetime | None
    last: datetime | None
    holdings: Holdings
    volume: Volume | None = None
    pauses: Pauses | None = None
    rhythm: Rhythm | None = None
    clock: Clock | None = None
    quality: Quality | None = None
    concentrations: tuple[Concentration, ...] = ()

    def findings(self) -> list[Finding]:
        """All findings, the gravest first."""
        rooms = (self.pauses, self.quality, self.rhythm, self.clock, *self.concentrations, self.holdings)
        found = [finding for room in rooms if room is not None for finding in room.findings()]
        if self.volume is not None and self.pauses is not None:
            found = [*self.volume.findings(self.pauses), *found]
        else:
            sentence = "The history holds no order." if self.now is None else f"There is no order up to {self.now:%Y-%m-%d}."
            found.insert(0, Finding(severity="warning", about="volume", sentence=sentence, remedy="Every model learns from orders."))
        return sorted(found, key=lambda finding: _ORDER[finding.severity])


def examine(
    warehouse: Warehouse,
    now: datetime | None = None,
    *,
    excluded_categories: Collection[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Examination:
    """Look at an imported history.

    Args:
        warehouse: the history; it need not hold orders, products or customers.
        now: the clock; nothing after it is seen. The last order by default.
        excluded_categories: categories that the assumptions call no merchandise; the concentration over products leaves them out.
        tell: progress.
    """
    tell("what the tables hold")
    held = holdings(warehouse)
    orders = warehouse.read("orders")
    now = now or orders["ordered_at"].max()  # type: ignore[assignment]
    orders = orders.filter(pl.col("ordered_at") <= now) if now else orders
    source = str(warehouse.report.get("source", "your shop"))
    if now is None or orders.is_empty():
        tell("interactions")
        return Examination(source=source, now=now, first=None, last=None, holdings=held, concentrations=_interacting(warehouse))
    tell("weeks, pauses and returns")
    return Examination(
        source=source,
        now=now,
        first=orders["ordered_at"].min(),
        last=orders["ordered_at"].max(),
        holdings=held,
        volume=weekly_volume(orders, now),
        pauses=unusual_pauses(orders, now),
        rhythm=return_rhythm(orders),
        clock=order_clock(orders),
        quality=data_quality(warehouse, orders, now),
        concentrations=_buying(warehouse, orders, now, excluded_categories),
    )


def _buying(warehouse: Warehouse, orders: pl.DataFrame, now: datetime, excluded: Collection[str]) -> tuple[Concentration, ...]:
    fees = pl.scan_parquet(warehouse.path("products")).filter(pl.col("product_category").is_in(list(excluded)))
    lines = pl.scan_parquet(warehouse.path("order_lines")).filter(pl.col("ordered_at") <= now).join(fees, on="product_id", how="anti")
    customers = orders.drop_nulls("customer_id").group_by(id="customer_id").agg(revenue=pl.col("amount").sum(), orders=pl.len())
    products = lines.group_by(id="product_id").agg(revenue=pl.col("amount").sum(), orders=pl.len()).collect()
    spreads = [
        concentration(frame.select("id", amount=of), of={"orders": "order lines"}.get(of, of) if over == "product" else of, over=over)
        for frame, over in ((customers, "customer"), (products, "product"))
        for of in ("revenue", "orders")
    ]
    return tuple(spread for spread in spreads if spread)


def _interacting(warehouse: Warehouse) -> tuple[Concentration, ...]:
    rows = pl.scan_parquet(warehouse.path("interactions"))
    spreads = [
        concentration(
            rows.drop_nulls(column).group_by(id=column).agg(amount=pl.len()).collect(), of="interactions", over=column.removesuffix("_id")
        )
        for column in ("customer_id", "product_id", "bundle_id")
    ]
    return tuple(spread for spread in spreads if spread)
