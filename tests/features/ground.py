"""Evaluates a feature view on tables in memory, and holds two evaluations against each other."""

from __future__ import annotations

from datetime import datetime

import ibis
import numpy as np
import polars as pl

from features.definitions.category_cycle import CATEGORY_CYCLE, pair_spine
from features.definitions.view import FeatureView
from features.engine import Shop
from features.units import units_of

# Sums over one window may be added up in another order when other rows stand around them; nothing larger is forgiven.
TOLERANCE = 1e-9
SHOP_TABLES = (
    "orders",
    "order_lines",
    "products",
    "customers",
    "contacts",
    "offers",
    "redemptions",
    "refunds",
    "interactions",
    "activities",
)


def shop_of(tables: dict[str, pl.DataFrame], *, first_event: datetime | None = None, empty: frozenset[str] = frozenset()) -> Shop:
    """The tables as a shop; `first_event` is that of the orders unless given."""
    first = first_event or tables["orders"]["ordered_at"].min()
    assert isinstance(first, datetime)
    units = units_of(tables["products"])
    return Shop(
        **{name: ibis.memtable(tables[name]) for name in SHOP_TABLES},
        units=ibis.memtable(units.table),
        unit_days=units.purchase_days,
        first_event=first,
        empty=empty,
    )


def spine_of(tables: dict[str, pl.DataFrame], dates: list[datetime], customers: list[str] | None = None) -> pl.DataFrame:
    """Every customer (who ever orders, by default) at every date."""
    ids = customers or tables["orders"]["customer_id"].drop_nulls().unique().sort().to_list()
    frame = pl.DataFrame({"as_of": dates}, schema={"as_of": pl.Datetime("us", "UTC")})
    return pl.DataFrame({"customer_id": ids}).join(frame, how="cross").select("customer_id", "as_of")


def evaluate(view: FeatureView, shop: Shop, spine: pl.DataFrame) -> pl.DataFrame:
    """The view at the spine's customers and dates, sorted by key."""
    table = ibis.memtable(spine)
    if view.keys != ("customer_id",):
        assert view.name == CATEGORY_CYCLE.name, f"say here how the spine of {view.name} is made"
        table = pair_spine(shop, table)
    return view.build(shop, table).to_polars().sort(*view.keys, "as_of")


def assert_same(found: pl.DataFrame, expected: pl.DataFrame, keys: tuple[str, ...]) -> None:
    """Equal keys, equal nulls, equal values."""
    by = [*keys, "as_of"]
    found, expected = found.sort(by), expected.sort(by)
    assert found.columns == expected.columns
    assert found.select(by).equals(expected.select(by)), "the rows differ"
    for name in found.columns:
        if name in by:
            continue
        assert found[name].is_null().equals(expected[name].is_null()), f"{name}: nulls differ"
        left, right = (f[name].fill_null(0.0).to_numpy().astype(np.float64) for f in (found, expected))
        np.testing.assert_allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
