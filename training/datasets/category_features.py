"""Features of customer × category at chosen as-of dates, computed from the history in one pass."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import polars as pl
from ibis.expr.types import Table

from features.build import customer_spine
from features.definitions.category_cycle import CATEGORY_CYCLE, KEYS, pair_spine
from features.definitions.purchasing import PURCHASING
from features.engine import Shop, open_engine, open_shop
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS


def category_features(
    settings: FeatureSettings,
    warehouse: Warehouse,
    wanted: Mapping[datetime, int | None],
    *,
    excluded_categories: Collection[str],
    seed: int,
) -> pl.DataFrame:
    """Features of the pairs bought before each date.

    Args:
        settings: engine, threads, memory.
        warehouse: the history.
        wanted: as-of date → how many of its pairs are drawn, about; None for every pair.
        excluded_categories: categories that are no merchandise.
        seed: of the sample.

    Returns:
        `customer_id`, `product_category`, `as_of`, the category inputs and, with the prefix `customer_`, the customer inputs; sorted by
        date, customer and category.
    """
    backend = open_engine(settings)
    shop = open_shop(backend, warehouse)
    with tempfile.TemporaryDirectory() as folder:
        # Parquet between the steps: the engine would otherwise compute a spine once for every place that reads it.
        customers, pairs = Path(folder) / "customers.parquet", Path(folder) / "pairs.parquet"
        customer_spine(warehouse, list(wanted)).write_parquet(customers)
        own_spine = backend.read_parquet(customers)
        _pairs(shop, own_spine, wanted, excluded_categories=excluded_categories, seed=seed).write_parquet(pairs)
        table = CATEGORY_CYCLE.build(shop, backend.read_parquet(pairs))
        cycle: pl.DataFrame = table.select(*KEYS, "as_of", *CATEGORY_INPUTS).to_polars()
        own: pl.DataFrame = PURCHASING.build(shop, own_spine).select("customer_id", "as_of", *CUSTOMER_INPUTS).to_polars()
    own = own.rename({name: f"customer_{name}" for name in CUSTOMER_INPUTS})
    joined = cycle.join(own, on=["customer_id", "as_of"], how="left")
    return joined.sort("as_of", *KEYS)  # the engine's order is not stable, the fit's rows must be


def category_pairs(
    settings: FeatureSettings,
    warehouse: Warehouse,
    wanted: Mapping[datetime, int | None],
    *,
    excluded_categories: Collection[str],
    seed: int,
) -> pl.DataFrame:
    """The very pairs of `category_features`, without their features: `customer_id`, `product_category`, `as_of`, in the same order."""
    shop = open_shop(open_engine(settings), warehouse)
    customers = ibis.memtable(customer_spine(warehouse, list(wanted)))
    return _pairs(shop, customers, wanted, excluded_categories=excluded_categories, seed=seed)


def _pairs(
    shop: Shop, customers: Table, wanted: Mapping[datetime, int | None], *, excluded_categories: Collection[str], seed: int
) -> pl.DataFrame:
    return _sample(pair_spine(shop, customers, excluded_categories=excluded_categories).to_polars(), wanted, seed=seed)


def _sample(spine: pl.DataFrame, wanted: Mapping[datetime, int | None], *, seed: int) -> pl.DataFrame:
    spine = spine.sort("as_of", *KEYS)
    drawn = pl.col("as_of").replace_strict(list(wanted), list(wanted.values()), return_dtype=pl.Float64)
    share = spine.select((drawn / pl.len().over("as_of")).fill_null(1.0)).to_series().to_numpy()
    return spine.filter(pl.Series(np.random.default_rng(seed).random(spine.height) < share))
