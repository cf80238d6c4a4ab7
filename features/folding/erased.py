"""Tables without what erased people did before they were erased."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from features.schema import TABLES, TIME

_TIMED = {table.name: table.time for table in TABLES if "customer_id" in table.columns and table.time}
Frames = dict[str, pl.DataFrame]


def people_in(tables: Mapping[str, pl.DataFrame]) -> set[str]:
    """Every customer's id in some tables."""
    columns = [frame["customer_id"] for frame in tables.values() if "customer_id" in frame.columns]
    return {customer_id for column in columns for customer_id in column.unique().to_list() if customer_id is not None}


def without_erased(tables: Mapping[str, pl.DataFrame], erased: Mapping[str, datetime]) -> Frames:
    """Rows that are not of the time before their customer was erased; undated ones are of that time."""
    if not erased:
        return dict(tables)
    gone = pl.DataFrame(
        {"customer_id": list(erased), "erased_at": list(erased.values())}, schema={"customer_id": pl.String, "erased_at": TIME}
    )
    kept = {}
    for name, frame in tables.items():
        if "customer_id" not in frame.columns:
            kept[name] = frame
        elif name in _TIMED:
            joined = frame.join(gone, on="customer_id", how="left", maintain_order="left")
            kept[name] = joined.filter(
                pl.col("erased_at").is_null() | (pl.col(_TIMED[name]) > pl.col("erased_at")).fill_null(value=False)
            ).drop("erased_at")
        else:
            kept[name] = frame.join(gone, on="customer_id", how="anti", maintain_order="left")
    return kept
