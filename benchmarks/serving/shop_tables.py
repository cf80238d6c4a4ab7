"""The made-up shop as the tables of `features.schema`: orders, and what is said and sent between them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.serving.shop_orders import (
    START,
    Sales,
    bundle_products,
    category_names,
    customer_ids,
    drawn_sales,
    moments,
    product_ids,
)
from benchmarks.serving.shop_size import ShopSize

Tables = dict[str, pl.DataFrame]

TAGS = ("敏感肌", "干皮", "sugar-free", "has-a-cat", "early-riser", "new-parent", "vegan", "gift-giver")
LOCALES = (("Asia/Shanghai", "zh-CN"), ("Europe/Berlin", "de-DE"), ("Europe/London", "en-GB"), (None, None))
_DEPARTMENTS = ("FOOD", "CARE", "HOME")
_CHANNELS = np.array(["email", "sms", "wecom", "app"])
_KINDS = ("viewed", "viewed", "viewed", "carted", "liked")
_DAY = 86_400.0


def shop_tables(size: ShopSize) -> Tables:
    """All tables that the shop has; the same size, the same tables."""
    sales = drawn_sales(size)
    contacts, messages = _messages(size, sales)
    activities = pl.concat([messages, _words(size, sales)])
    tables: dict[str, pl.DataFrame] = {
        "customers": _customers(size),
        "products": _products(size),
        "orders": sales.orders,
        "order_lines": sales.lines,
        "contacts": contacts,
        "interactions": _looks(size, sales),
        "activities": activities.with_row_index("n").with_columns(activity_id=pl.format("a{}", "n")).drop("n"),
        "bundle_items": _bundles(size),
    }
    return tables | _campaigns(size, sales)


def _customers(size: ShopSize) -> pl.DataFrame:
    random = np.random.default_rng([size.seed, 3])
    n = size.customers
    known = random.random(n) < 0.6

    def told(values: tuple[str, ...]) -> pl.Series:
        drawn = random.choice(values, n)
        return pl.Series([str(v) if k else None for v, k in zip(drawn, known, strict=True)], dtype=pl.String)

    place = random.choice(len(LOCALES), n, p=[0.4, 0.25, 0.1, 0.25])
    return pl.DataFrame(
        {
            "customer_id": customer_ids(size),
            "age_band": told(("19-24", "25-34", "35-44", "45-54", "65+")),
            "income_band": told(("Under 15K", "35-49K", "75-99K", "250K+")),
            "home_ownership": told(("Homeowner", "Renter", "Unknown")),
            "marital_status": told(("Married", "Unmarried", "Unknown")),
            "household_size": told(("1", "2", "3", "5+")),
            "household_composition": told(("1 Adult",)),
            "children": told(("1", "3+", "None/Unknown")),
            "birthday": [f"{1950 + i * 7 % 50}-{i % 12 + 1:02d}-{i * 5 % 28 + 1:02d}" if i % 3 else None for i in range(n)],
            "timezone": [LOCALES[p][0] for p in place.tolist()],
            "locale": [LOCALES[p][1] for p in place.tolist()],
        }
    )


def _products(size: ShopSize) -> pl.DataFrame:
    shelf, names = size.products // size.categories, category_names(size)
    category = [min(i // shelf, size.categories - 1) for i in range(size.products)]
    return pl.DataFrame(
        {
            "product_id": product_ids(size),
            "name": [f"Product {i} 商品" for i in range(size.products)],
            "product_category": [names[c] for c in category],
            "department": [_DEPARTMENTS[c % len(_DEPARTMENTS)] for c in category],
            "brand": [f"Brand {i % 97}" for i in range(size.products)],
            "product_type": [f"TYPE {c}-{i % 7}" for i, c in enumerate(category)],
            "package_size": pl.Series([None] * size.products, dtype=pl.String),
            "in_catalogue": [True] * size.products,
            "stock": [0 if i % 50 == 49 else 12 if i % 10 == 7 else None for i in range(size.products)],
        }
    )


def _spread(random: np.random.Generator, sales: Sales, size: ShopSize, a_week: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Owners and moments of events at a rate a week from each customer's first order on, none after the last order."""
    end = (sales.last - START).total_seconds()
    span = np.maximum(end - np.minimum(sales.firsts, end), 0.0)
    owner = np.repeat(np.arange(size.customers), random.poisson(a_week * span / (7 * _DAY)))
    return owner, end - random.random(len(owner)) * span[owner]


def _looks(size: ShopSize, sales: Sales) -> pl.DataFrame:
    random = np.random.default_rng([size.seed, 4])
    owner, at = _spread(random, sales, size, 0.5)
    product = product_ids(size)[random.integers(0, size.products, len(owner))]
    return pl.DataFrame(
        {
            "interaction_id": [f"i{i}" for i in range(len(owner))],
            "customer_id": np.array(customer_ids(size))[owner],
            "type": random.choice(_KINDS, len(owner)),
            "product_id": product,
            "bundle_id": pl.Series([None] * len(owner), dtype=pl.String),
            "occurred_at": moments(at),
        }
    )


def _messages(size: ShopSize, sales: Sales) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Messages, who opened them, and who left the channel over them: the more in a month, the likelier."""
    random = np.random.default_rng([size.seed, 5])
    rate = random.choice([0.1, 0.3, 0.7], size.customers)
    owner, at = _spread(random, sales, size, 0.7)
    kept = random.random(len(owner)) < rate[owner] / 0.7
    owner, at = owner[kept], at[kept]
    channel = _CHANNELS[owner % len(_CHANNELS)]
    ids = np.array(customer_ids(size))[owner]
    contacts = pl.DataFrame(
        {
            "contact_id": [f"m{i}" for i in range(len(owner))],
            "customer_id": ids,
            "offer_id": pl.Series([None] * len(owner), dtype=pl.String),
            "channel": channel,
            "sent_at": moments(at),
        }
    )
    answer = random.random(len(owner))
    after = at + 600.0
    parts = (
        ("message_opened", answer < 0.35),
        ("message_clicked", answer < 0.1),
        ("unsubscribed", answer > 1.0 - size.leaving * rate[owner]),
    )
    inside = after < (sales.last - START).total_seconds()
    told = [_activity(kind, ids[m & inside], after[m & inside], channel=channel[m & inside]) for kind, m in parts]
    return contacts, pl.concat(told)


def _words(size: ShopSize, sales: Sales) -> pl.DataFrame:
    random = np.random.default_rng([size.seed, 6])
    ids = np.array(customer_ids(size))
    told = []
    for kind, a_week in (("content_viewed", 0.2), ("tag_added", 0.04), ("points_changed", 0.1), ("product_reviewed", 0.03)):
        owner, at = _spread(random, sales, size, a_week)
        value = random.integers(1, 6, len(owner)).astype(float)
        label = random.choice(TAGS, len(owner)) if kind == "tag_added" else None
        subject = random.choice(product_ids(size), len(owner)) if kind == "product_reviewed" else None
        told.append(_activity(kind, ids[owner], at, label=label, subject=subject, value=None if kind == "tag_added" else value))
    return pl.concat(told)


def _activity(kind: str, customer: NDArray[np.str_], at: NDArray[np.float64], **facts: NDArray[np.generic] | None) -> pl.DataFrame:
    empty = {"subject": pl.String, "label": pl.String, "channel": pl.String, "value": pl.Float64}
    given = {name: pl.Series(facts[name]) if facts.get(name) is not None else None for name in empty}
    columns = {name: pl.Series([None] * len(at), dtype=empty[name]) if given[name] is None else given[name] for name in empty}
    return pl.DataFrame({"customer_id": customer, "kind": [kind] * len(at), "occurred_at": moments(at), **columns})


def _bundles(size: ShopSize) -> pl.DataFrame:
    ids = product_ids(size)
    rows = [(f"set-{n}", f"Set {n}", str(ids[p])) for n, places in enumerate(bundle_products(size)) for p in places]
    return pl.DataFrame(rows, schema=["bundle_id", "label", "product_id"], orient="row")


def _campaigns(size: ShopSize, sales: Sales) -> Tables:
    """Five coupon campaigns of five weeks; the last still runs."""
    random = np.random.default_rng([size.seed, 8])
    ends = [sales.last - timedelta(weeks=4 * k) + timedelta(weeks=2) for k in range(5)]
    offers = pl.DataFrame(
        {
            "offer_id": [f"campaign-{k}" for k in range(5)],
            "type": ["coupon"] * 5,
            "label": [f"Campaign {k}" for k in range(5)],
            "starts_at": [end - timedelta(weeks=5) for end in ends],
            "ends_at": ends,
        }
    )
    products = [random.choice(size.products, min(20, size.products), replace=False) for _ in range(5)]
    items = pl.DataFrame(
        [(f"campaign-{k}", f"coupon-{k}", str(product_ids(size)[p])) for k, some in enumerate(products) for p in some],
        schema=["offer_id", "coupon_id", "product_id"],
        orient="row",
    )
    used = sales.orders.sample(fraction=0.02, seed=size.seed).with_row_index("n")
    redemptions = used.select(
        redemption_id=pl.format("r{}", "n"),
        customer_id="customer_id",
        offer_id=pl.format("campaign-{}", pl.col("n") % 5),
        coupon_id=pl.format("coupon-{}", pl.col("n") % 5),
        redeemed_at="ordered_at",
    )
    return {"offers": offers, "offer_items": items, "redemptions": redemptions}
