"""What was sent to a customer, and how the customer answered: contacts, campaigns running, coupons redeemed."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from features.definitions.as_of import AsOf, micros
from features.definitions.view import FeatureView
from features.engine import Shop

FEATURES = {
    "contact_count": "messages sent so far",
    "days_since_last_contact": "days since the last message (null before the first)",
    "contacts_decayed_28d": "messages sent, each weighing exp(-age/28 days)",
    "contacts_decayed_112d": "messages sent, each weighing exp(-age/112 days)",
    "open_campaigns": "campaigns the customer was mailed that are still running",
    "redemption_count": "coupons redeemed so far",
    "days_since_last_redemption": "days since the last redemption (null before the first)",
    "redemptions_decayed_56d": "coupons redeemed, each weighing exp(-age/56 days)",
    "redemptions_per_contact": "coupons redeemed ÷ messages sent",
}


def _events(shop: Shop) -> Table:
    """Contacts, campaign ends and redemptions in one table: a measure is null where it does not apply."""
    offers = shop.offers.select("offer_id", "ends_at")
    contacts = shop.contacts.left_join(offers, "offer_id").drop("offer_id_right")
    # A message without a campaign, or sent after its end, opens nothing: it would stay open for ever, or count below zero.
    runs = (contacts.ends_at > contacts.sent_at).fill_null(False)
    none = ibis.null().cast("float64")
    never = ibis.null().cast("int64")
    sent_at = micros(contacts.sent_at)
    sent = contacts.select(
        "customer_id", at=sent_at, contact=ibis.literal(1.0), open=runs.cast("float64"), contacted=sent_at, redeemed=none, redeemed_at=never
    )
    ended = contacts.filter(runs).select(
        "customer_id",
        at=micros(contacts.ends_at),
        contact=none,
        open=ibis.literal(-1.0),
        contacted=never,
        redeemed=none,
        redeemed_at=never,
    )
    used_at = micros(shop.redemptions.redeemed_at)
    used = shop.redemptions.select(
        "customer_id", at=used_at, contact=none, open=none, contacted=never, redeemed=ibis.literal(1.0), redeemed_at=used_at
    )
    return sent.union(ended).union(used)


def build(shop: Shop, spine: Table) -> Table:
    """Engagement features at every (customer_id, as_of) of the spine."""
    stack = AsOf.stack(_events(shop), spine, ("customer_id",))
    contacts, redemptions = stack.total("contact"), stack.total("redeemed")
    features = {
        "contact_count": contacts,
        "days_since_last_contact": stack.age_days("contacted"),
        "contacts_decayed_28d": stack.decayed("contact", 28),
        "contacts_decayed_112d": stack.decayed("contact", 112),
        "open_campaigns": stack.total("open"),
        "redemption_count": redemptions,
        "days_since_last_redemption": stack.age_days("redeemed_at"),
        "redemptions_decayed_56d": stack.decayed("redeemed", 56),
        "redemptions_per_contact": redemptions / contacts.nullif(0),
    }
    return stack.rows(**{name: features[name] for name in FEATURES})


ENGAGEMENT = FeatureView("engagement", ("customer_id",), FEATURES, build)
