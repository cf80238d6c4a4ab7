"""The same shop several times over: every customer, order and message copied under new ids, for a look at how cost grows."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from features.import_consent import ImportConsent
from features.schema import TABLES
from features.settings import FeatureSettings
from features.warehouse import Warehouse, write_warehouse

_COPIED = ("customer_id", "order_id", "contact_id", "redemption_id")  # products and campaigns stay the shop's own


def larger_shop(warehouse: Warehouse, copies: int, data_dir: Path) -> FeatureSettings:
    """Write a shop with `copies` times the customers and events of `warehouse` into `data_dir`."""
    tables = {}
    for table in TABLES:
        frame = warehouse.read(table.name)
        ids = [c for c in _COPIED if c in frame.columns]
        repeats = [frame.with_columns(pl.col(ids) + f"#{i}") for i in range(copies)] if ids else [frame]
        tables[table.name] = pl.concat(repeats)
    settings = FeatureSettings(data_dir=data_dir, threads=2)
    write_warehouse(settings, tables, {"source": "copies"}, {"copies": copies}, consent=ImportConsent.GRANTED)
    return settings
