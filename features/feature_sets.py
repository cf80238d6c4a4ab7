"""The ordered inputs of each model, and the hash that artifact, store and request must agree on.

Light on purpose: serving reads the names without importing the engine that computes them. A test holds every name against its view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from features.versions import content_hash

_WEEKS = range(7, 92, 7)

_PURCHASING = (
    "days_observed",
    "days_since_first_order",
    "days_since_last_order",
    "order_count",
    "order_day_count",
    "gap_mean",
    "gap_std",
    "gap_last",
    "gap_recent",
    "gap_max",
    *(f"order_days_last_{d}d" for d in _WEEKS),
    *(f"order_days_decayed_{d}d" for d in (7, 14, 28, 56, 112)),
    *(f"amount_decayed_{d}d" for d in (28, 112)),
    "lines_decayed_28d",
    "amount_mean",
    "amount_last",
    "lines_mean",
    "lines_last",
    "discount_share",
    "coupon_share",
    "weekend_share",
    "morning_share",
    "evening_share",
    "new_product_share",
    "product_count",
    "category_count",
    "store_count",
)
_ENGAGEMENT = (
    "contact_count",
    "days_since_last_contact",
    "contacts_decayed_28d",
    "contacts_decayed_112d",
    "open_campaigns",
    "redemption_count",
    "days_since_last_redemption",
    "redemptions_decayed_56d",
    "redemptions_per_contact",
)
_PROFILE = ("profile_known", "age_from", "income_from", "household_size", "children_count", "is_homeowner", "is_married")
_ACTIVITY = (
    "product_views_decayed_7d",
    "product_views_decayed_28d",
    "days_since_last_product_view",
    "carts_decayed_28d",
    "days_since_last_cart",
    "likes_decayed_112d",
    "try_ons_decayed_112d",
    "searches_decayed_28d",
    "content_views_decayed_28d",
    "days_since_last_content_view",
    "live_attended_decayed_112d",
    "store_visits_decayed_112d",
    "days_since_last_activity",
)
_RELATIONSHIP = (
    "complaints_open",
    "days_since_last_complaint",
    "review_count",
    "mean_rating",
    "last_nps",
    "surveys_answered",
    "points_balance",
    "tier_level",
    "tag_count",
    "needs_stated_decayed_56d",
    "days_since_last_need",
    "messages_opened_decayed_28d",
    "messages_opened_decayed_112d",
    "messages_clicked_decayed_112d",
    "days_since_last_message_opened",
    "mean_open_rate",
    "channel_left",
    "leaving_count",
    "days_since_last_leaving",
)
_CATEGORY_CYCLE = (
    "days_since_first_purchase",
    "days_since_last_purchase",
    "purchase_count",
    "gap_mean",
    "gap_std",
    "gap_last",
    "gap_recent",
    *(f"purchases_last_{d}d" for d in _WEEKS),
    *(f"purchases_decayed_{d}d" for d in (7, 14, 28, 56, 112)),
    "quantity_mean",
    "quantity_last",
    "quantity_recent",
    "amount_mean",
    "looks_last_7d",
    "looks_last_28d",
    "days_since_last_look",
    "category_purchases_last_28d",
    "category_season",
    "category_gap_mean",
    "category_repeat_share",
)


@dataclass(frozen=True)
class FeatureSet:
    """Inputs of a model, in order.

    Attributes:
        name: what the set is called in manifests and in the online store.
        views: view name → its features used, in order.
    """

    name: str
    views: tuple[tuple[str, tuple[str, ...]], ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All features in input order."""
        return tuple(feature for _, features in self.views for feature in features)

    @cached_property
    def hash(self) -> str:
        """Content hash of name and order: what an artifact and an online row must agree on."""
        return content_hash(self.name, [[view, list(features)] for view, features in self.views])


CUSTOMER = FeatureSet(
    "customer",
    (
        ("purchasing", _PURCHASING),
        ("engagement", _ENGAGEMENT),
        ("profile", _PROFILE),
        ("activity", _ACTIVITY),
        ("relationship", _RELATIONSHIP),
    ),
)
CATEGORY = FeatureSet("category", (("category_cycle", _CATEGORY_CYCLE),))
RECENT = FeatureSet("recent", (("recent_purchases", ("purchases", "days_since_last")),))
TAGS = FeatureSet("tags", (("newest_tags", ("days_since_told",)),))
# Text, not numbers, and of no model: what an offer's day, hour and language may go by.
FACTS = FeatureSet("facts", (("customer_facts", ("birth_month", "birth_day", "timezone", "locale")),))
