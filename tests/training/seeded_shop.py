"""A small shop grown from a seed: customers with a rhythm of their own, some of whom leave, over 45 weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import polars as pl

from features.assumptions import install_assumptions
from features.build import as_of_dates, customer_spine
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.engine import open_engine, open_shop
from features.feature_sets import CUSTOMER
from features.offline import open_offline
from features.schema import CONTACT_FACTS
from features.settings import FeatureSettings
from features.sources.complete_journey import ASSUMPTIONS
from features.versions import new_version
from features.warehouse import Warehouse
from tests.permitted import write_warehouse

START = datetime(2023, 1, 1, tzinfo=UTC)
WEEKS = 45
CUSTOMERS = 300
_CATEGORIES = ("SOAP", "TEA", "BREAD", "FRUIT", "PASTA", "COFFEE")
_PRODUCTS_PER_CATEGORY = 5
_BANDS = ("19-24", "35-44", "65+")


def orders_of(arrivals: list[tuple[str, datetime]], seed: int = 1) -> dict[str, pl.DataFrame]:
    """Orders and their lines for given (customer, time) pairs; what is in the baskets is drawn from the seed."""
    rng = np.random.default_rng(seed)
    orders, lines = [], []
    for number, (customer, at) in enumerate(sorted(arrivals, key=lambda pair: (pair[1], pair[0]))):
        count = int(rng.integers(1, 5))
        products = rng.choice(len(_CATEGORIES) * _PRODUCTS_PER_CATEGORY, size=count, replace=False)
        prices = 1.0 + products % 7 + rng.random(count).round(2)
        quantity = rng.integers(1, 3, count).astype(float)
        discount = np.where(rng.random(count) < 0.2, 0.5, 0.0)
        order_id = f"o{number:06d}"
        for line, (product, price, pieces, off) in enumerate(zip(products, prices, quantity, discount, strict=True)):
            lines.append((order_id, line, customer, at, f"p{product:03d}", pieces, price * pieces, off))
        orders.append(
            (order_id, customer, at, f"s{number % 3}", float((prices * quantity).sum()), float(discount.sum()), 0.0, count, quantity.sum())
        )
    order_columns = ["order_id", "customer_id", "ordered_at", "store_id", "amount", "discount", "coupon_discount", "line_count", "quantity"]
    line_columns = ["order_id", "line_number", "customer_id", "ordered_at", "product_id", "quantity", "amount", "discount"]
    return {
        "orders": pl.DataFrame(orders, schema=order_columns, orient="row"),
        "order_lines": pl.DataFrame(lines, schema=line_columns, orient="row"),
    }


def products() -> pl.DataFrame:
    """Every product of every category."""
    return pl.DataFrame(
        [
            (f"p{i:03d}", None, _CATEGORIES[i // _PRODUCTS_PER_CATEGORY], "GROCERY", "Private", f"TYPE {i % 9}", "1 PK", True, None)
            for i in range(len(_CATEGORIES) * _PRODUCTS_PER_CATEGORY)
        ],
        schema=["product_id", "name", "product_category", "department", "brand", "product_type", "package_size", "in_catalogue", "stock"],
        orient="row",
    )


def people(ids: list[str]) -> pl.DataFrame:
    """Customers, every second with a known profile."""
    known = [i % 2 == 0 for i in range(len(ids))]
    return pl.DataFrame(
        {
            "customer_id": ids,
            "age_band": [_BANDS[i % 3] if k else None for i, k in enumerate(known)],
            "income_band": ["35-49K" if k else None for k in known],
            "home_ownership": ["Homeowner" if k else None for k in known],
            "marital_status": ["Married" if k else None for k in known],
            "household_size": [str(1 + i % 4) if k else None for i, k in enumerate(known)],
            "household_composition": [None] * len(ids),
            "children": ["1" if k else None for k in known],
            **dict.fromkeys(CONTACT_FACTS),
        }
    )


def mailings(ids: list[str]) -> dict[str, pl.DataFrame]:
    """Two campaigns, each mailed to a part of the customers, and a few coupons redeemed."""
    starts = (START + timedelta(weeks=10), START + timedelta(weeks=26))
    contacts = [(f"c{n}-{i}", i, f"c{n}", "mail", at) for n, at in enumerate(starts) for k, i in enumerate(ids) if k % 3 == n]
    redemptions = [(str(k), i, "c0", "x", starts[0] + timedelta(days=3 + k % 20)) for k, i in enumerate(ids) if k % 9 == 0]
    return {
        "contacts": pl.DataFrame(contacts, schema=["contact_id", "customer_id", "offer_id", "channel", "sent_at"], orient="row"),
        "offers": pl.DataFrame(
            [(f"c{n}", "coupon", f"Campaign {n}", at, at + timedelta(days=35)) for n, at in enumerate(starts)],
            schema=["offer_id", "type", "label", "starts_at", "ends_at"],
            orient="row",
        ),
        "offer_items": pl.DataFrame({"offer_id": ["c0", "c1"], "coupon_id": ["x", "y"], "product_id": ["p001", "p002"]}),
        "redemptions": pl.DataFrame(
            redemptions, schema=["redemption_id", "customer_id", "offer_id", "coupon_id", "redeemed_at"], orient="row"
        ),
    }


def arrivals(seed: int = 11, customers: int = CUSTOMERS, weeks: int = WEEKS) -> list[tuple[str, datetime]]:
    """Order times: each customer has a mean gap of 4 to 40 days and leaves after an order with a chance of 4 %."""
    rng = np.random.default_rng(seed)
    end, found = weeks * 7.0, []
    for number in range(customers):
        gap, day = float(rng.uniform(4, 40)), float(rng.uniform(0, 0.5 * end))
        while day < end:
            found.append((f"h{number:04d}", START + timedelta(seconds=round(day * 86_400))))
            if rng.random() < 0.04:
                break
            day += float(rng.gamma(2.0, gap / 2.0)) + 0.01
    # The first and the last second of the history belong to somebody, so that its length is exact.
    return [*found, ("h0000", START), ("h0001", START + timedelta(days=end) - timedelta(seconds=1))]


def write_shop(data_dir: Path, times: list[tuple[str, datetime]], *, bare: bool = False) -> tuple[FeatureSettings, Warehouse]:
    """Write a shop with these order times into a data folder; a bare one knows no profile and never sent anything."""
    settings = FeatureSettings(data_dir=data_dir, threads=1)  # tests run side by side
    install_assumptions(ASSUMPTIONS, data_dir)
    ids = sorted({customer for customer, _ in times})
    facts = {} if bare else {"customers": people(ids), **mailings(ids)}
    tables = {"products": products(), **orders_of(times), **facts}
    return settings, write_warehouse(settings, tables, {"source": "seeded", "counts": {"orders": len(times)}}, inputs=len(times))


def build_customer_views(settings: FeatureSettings, warehouse: Warehouse, now: datetime | None = None) -> pl.DataFrame:
    """Features of every customer at every weekly as-of date, written where recipes look for them; no online store."""
    dates = as_of_dates(warehouse, now or warehouse.last_event)
    shop = open_shop(open_engine(settings), warehouse)
    spine = ibis.memtable(customer_spine(warehouse, dates))
    with new_version(settings.features_dir, inputs=warehouse.version) as folder:
        for view in CUSTOMER_VIEWS:
            view.build(shop, spine).to_parquet(folder / f"{view.name}.parquet")
    return open_offline(settings).feature_set(CUSTOMER)
