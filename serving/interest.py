"""Whether somebody who never ordered is interested, or merely aware of the shop."""

from __future__ import annotations

import math

from features.store import CustomerFeatures

_DATED = ("days_since_last_product_view", "days_since_last_cart", "days_since_last_need")
# Sums of exp(-age / days): one event so long ago weighs so much, and several older ones are worth one fresh one.
_DECAYED = {
    "searches_decayed_28d": 28.0,
    "likes_decayed_112d": 112.0,
    "try_ons_decayed_112d": 112.0,
    "live_attended_decayed_112d": 112.0,
    "store_visits_decayed_112d": 112.0,
}
_ANSWERS = ("tag:", "need:")


def is_interested(customer: CustomerFeatures, within_days: float) -> bool:
    """Whether they looked at products, put one into the cart, searched, tried on, came to a session or a store, or answered a keyword.

    Following a channel, signing in, reading an article and opening a message make somebody aware, not interested.

    Args:
        customer: somebody without an order; ages count from the moment their features look from.
        within_days: `assumptions.stages.interested_within_days`.
    """
    if any(customer.value(name) <= within_days for name in _DATED):  # false for NaN
        return True
    if any(customer.value(name) >= math.exp(-within_days / days) for name, days in _DECAYED.items()):
        return True
    return any(age <= within_days for label, age in customer.tags.items() if label.startswith(_ANSWERS))
