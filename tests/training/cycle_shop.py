"""A small shop grown from a seed in which every customer needs every category at a pace of their own, with noise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.permitted import write_warehouse

START = datetime(2023, 1, 1, 9, tzinfo=UTC)
CATEGORIES = tuple(f"CATEGORY {letter}" for letter in "ABCDEFGH")
NO_MERCHANDISE = "COUPONS"


def baskets(customers: int, weeks: int, *, seed: int = 3) -> list[tuple[str, datetime, str, float]]:
    """(customer, time, category, quantity): purchases at intervals that scatter around the pair's own."""
    rng = np.random.default_rng(seed)
    found = []
    for customer in range(customers):
        for number, category in enumerate(CATEGORIES):
            pace = float(rng.uniform(4, 12) * (1 + number))
            day = float(rng.uniform(0, pace))
            while day < weeks * 7:
                found.append((f"c{customer:03d}", START + timedelta(days=day), category, float(rng.integers(1, 4))))
                day += pace * float(rng.gamma(8, 1 / 8))
    return found


def write_baskets(data_dir: Path, bought: list[tuple[str, datetime, str, float]]) -> tuple[FeatureSettings, Warehouse]:
    """Write purchases as orders of one line each; the category "" stands for a product without one."""
    settings = FeatureSettings(data_dir=data_dir, threads=1, memory_limit_mb=512)
    lines = pl.DataFrame(bought, schema=["customer_id", "ordered_at", "product_category", "quantity"], orient="row").sort("ordered_at")
    lines = lines.with_row_index("number").with_columns(
        order_id=pl.format("o{}", "number"),
        line_number=pl.lit(0),
        product_id=pl.format("p {}", "product_category"),
        amount=pl.col("quantity") * 2.5,
        discount=pl.lit(0.0),
    )
    products = lines.select("product_id", "product_category").unique().sort("product_id")
    products = products.with_columns(
        pl.col("product_category").replace({"": None}),
        in_catalogue=pl.lit(value=True),
        department=pl.lit(None),
        brand=pl.lit(None),
        product_type=pl.lit(None),
        name=pl.lit(None),
        package_size=pl.lit(None),
        stock=pl.lit(None),
    )
    orders = lines.with_columns(store_id=pl.lit("s"), coupon_discount=pl.lit(0.0), line_count=pl.lit(1))
    tables = {"orders": orders, "order_lines": lines, "products": products}
    return settings, write_warehouse(settings, tables, {"source": "seeded"}, {"rows": len(bought)})
