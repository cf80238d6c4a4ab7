"""What the effect of an offer on a customer may depend on.

A short list, kept with every decision, so that effects are learned from exactly what was known when it was made.
"""

from __future__ import annotations

STATE: tuple[str, ...] = (
    "days_since_last_order",
    "silence_in_cycles",  # days since the last order ÷ mean days between orders
    "order_count",
    "amount_mean",
    "discount_share",
    "coupon_share",
    "p_order",  # P(orders within the policy's horizon), predicted
    "value_percentile",
    "contacts_decayed_28d",
    "contacts_decayed_112d",
    "messages_opened_decayed_112d",
    "messages_clicked_decayed_112d",
    "mean_open_rate",
    "days_since_last_activity",
)
