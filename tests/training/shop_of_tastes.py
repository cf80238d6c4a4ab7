"""A small invented shop: two tastes that hardly overlap, pairs that are bought together, and things that are no merchandise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.permitted import write_warehouse
from training.recipe import TrainingData

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
ITEMS = 40  # p00..p19 belong to taste 0, p20..p39 to taste 1
PAIRS = {0: ("p00", "p01"), 1: ("p20", "p21")}


def settings_at(folder: Path) -> FeatureSettings:
    return FeatureSettings(data_dir=folder, threads=1)


def data_of(warehouse: Warehouse) -> TrainingData:
    return TrainingData(settings_at(warehouse.folder.parent.parent), warehouse, warehouse.last_event, seed=3)


def write_lines(folder: Path, lines: pl.DataFrame, products: pl.DataFrame | None = None) -> Warehouse:
    """Write order lines (`order_id`, `customer_id`, `ordered_at`, `product_id`) with whatever else the schema asks for."""
    lines = lines.with_columns(
        pl.int_range(pl.len()).over("order_id").alias("line_number"), quantity=pl.lit(1.0), amount=pl.lit(2.0), discount=pl.lit(0.0)
    )
    orders = lines.group_by("order_id", maintain_order=True).agg(
        pl.col("customer_id", "ordered_at").first(),
        pl.lit("s").alias("store_id"),
        pl.col("amount").sum(),
        pl.lit(0.0).alias("discount"),
        pl.lit(0.0).alias("coupon_discount"),
        pl.len().alias("line_count"),
        pl.col("quantity").sum(),
    )
    if products is None:
        products = product_frame(sorted(set(lines["product_id"].to_list())))
    tables = {"order_lines": lines, "orders": orders, "products": products}
    return write_warehouse(settings_at(folder), tables, {}, {"made": lines.height})


def product_frame(ids: list[str], categories: dict[str, str] | None = None, hidden: frozenset[str] = frozenset()) -> pl.DataFrame:
    text = pl.lit(None, dtype=pl.String)
    return pl.DataFrame(
        {
            "product_id": ids,
            "product_category": [(categories or {}).get(p, "GOODS") for p in ids],
            "product_type": [f"type {p}" for p in ids],
            "in_catalogue": [p not in hidden for p in ids],
        }
    ).with_columns(name=text, department=text, brand=text, package_size=text, stock=pl.lit(None, dtype=pl.Int64))


def draw_lines(*, customers: int = 80, weeks: int = 20, seed: int = 5, repeats: bool = True) -> pl.DataFrame:
    """Draw orders of about four products, in some weeks or in all, as the customer's habit is; every second one holds their taste's pair.

    Customers come back to three favourites unless `repeats` is off: then nobody buys anything twice.
    """
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        taste = customer % 2
        own = [f"p{i:02d}" for i in range(20 * taste, 20 * taste + 20)]
        favourites = random.choice(own[2:], 3, replace=False).tolist()
        left = random.permutation(own).tolist()
        for week in np.flatnonzero(random.random(weeks) < random.uniform(0.3, 1.0)).tolist():
            at = START + timedelta(days=7 * week + float(random.random() * 6))
            basket = {left.pop()} if left else set()
            if repeats:
                basket = {*random.choice(own, 2, replace=False).tolist(), random.choice(favourites).item()}
                basket |= set(PAIRS[taste]) if random.random() < 0.5 else set()
                basket |= {f"p{random.integers(0, ITEMS):02d}"} if random.random() < 0.1 else set()
            rows += [(f"o{customer}-{week}", f"c{customer:03d}", at, p) for p in sorted(basket)]
    schema = {"order_id": pl.String, "customer_id": pl.String, "ordered_at": pl.Datetime("us", "UTC"), "product_id": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
