"""How a customer buys: recency, rhythm, amounts, variety."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from features.definitions.as_of import DAY, AsOf, micros
from features.definitions.view import FeatureView
from features.engine import Shop

WEEKS = tuple(range(7, 92, 7))  # one window per step of the return hazard, so that each can be rolled forward by whole steps
DECAYS = (7, 14, 28, 56, 112)  # days; from one step to a quarter
SINCE = "days_since_last_order"

FEATURES = {
    "days_observed": "days between the shop's first order and the as-of date: how far back any window can see",
    "days_since_first_order": "days since the customer's first order",
    SINCE: "days since the customer's last order",
    "order_count": "orders so far",
    "order_day_count": "days with at least one order so far",
    "gap_mean": "mean days between two order days (null before the second)",
    "gap_std": "standard deviation of the days between two order days (null before the third)",
    "gap_last": "days between the last two order days",
    "gap_recent": "mean days between order days, recent ones weighing more (decay 56 days)",
    "gap_max": "longest pause between two order days",
    **{f"order_days_last_{d}d": f"days with an order in the last {d} days" for d in WEEKS},
    **{f"order_days_decayed_{d}d": f"days with an order, each weighing exp(-age/{d} days)" for d in DECAYS},
    **{f"amount_decayed_{d}d": f"amount spent, each order weighing exp(-age/{d} days)" for d in (28, 112)},
    "lines_decayed_28d": "order lines, each order weighing exp(-age/28 days)",
    "amount_mean": "mean amount of an order",
    "amount_last": "amount of the last order",
    "lines_mean": "mean number of lines of an order",
    "lines_last": "number of lines of the last order",
    "discount_share": "discount ÷ list price of everything bought",
    "coupon_share": "coupon discount ÷ list price of everything bought",
    "weekend_share": "share of orders on Saturday or Sunday",
    "morning_share": "share of orders before noon, shop time",
    "evening_share": "share of orders from 18:00 on, shop time",
    "new_product_share": "share of lines with a product bought for the first time, recent ones weighing more (decay 56 days)",
    "product_count": "different products bought so far",
    "category_count": "different categories bought so far",
    "store_count": "different stores visited so far",
}


def _order_events(shop: Shop) -> Table:
    """One row per order: when, and what it adds to every sum."""
    lines = shop.order_lines.left_join(shop.products.select("product_id", "product_category"), "product_id")
    by_product = ibis.window(group_by=["customer_id", "product_id"], order_by=["ordered_at", "order_id", "line_number"])
    by_category = ibis.window(group_by=["customer_id", "product_category"], order_by=["ordered_at", "order_id", "line_number"])
    firsts = lines.select(
        "order_id",
        new_product=(ibis.row_number().over(by_product) == 0).cast("float64"),
        new_category=((ibis.row_number().over(by_category) == 0) & lines.product_category.notnull()).cast("float64"),
    )
    variety = firsts.group_by("order_id").agg(new_products=firsts.new_product.sum(), new_categories=firsts.new_category.sum())
    orders = shop.orders.filter(shop.orders.customer_id.notnull()).left_join(variety, "order_id").drop("order_id_right")
    orders = orders.mutate(at=micros(orders.ordered_at), day=micros(orders.ordered_at.truncate("D")) / DAY)
    by_time = ibis.window(group_by="customer_id", order_by=["at", "order_id"])
    by_store = ibis.window(group_by=["customer_id", "store_id"], order_by=["at", "order_id"])
    orders = orders.mutate(
        previous_day=orders.day.lag().over(by_time),
        new_store=((ibis.row_number().over(by_store) == 0) & orders.store_id.notnull()).cast("float64"),
        # Rank of the order in the customer's life: lets "the last one" be read as a difference of sums.
        amount_before=orders.amount.lag().over(by_time),
        lines_before=orders.line_count.lag().over(by_time),
    )
    is_new_day = orders.previous_day.isnull() | (orders.day != orders.previous_day)
    gap = ibis.ifelse(is_new_day, orders.day - orders.previous_day, ibis.null())
    orders = orders.mutate(new_day=is_new_day.cast("float64"), gap=gap.cast("float64"))
    days = orders.filter(orders.gap.notnull())
    by_day = ibis.window(group_by="customer_id", order_by=["at", "order_id"])
    gaps = days.select("order_id", gap_before=days.gap.lag().over(by_day))
    orders = orders.left_join(gaps, "order_id").drop("order_id_right")
    weekday = orders.ordered_at.day_of_week.index()
    hour = orders.ordered_at.hour()
    return orders.select(
        "customer_id",
        "at",
        "new_day",
        "gap",
        one=ibis.literal(1.0),
        time=orders.at,
        first_time=-orders.at,
        gap_squared=orders.gap * orders.gap,
        gap_count=orders.gap.notnull().cast("float64"),
        # The change against the previous value: its running sum is the last value, without an ordered "last" aggregate.
        gap_change=orders.gap - ibis.coalesce(orders.gap_before, 0.0),
        amount="amount",
        amount_change=orders.amount - ibis.coalesce(orders.amount_before, 0.0),
        lines=orders.line_count.cast("float64"),
        lines_change=orders.line_count - ibis.coalesce(orders.lines_before, 0),
        discount="discount",
        coupon="coupon_discount",
        list_price=orders.amount + orders.discount,
        weekend=(weekday >= 5).cast("float64"),
        morning=(hour < 12).cast("float64"),
        evening=(hour >= 18).cast("float64"),
        new_products=ibis.coalesce(orders.new_products, 0.0),
        new_categories=ibis.coalesce(orders.new_categories, 0.0),
        new_store="new_store",
    )


def build(shop: Shop, spine: Table) -> Table:
    """Purchasing features at every (customer_id, as_of) of the spine."""
    stack = AsOf.stack(_order_events(shop), spine, ("customer_id",))
    t = stack.table
    orders, days, gaps = stack.total("one"), stack.total("new_day"), stack.total("gap_count")
    some, pauses = orders.nullif(0), gaps.nullif(0)
    gap_mean = stack.total("gap") / pauses
    variance = stack.total("gap_squared") / pauses - gap_mean * gap_mean
    list_price = stack.total("list_price").nullif(0)
    observed = micros(ibis.literal(shop.first_event))
    decayed_lines = stack.decayed("lines", 56).nullif(0)
    features = {
        "days_observed": (t.at - observed) / float(DAY),
        "days_since_first_order": (t.at + stack.greatest("first_time")) / float(DAY),
        SINCE: stack.age_days("time"),
        "order_count": orders,
        "order_day_count": days,
        "gap_mean": gap_mean,
        "gap_std": ibis.ifelse(gaps >= 2, ibis.greatest(variance, 0.0).sqrt(), ibis.null()),
        "gap_last": ibis.ifelse(gaps >= 1, stack.total("gap_change"), ibis.null()),
        "gap_recent": stack.decayed("gap", 56) / stack.decayed("gap_count", 56).nullif(0),
        "gap_max": stack.greatest("gap"),
        **{f"order_days_last_{d}d": stack.last_days("new_day", d) for d in WEEKS},
        **{f"order_days_decayed_{d}d": stack.decayed("new_day", d) for d in DECAYS},
        **{f"amount_decayed_{d}d": stack.decayed("amount", d) for d in (28, 112)},
        "lines_decayed_28d": stack.decayed("lines", 28),
        "amount_mean": stack.total("amount") / some,
        "amount_last": ibis.ifelse(orders > 0, stack.total("amount_change"), ibis.null()),
        "lines_mean": stack.total("lines") / some,
        "lines_last": ibis.ifelse(orders > 0, stack.total("lines_change"), ibis.null()),
        "discount_share": stack.total("discount") / list_price,
        "coupon_share": stack.total("coupon") / list_price,
        "weekend_share": stack.total("weekend") / some,
        "morning_share": stack.total("morning") / some,
        "evening_share": stack.total("evening") / some,
        "new_product_share": stack.decayed("new_products", 56) / decayed_lines,
        "product_count": stack.total("new_products"),
        "category_count": stack.total("new_categories"),
        "store_count": stack.total("new_store"),
    }
    return stack.rows(**{name: features[name] for name in FEATURES})


PURCHASING = FeatureView("purchasing", ("customer_id",), FEATURES, build)
