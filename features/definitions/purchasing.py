"""How a customer buys: recency, rhythm, amounts, variety."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from features.definitions.as_of import DAY, AsOf, day_number, micros
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


def _novelties(shop: Shop, orders: Table) -> dict[str, Table]:
    """How many products, categories and stores a customer met for the first time at each moment.

    Grouped minima: ranking every line within its customer and product sorts the lines, which takes twice as long.

    Returns:
        name → `customer_id`, `at`, the name as a column.
    """
    lines = shop.order_lines.select("order_id", "product_id").join(orders.select("order_id", "customer_id", "at"), "order_id")
    products = lines.group_by("customer_id", "product_id").agg(at=lines["at"].min())
    known = shop.products.filter(shop.products.product_category.notnull()).select("product_id", "product_category")
    sorts = products.join(known, "product_id")
    categories = sorts.group_by("customer_id", "product_category").agg(at=sorts["at"].min())
    visits = orders.filter(orders.store_id.notnull())
    stores = visits.group_by("customer_id", "store_id").agg(at=visits["at"].min())
    firsts = {"new_products": products, "new_categories": categories, "new_stores": stores}
    return {name: met.group_by("customer_id", "at").agg(**{name: met.count().cast("float64")}) for name, met in firsts.items()}


def _order_events(shop: Shop) -> Table:
    """One row per order: when, and what it adds to every sum."""
    orders = shop.orders.filter(shop.orders.customer_id.notnull())
    orders = orders.mutate(at=micros(orders.ordered_at))
    orders = orders.mutate(day=day_number(orders["at"]))
    novelties = _novelties(shop, orders)
    by_time = ibis.window(group_by="customer_id", order_by=["at", "order_id"])
    orders = orders.mutate(
        previous_at=orders["at"].lag().over(by_time),
        previous_day=orders.day.lag().over(by_time),
        amount_before=orders.amount.lag().over(by_time),
        lines_before=orders.line_count.lag().over(by_time),
    )
    for name, met in novelties.items():
        columns = orders.columns
        orders = orders.left_join(met, ["customer_id", "at"]).select(*columns, name)
    is_new_day = orders.previous_day.isnull() | (orders.day != orders.previous_day)
    day_before = ibis.ifelse(is_new_day, orders.previous_day, ibis.null())
    gap = orders.day - day_before
    # Of several orders at one moment the first carries what was new at it.
    is_first = orders.previous_at.isnull() | (orders["at"] != orders.previous_at)
    weekday = (orders.day + 3.0) % 7.0  # 0 is Monday: 1970 began on a Thursday
    clock = orders["at"] % DAY
    return orders.select(
        "customer_id",
        "at",
        "day",
        new_day=is_new_day.cast("float64"),
        day_before=day_before,
        gap=gap,
        one=ibis.literal(1).cast("float64"),
        gap_squared=gap * gap,
        gap_count=gap.notnull().cast("float64"),
        amount="amount",
        # The change against the previous value: its running sum is the last value, without an ordered "last" aggregate.
        amount_change=orders.amount - ibis.coalesce(orders.amount_before, 0.0),
        lines=orders.line_count.cast("float64"),
        lines_change=orders.line_count - ibis.coalesce(orders.lines_before, 0),
        discount="discount",
        coupon="coupon_discount",
        weekend=(weekday >= 5).cast("float64"),
        morning=(clock < DAY // 2).cast("float64"),
        evening=(clock >= DAY * 3 // 4).cast("float64"),
        **{name: ibis.ifelse(is_first, ibis.coalesce(orders[name], 0.0), 0.0) for name in novelties},
    )


def build(shop: Shop, spine: Table) -> Table:
    """Purchasing features at every (customer_id, as_of) of the spine."""
    stack = AsOf.stack(_order_events(shop), spine, ("customer_id",))
    orders, gaps = stack.total("one"), stack.total("gap_count")
    some, pauses = orders.nullif(0), gaps.nullif(0)
    gap_mean = stack.total("gap") / pauses
    variance = stack.total("gap_squared") / pauses - gap_mean * gap_mean
    list_price = (stack.total("amount") + stack.total("discount")).nullif(0)
    # Every order day but the first closes a gap.
    recent_gaps = ibis.ifelse(gaps >= 1, stack.decayed("new_day", 56) - (stack.days_since_first() / -56.0).exp(), ibis.null())
    observed = micros(ibis.literal(shop.first_event))
    decayed_lines = stack.decayed("lines", 56).nullif(0)
    features = {
        "days_observed": (stack.at - observed) / float(DAY),
        "days_since_first_order": stack.days_since_first(),
        SINCE: stack.days_since_last(),
        "order_count": orders,
        "order_day_count": ibis.ifelse(orders > 0, gaps + 1.0, 0.0),
        "gap_mean": gap_mean,
        "gap_std": ibis.ifelse(gaps >= 2, ibis.greatest(variance, 0.0).sqrt(), ibis.null()),
        # Days only grow, so the greatest is the last: null before the second order day, as the day before it is.
        "gap_last": stack.greatest("day") - stack.greatest("day_before"),
        "gap_recent": stack.decayed("gap", 56) / recent_gaps,
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
        "store_count": stack.total("new_stores"),
    }
    return stack.rows(**{name: features[name] for name in FEATURES})


PURCHASING = FeatureView("purchasing", ("customer_id",), FEATURES, build)
