"""The sample shop in miniature: every awkward thing a real history holds, grown from a seed, small enough for every test.

Forty weeks from a Monday. Among the customers are some without a profile, one without any row in the customers table, one with a Chinese
id, and one (`EDGE`) whose orders stand exactly on and one microsecond beside the weekly as-of dates.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from features.schema import TABLES

START = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
TICK = timedelta(microseconds=1)
EDGE = "顾客-edge"  # orders at the very boundaries
STRANGER = "not-in-customers"  # orders, but no row in the customers table
IDLE = "never-ordered"  # a row in the customers table, but no order
EXCLUDED = "GIFT CARDS"
UNKNOWN_PRODUCT = "sold-but-unlisted"  # in order lines, absent from the products table
CATEGORIES = ("BREAD", "COFFEE", "FRUIT", "PASTA", "SOAP", "TEA", EXCLUDED, None)
PER_CATEGORY = 5

ASSUMPTIONS = """
name = "sample"
note = "For tests."
currency = "EUR"
[margins]
default = 0.25
departments = { FOOD = 0.4 }
[contacts]
default_cost = 0.05
cost = { mail = 0.5 }
[offers]
coupon_value = 1.0
bundle_discount = 0.05
winback_discount = 0.1
winback_from_churn = 0.35
[catalogue]
excluded_categories = ["GIFT CARDS"]
inactive_after_days = 56
stock = "unlimited"
[layers]
high_value_from_percentile = 80
potential_from_percentile = 40
dormant_after_days = 91
[consent]
channels = ["mail"]
"""

Tables = dict[str, pl.DataFrame]


def sample_tables(*, customers: int = 200, weeks: int = 40, seed: int = 7) -> Tables:
    """The shop's tables, conforming to `features.schema`.

    Args:
        customers: customers drawn from the seed, beside the special ones.
        weeks: length of the history; the last event falls into the last week.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    orders = [*_drawn_orders(rng, customers, weeks), *_special_orders(weeks)]
    lines = [line for number, order in enumerate(orders) for line in _basket(rng, number, order)]
    contacts, redemptions = _campaign_events(rng, customers, weeks)
    tables = {
        "customers": pl.DataFrame([_profile(rng, f"c{i:03d}") for i in range(customers)] + [{"customer_id": EDGE}, {"customer_id": IDLE}]),
        "products": _products(),
        "orders": _orders(lines, orders),
        "order_lines": pl.DataFrame(lines).drop("store_id", "coupon"),
        "contacts": pl.DataFrame(contacts),
        "offers": pl.DataFrame(campaigns(weeks)),
        "offer_items": pl.DataFrame(
            [{"offer_id": f"o{k}", "coupon_id": f"o{k}-coupon", "product_id": f"p{k:02d}-{j}"} for k in range(4) for j in range(3)]
        ),
        "redemptions": pl.DataFrame(redemptions),
    }
    return {t.name: t.conform(_filled(tables[t.name], t.columns)) if t.name in tables else t.empty() for t in TABLES}


def campaigns(weeks: int) -> list[dict[str, Any]]:
    """Four campaigns of five weeks: the last still runs when the history ends; the third ends on an as-of date."""
    starts = [weeks // 5, weeks // 3, weeks // 2, weeks - 3]
    ends = [START + WEEK * (s + 5) - TICK for s in starts]
    ends[2] = START + WEEK * (starts[2] + 5)
    return [
        {"offer_id": f"o{k}", "type": "coupon", "label": f"Campaign {k}", "starts_at": START + WEEK * s, "ends_at": e}
        for k, (s, e) in enumerate(zip(starts, ends, strict=True))
    ]


def _filled(frame: pl.DataFrame, columns: dict[str, Any]) -> pl.DataFrame:
    return frame.with_columns(pl.lit(None, dtype=t).alias(c) for c, t in columns.items() if c not in frame.columns)


def _drawn_orders(rng: np.random.Generator, customers: int, weeks: int) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = []
    for i in range(customers):
        gap = rng.gamma(2.0, 8.0) + 2.0  # mean days between two orders
        at = rng.random() * weeks * 5.0
        stays_until = rng.random() * weeks * 14.0  # about half leave before the end
        while at < min(weeks * 7 - 1, stays_until):
            time = START + timedelta(microseconds=int(at * 86_400_000_000))
            orders.append({"customer_id": f"c{i:03d}", "ordered_at": time, "store_id": f"s{rng.integers(3)}"})
            if rng.random() < 0.1:  # again on the same day, sometimes within the same second
                again = time + timedelta(microseconds=int(rng.choice([1, 400_000, 3_600_000_000])))
                orders.append({"customer_id": f"c{i:03d}", "ordered_at": again, "store_id": None})
            at += rng.exponential(gap) + 0.1
    return orders


def _special_orders(weeks: int) -> list[dict[str, Any]]:
    edge = [START, START + WEEK * 4, START + WEEK * 6 - TICK, START + WEEK * 8 + TICK, START + WEEK * 8 + 2 * TICK]
    noon = START + timedelta(hours=12)
    return [
        *({"customer_id": EDGE, "ordered_at": at, "store_id": "s0"} for at in edge if at < START + WEEK * weeks),
        *({"customer_id": STRANGER, "ordered_at": noon + WEEK * k, "store_id": "s1"} for k in range(0, weeks - 1, 3)),
        *({"customer_id": None, "ordered_at": noon + WEEK * k, "store_id": "s2"} for k in range(0, weeks - 1, 5)),
        # The newest event carries a fraction of a second, as real shops' events do.
        {"customer_id": STRANGER, "ordered_at": START + WEEK * weeks - timedelta(hours=5, microseconds=250_001), "store_id": "s1"},
    ]


def _basket(rng: np.random.Generator, number: int, order: dict[str, Any]) -> list[dict[str, Any]]:
    listed = [f"p{k:02d}-{j}" for k in range(len(CATEGORIES)) for j in range(PER_CATEGORY)]
    chosen = rng.choice([*listed, UNKNOWN_PRODUCT], size=rng.integers(1, 6), replace=False)
    quantity = rng.integers(1, 4, len(chosen)).astype(float)
    price = rng.integers(50, 900, len(chosen)) / 100
    discount = np.where(rng.random(len(chosen)) < 0.3, 0.25, 0.0)
    return [
        {
            "order_id": f"{number:05d}",
            "line_number": row,
            "product_id": str(product),
            "quantity": quantity[row],
            "amount": round(quantity[row] * price[row], 2),
            "discount": discount[row],
            "coupon": discount[row] / 2,
            **order,
        }
        for row, product in enumerate(chosen)
    ]


def _orders(lines: list[dict[str, Any]], orders: list[dict[str, Any]]) -> pl.DataFrame:
    sums = (
        pl.DataFrame(lines)
        .group_by("order_id")
        .agg(pl.col("amount", "discount", "quantity").sum(), pl.col("coupon").sum().alias("coupon_discount"), pl.len().alias("line_count"))
    )
    heads = pl.DataFrame([{"order_id": f"{number:05d}", **order} for number, order in enumerate(orders)])
    return heads.join(sums, on="order_id")


def _products() -> pl.DataFrame:
    rows = [
        {
            "product_id": f"p{k:02d}-{j}",
            "product_category": category,
            "department": "FOOD" if k < 4 else "OTHER",
            "product_type": f"{category or 'THING'} {j}",
            "in_catalogue": not (k == 5 and j == 0),  # one product the shop sold but no longer lists
            "stock": {0: 0, 1: 12}.get(j),
        }
        for k, category in enumerate(CATEGORIES)
        for j in range(PER_CATEGORY)
    ]
    return pl.DataFrame([*rows, {**rows[0], "product_id": "never-sold"}])


def _profile(rng: np.random.Generator, customer_id: str) -> dict[str, Any]:
    if rng.random() < 0.4:
        return {"customer_id": customer_id}
    return {
        "customer_id": customer_id,
        "age_band": rng.choice(["19-24", "45-54", "65+"]),
        "income_band": rng.choice(["Under 15K", "35-49K", "250K+"]),
        "home_ownership": rng.choice(["Homeowner", "Renter", "Unknown"]),
        "marital_status": rng.choice(["Married", "Unmarried", "Unknown"]),
        "household_size": rng.choice(["1", "2", "5+"]),
        "household_composition": "1 Adult",
        "children": rng.choice(["1", "3+", "None/Unknown"]),
    }


def _campaign_events(rng: np.random.Generator, customers: int, weeks: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    contacts: list[dict[str, Any]] = [
        {"contact_id": "plain", "customer_id": "c000", "offer_id": None, "channel": "sms", "sent_at": START + WEEK * 2}
    ]
    redemptions: list[dict[str, Any]] = []
    for k, campaign in enumerate(campaigns(weeks)):
        for i in np.flatnonzero(rng.random(customers) < 0.4):
            who = {"customer_id": f"c{i:03d}", "offer_id": campaign["offer_id"]}
            contacts.append({"contact_id": f"o{k}-{i}", "channel": "mail", "sent_at": campaign["starts_at"], **who})
            for n in range(int(rng.poisson(0.3))):
                at = campaign["starts_at"] + timedelta(microseconds=int(rng.random() * 20 * 86_400_000_000))
                redemptions.append({"redemption_id": f"o{k}-{i}-{n}", "coupon_id": f"o{k}-coupon", "redeemed_at": at, **who})
    return contacts, redemptions
