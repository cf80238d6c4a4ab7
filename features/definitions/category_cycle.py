"""How a customer buys a category: when last, in which rhythm, how much, and whether they look at it again; customer × product category.

A category is a unit of `features.units`: the product itself where a shop's products carry no category. A purchase is a day on which the
customer ordered the category, however often that day. The category's own facts (`category_demand`) stand beside it.
"""

from __future__ import annotations

from collections.abc import Collection

import ibis
from ibis import _
from ibis.expr.types import Table

from features.definitions import category_demand
from features.definitions.as_of import DAY, AsOf, day_number, micros
from features.definitions.view import FeatureView
from features.engine import Shop
from features.looks_build import KINDS as LOOKS
from features.looks_build import LOOK_DAYS

# One window per step, so that each can be rolled forward by whole steps. The repurchase model reads those up to 28 days: the longer ones
# changed its log loss by less than .0003 (Complete Journey, as-of dates 2017-09-10 and 10-08), and the engine skips what nobody selects.
WEEKS = tuple(range(7, 92, 7))
DECAYS = (7, 14, 28, 56, 112)  # days; from one step to a quarter
KEYS = ("customer_id", "product_category")

PAIR_FEATURES = {
    "days_since_first_purchase": "days since the customer first bought the category",
    "days_since_last_purchase": "days since the customer last bought the category",
    "purchase_count": "days with a purchase of the category so far",
    "gap_mean": "mean days between two purchases (null before the second)",
    "gap_std": "standard deviation of the days between two purchases (null before the third)",
    "gap_last": "days between the last two purchases (null before the second)",
    "gap_recent": "mean days between purchases, recent ones weighing more (decay 56 days)",
    **{f"purchases_last_{d}d": f"purchases in the last {d} days" for d in WEEKS},
    **{f"purchases_decayed_{d}d": f"purchases, each weighing exp(-age/{d} days)" for d in DECAYS},
    "quantity_mean": "mean quantity of a purchase, in the shop's units",
    "quantity_last": "quantity of the last order with the category",
    "quantity_recent": "mean quantity of a purchase, recent ones weighing more (decay 56 days)",
    "amount_mean": "mean amount of a purchase",
    "looks_last_7d": "times a product of the category was looked at, carted, wished for, shared or tried on in the last 7 days",
    "looks_last_28d": "the same in the last 28 days",
    "days_since_last_look": "days since the last of these (null before the first)",
}
FEATURES = {**PAIR_FEATURES, **category_demand.FEATURES}


def pair_spine(shop: Shop, customers: Table, *, excluded_categories: Collection[str] = ()) -> Table:
    """Every category a customer had bought, on as many days as the shop's units ask for, or looked at lately, by the as-of date.

    Where products are bought again one by one, what was only looked at is left out: it would be most of the catalogue.

    Args:
        shop: the history; what a customer first bought after the as-of date is not seen.
        customers: `customer_id`, `as_of`; of who had not ordered by then there is no pair.
        excluded_categories: categories that are no merchandise (coupons scanned as products, …).

    Returns:
        `customer_id`, `product_category`, `as_of`; one row per pair and as-of date. Of what was only looked at `purchase_count` is 0.
    """
    lines = shop.order_lines.filter(shop.order_lines.customer_id.notnull())
    kept = shop.units
    if excluded_categories:
        kept = kept.filter(kept.product_category.notin(sorted(excluded_categories)))
    lines = lines.join(kept, "product_id")
    lines = lines.mutate(at=micros(lines.ordered_at))
    if shop.unit_days > 1:
        days = lines.mutate(day=day_number(lines["at"])).group_by(*KEYS, "day").agg(at=_["at"].min())
        number = ibis.row_number().over(ibis.window(group_by=list(KEYS), order_by="day"))
        lines = days.mutate(number=number).filter(_.number == shop.unit_days - 1)
    known = lines.group_by(*KEYS).agg(known_at=lines["at"].min())
    pairs = customers.select("customer_id", "as_of").join(known, "customer_id")
    pairs = pairs.filter(pairs.known_at <= micros(pairs.as_of)).select(*KEYS, "as_of")
    if shop.unit_days > 1 or "interactions" in shop.empty:
        return pairs
    buyers = known.group_by("customer_id").agg(known_at=known.known_at.min())
    looks = (
        _looked(shop, kept).select(*KEYS, "at").join(buyers, "customer_id").join(customers.select("customer_id", "as_of"), "customer_id")
    )
    age = micros(looks.as_of) - looks["at"]
    lately = looks.filter((age >= 0) & (age < LOOK_DAYS * DAY) & (looks.known_at <= micros(looks.as_of)))
    return pairs.union(lately.select(*KEYS, "as_of")).distinct()


def _looked(shop: Shop, units: Table) -> Table:
    """Looks at products of these units: `customer_id`, `product_category`, `at`."""
    seen = shop.interactions
    seen = seen.filter(seen.type.isin(LOOKS) & seen.product_id.notnull() & seen.occurred_at.notnull())
    seen = seen.join(units, "product_id")
    return seen.select(*KEYS, at=micros(seen.occurred_at))


def _events(shop: Shop, spine: Table) -> Table:
    """What each order with the category adds to every sum; pairs that nobody asks for are dropped before the sort."""
    bought = category_demand.purchases(shop).semi_join(spine.select(*KEYS).distinct(), KEYS)
    gap = bought.day - bought.day_before
    none, never = ibis.null().cast("float64"), ibis.null().cast("int64")
    purchases = bought.select(
        *KEYS,
        "at",
        "new_day",
        "day",
        "day_before",
        "quantity",
        "amount",
        gap=gap,
        time=bought.at,
        first_time=-bought.at,
        gap_squared=gap * gap,
        # The change against the previous value: its running sum is the last value, without an ordered "last" aggregate.
        quantity_change=bought.quantity - ibis.coalesce(bought.quantity_before, 0.0),
        look=none,
        look_time=never,
    )
    return purchases if "interactions" in shop.empty else purchases.union(_looks(shop, spine, purchases))


def _looks(shop: Shop, spine: Table, purchases: Table) -> Table:
    """Looks at products of the pairs' categories, in the columns of the purchases: of everything else they say nothing."""
    seen = _looked(shop, shop.units).semi_join(spine.select(*KEYS).distinct(), KEYS)
    said = {"at": seen["at"], "look": ibis.literal(1).cast("float64"), "look_time": seen["at"]}
    unsaid = {name: ibis.null().cast(kind) for name, kind in purchases.schema().items() if name not in {*KEYS, *said}}
    return seen.select(*KEYS, **{name: (said | unsaid)[name] for name in purchases.columns if name not in KEYS})


def pair_features(shop: Shop, spine: Table) -> Table:
    """The customer's own part at every row of the spine; right on `Shop.of_customers` too."""
    stack = AsOf.stack(_events(shop, spine), spine, KEYS)
    purchases = stack.total("new_day")
    some = purchases.nullif(0)
    gaps = purchases - 1.0  # every purchase but the first closes a gap
    pauses = ibis.ifelse(gaps >= 1, gaps, ibis.null())
    gap_mean = stack.total("gap") / pauses
    variance = stack.total("gap_squared") / pauses - gap_mean * gap_mean
    recent = stack.decayed("new_day", 56).nullif(0)
    age = (stack.at + stack.greatest("first_time")) / float(DAY)
    recent_pauses = ibis.ifelse(gaps >= 1, recent - (-age / 56.0).exp(), ibis.null())
    features = {
        "days_since_first_purchase": age,
        "days_since_last_purchase": stack.age_days("time"),
        "purchase_count": purchases,
        "gap_mean": gap_mean,
        "gap_std": ibis.ifelse(gaps >= 2, ibis.greatest(variance, 0.0).sqrt(), ibis.null()),
        # Days only grow, so the greatest is the last: null before the second purchase, as the day before it is.
        "gap_last": stack.greatest("day") - stack.greatest("day_before"),
        "gap_recent": stack.decayed("gap", 56) / recent_pauses,
        **{f"purchases_last_{d}d": stack.last_days("new_day", d) for d in WEEKS},
        **{f"purchases_decayed_{d}d": stack.decayed("new_day", d) for d in DECAYS},
        "quantity_mean": stack.total("quantity") / some,
        "quantity_last": ibis.ifelse(purchases > 0, stack.total("quantity_change"), ibis.null()),
        "quantity_recent": stack.decayed("quantity", 56) / recent,
        "amount_mean": stack.total("amount") / some,
        "looks_last_7d": stack.last_days("look", 7),
        "looks_last_28d": stack.last_days("look", 28),
        "days_since_last_look": stack.age_days("look_time"),
    }
    return stack.rows(**{name: features[name] for name in PAIR_FEATURES})


def build(shop: Shop, spine: Table) -> Table:
    """Cycle features at every (customer_id, product_category, as_of) of the spine; the shop must hold every customer's orders."""
    demand = category_demand.build(shop, spine.select("product_category", "as_of").distinct())
    return join_demand(pair_features(shop, spine), demand)


def join_demand(pairs: Table, demand: Table) -> Table:
    """Put the category's facts beside the customer's own; a category or date that `demand` does not know gets nulls.

    Args:
        pairs: result of `pair_features`, of some or all customers.
        demand: `product_category`, `as_of` and the features of `category_demand`, computed from all customers.
    """
    joined = pairs.left_join(demand, ["product_category", "as_of"])
    return joined.select(*KEYS, "as_of", *FEATURES)


CATEGORY_CYCLE = FeatureView("category_cycle", KEYS, FEATURES, build)
