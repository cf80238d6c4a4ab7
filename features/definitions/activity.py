"""What a customer looked at and took part in without buying: products, carts, searches, content, live sessions, stores, try-ons."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from features.definitions.as_of import AsOf, micros
from features.definitions.view import FeatureView, never_happened
from features.engine import Shop

_VIEWED = ("viewed", "view")  # as events fold, and as importers' files may call it
_CARTED = ("carted", "cart")
_LIKED = ("liked", "shared", "like", "share")

FEATURES = {
    "product_views_decayed_7d": "products looked at, each weighing exp(-age/7 days)",
    "product_views_decayed_28d": "products looked at, each weighing exp(-age/28 days)",
    "days_since_last_product_view": "days since a product was last looked at (null before the first)",
    "carts_decayed_28d": "products put into the cart, each weighing exp(-age/28 days)",
    "days_since_last_cart": "days since a product was last put into the cart (null before the first)",
    "likes_decayed_112d": "products put on the wish list or shared, each weighing exp(-age/112 days)",
    "try_ons_decayed_112d": "products tried on, each weighing exp(-age/112 days)",
    "searches_decayed_28d": "lists looked at and searches, each weighing exp(-age/28 days)",
    "content_views_decayed_28d": "articles and videos looked at, each weighing exp(-age/28 days)",
    "days_since_last_content_view": "days since content was last looked at (null before the first)",
    "live_attended_decayed_112d": "live sessions attended, each weighing exp(-age/112 days)",
    "store_visits_decayed_112d": "visits to a store, each weighing exp(-age/112 days)",
    "days_since_last_activity": "days since any of these (null before the first)",
}
_COUNTS = ("viewed", "carted", "liked", "tried_on", "searched", "read", "attended", "visited")


def _events(shop: Shop) -> Table:
    """One row an interaction or activity: one where it counts, null elsewhere."""
    i = shop.interactions.filter(shop.interactions.occurred_at.notnull())
    products = {
        "viewed": i.type.isin(_VIEWED),
        "carted": i.type.isin(_CARTED),
        "liked": i.type.isin(_LIKED),
        "tried_on": i.type == "tried_on",
    }
    # What concerns a product is an interaction too: it is counted there, once.
    a = shop.activities
    others = {
        "searched": a.kind == "list_viewed",
        "read": a.kind == "content_viewed",
        "attended": a.kind == "live_attended",
        "visited": a.kind == "store_visited",
    }
    return _counted(i, products).union(_counted(a, others))


def _counted(facts: Table, which: dict[str, ibis.expr.types.BooleanValue]) -> Table:
    at = micros(facts.occurred_at)
    none, never = ibis.null().cast("float64"), ibis.null().cast("int64")
    one = ibis.literal(1).cast("float64")
    counts = {name: ibis.ifelse(which[name], one, none) if name in which else none for name in _COUNTS}
    ages = {f"{name}_at": ibis.ifelse(which[name], at, never) if name in which else never for name in ("viewed", "carted", "read")}
    return facts.filter(ibis.or_(*which.values())).select("customer_id", at=at, **counts, **ages)


def build(shop: Shop, spine: Table) -> Table:
    """Activity features at every (customer_id, as_of) of the spine."""
    if {"interactions", "activities"} <= shop.empty:
        return never_happened(spine, FEATURES)
    stack = AsOf.stack(_events(shop), spine, ("customer_id",))
    features = {
        "product_views_decayed_7d": stack.decayed("viewed", 7),
        "product_views_decayed_28d": stack.decayed("viewed", 28),
        "days_since_last_product_view": stack.age_days("viewed_at"),
        "carts_decayed_28d": stack.decayed("carted", 28),
        "days_since_last_cart": stack.age_days("carted_at"),
        "likes_decayed_112d": stack.decayed("liked", 112),
        "try_ons_decayed_112d": stack.decayed("tried_on", 112),
        "searches_decayed_28d": stack.decayed("searched", 28),
        "content_views_decayed_28d": stack.decayed("read", 28),
        "days_since_last_content_view": stack.age_days("read_at"),
        "live_attended_decayed_112d": stack.decayed("attended", 112),
        "store_visits_decayed_112d": stack.decayed("visited", 112),
        "days_since_last_activity": stack.days_since_last(),
    }
    return stack.rows(**{name: features[name] for name in FEATURES})


ACTIVITY = FeatureView("activity", ("customer_id",), FEATURES, build)
