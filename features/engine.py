"""Opens the Ibis backend that computes features, and the shop's history on it.

The definitions use only what DuckDB and Spark both run (grouped sums and range windows, no ASOF join); another backend is one more case in
`open_engine`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import ibis
import polars as pl

from features.settings import FeatureSettings
from features.units import read_units
from features.warehouse import Warehouse

_PERSONAL = ("orders", "order_lines", "customers", "contacts", "redemptions", "refunds", "interactions", "activities")


@dataclass(frozen=True)
class Shop:
    """The shop's history as Ibis tables of one backend.

    Attributes:
        orders, order_lines, products, customers, contacts, offers, redemptions, refunds, interactions, activities: tables of
            `features.schema`.
        units: what is bought again (`features.units`): `product_id`, `product_category`.
        unit_days: different days on which a customer must have bought a unit before its next purchase is forecast.
        first_event: time of the shop's first order, UTC: features count the days observed from it.
        empty: names of tables that hold no row, so that a view of events the shop does not have costs nothing.
    """

    orders: ibis.Table
    order_lines: ibis.Table
    products: ibis.Table
    customers: ibis.Table
    contacts: ibis.Table
    offers: ibis.Table
    redemptions: ibis.Table
    refunds: ibis.Table
    interactions: ibis.Table
    activities: ibis.Table
    units: ibis.Table
    unit_days: int
    first_event: datetime
    empty: frozenset[str] = frozenset()

    def of_customers(self, customer_ids: list[str]) -> Shop:
        """The same history, of these customers only: what one customer's refresh reads."""
        return self._where(lambda table: table.filter(table.customer_id.isin(customer_ids)))

    def of_spine(self, spine: ibis.Table) -> Shop:
        """The same history, of the customers in a table with `customer_id`, however many."""
        return self._where(lambda table: table.semi_join(spine, "customer_id"))

    def _where(self, mine: Callable[[ibis.Table], ibis.Table]) -> Shop:
        return replace(self, **{name: mine(getattr(self, name)) for name in _PERSONAL})


def open_engine(settings: FeatureSettings) -> Any:  # noqa: ANN401 - Ibis backends share no public base type
    """Open the backend named by the settings."""
    match settings.engine:
        case "duckdb":
            return ibis.duckdb.connect(
                threads=settings.threads,
                memory_limit=f"{settings.memory_limit_mb}MB",
                temp_directory=str(settings.data_dir / ".spill"),  # beside the data: the working folder may not be writable
            )


def open_shop(backend: Any, warehouse: Warehouse) -> Shop:  # noqa: ANN401
    """Read the warehouse's Parquet files on a backend (lazily)."""
    names = ("orders", "order_lines", "products", "customers", "contacts", "offers", "redemptions", "refunds", "interactions", "activities")
    units = read_units(warehouse)
    return Shop(
        **{n: backend.read_parquet(warehouse.path(n)) for n in names},
        units=ibis.memtable(units.table),
        unit_days=units.purchase_days,
        first_event=warehouse.first_event,
        empty=frozenset(n for n in names if not pl.scan_parquet(warehouse.path(n)).select(pl.len()).collect().item()),
    )
