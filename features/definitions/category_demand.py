"""How everyone buys a category: its popularity, its season and its rhythm, as known at the as-of date.

A view of its own beside `category_cycle`, because it looks at all customers: one customer's refresh must not compute it from that
customer's orders alone, it takes the newest snapshot of this view instead.
"""

from __future__ import annotations

from datetime import datetime

import ibis
from ibis.expr.types import Table

from features.definitions.as_of import DAY, AsOf, day_number, micros
from features.definitions.view import FeatureView
from features.engine import Shop

FEATURES = {
    "category_purchases_last_28d": "purchases of the category by anyone in the last 28 days, up to the last midnight",
    "category_season": "purchases a day by anyone in the last 28 days ÷ in the last 91 days (or since the first order)",
    "category_gap_mean": "mean days between two purchases of the category by the same customer, closed gaps of anyone so far",
    "category_repeat_share": "share of the category's purchases so far that were not the customer's first",
}


def purchases(shop: Shop) -> Table:
    """Orders of a category (a unit of `features.units`) by a customer; of several on one day only the first counts as a purchase.

    Returns:
        `customer_id`, `product_category`, `at` (microseconds, the order's time), `new_day` (1.0 for the day's first order with the
        category, else 0.0), `day` (days since 1970), `day_before` (day of the previous purchase; null for the first and within the
        day), `quantity`, `quantity_before` (of the previous order with the category), `amount`. Lines without a customer or a category
        are left out.
    """
    lines = shop.order_lines.filter(shop.order_lines.customer_id.notnull())
    lines = lines.join(shop.units, "product_id")
    lines = lines.mutate(at=micros(lines.ordered_at))
    lines = lines.mutate(day=day_number(lines["at"]))
    baskets = lines.group_by("customer_id", "product_category", "at", "day").agg(quantity=lines.quantity.sum(), amount=lines.amount.sum())
    by_time = ibis.window(group_by=["customer_id", "product_category"], order_by="at")
    baskets = baskets.mutate(previous_day=baskets.day.lag().over(by_time), quantity_before=baskets.quantity.lag().over(by_time))
    is_new = baskets.previous_day.isnull() | (baskets.day != baskets.previous_day)
    return baskets.select(
        "customer_id",
        "product_category",
        "at",
        "day",
        "quantity",
        "quantity_before",
        "amount",
        new_day=is_new.cast("float64"),
        day_before=ibis.ifelse(is_new, baskets.previous_day, ibis.null()),
    )


def daily(shop: Shop) -> Table:
    """What each day adds to every sum: `product_category`, `at`, `purchases`, `gap`, `repeats`; of every customer's orders.

    A day's purchases count from the end of the day: whole days are all that a season needs, and ten times fewer rows are sorted.
    """
    bought = purchases(shop)
    ended = bought.mutate(at=(bought.day + 1.0).cast("int64") * DAY)
    return ended.group_by("product_category", "at").agg(
        purchases=ended.new_day.sum(),
        gap=(ended.day - ended.day_before).sum(),
        repeats=ended.day_before.notnull().cast("float64").sum(),
    )


def from_daily(events: Table, spine: Table, first_event: datetime) -> Table:
    """Demand features at every (product_category, as_of) of the spine.

    Args:
        events: result of `daily`.
        spine: `product_category`, `as_of`.
        first_event: time of the shop's first order, UTC.
    """
    stack = AsOf.stack(events, spine, ("product_category",))
    observed = (stack.at - micros(ibis.literal(first_event))) / float(DAY)
    month, quarter = stack.last_days("purchases", 28), stack.last_days("purchases", 91)
    days_28, days_91 = (ibis.greatest(ibis.least(observed, days), 1.0) for days in (28.0, 91.0))
    repeats, total = stack.total("repeats"), stack.total("purchases")
    features = {
        "category_purchases_last_28d": month,
        "category_season": (month / days_28) / (quarter.nullif(0) / days_91),
        "category_gap_mean": stack.total("gap") / repeats.nullif(0),
        "category_repeat_share": repeats / total.nullif(0),
    }
    return stack.rows(**{name: features[name] for name in FEATURES})


def build(shop: Shop, spine: Table) -> Table:
    """Demand features at every (product_category, as_of) of the spine; the shop must hold every customer's orders."""
    return from_daily(daily(shop), spine, shop.first_event)


CATEGORY_DEMAND = FeatureView("category_demand", ("product_category",), FEATURES, build)
