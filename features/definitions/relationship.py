"""How a customer stands with the shop: complaints, reviews, answers, points, tier, tags, messages answered, the channel left."""

from __future__ import annotations

import ibis
from ibis.common.deferred import Deferred
from ibis.expr.types import BooleanValue, IntegerValue, NumericValue, StringValue, Table

from features.definitions.as_of import AsOf, micros
from features.definitions.view import FeatureView, never_happened
from features.engine import Shop
from features.ledger.kinds import LEAVING

FEATURES = {
    "complaints_open": "complaints opened and not yet closed",
    "days_since_last_complaint": "days since a complaint was last opened (null before the first)",
    "review_count": "products reviewed so far",
    "mean_rating": "mean rating of the customer's reviews (null before the first)",
    "last_nps": "last answer to 'would you recommend us', 0 to 10 (null before the first)",
    "surveys_answered": "surveys answered so far, NPS included",
    "points_balance": "loyalty points: the last balance told, and what changed since",
    "tier_level": "level of the membership tier (0 where none was told)",
    "tag_count": "different tags that the customer's answers gave",
    "needs_stated_decayed_56d": "needs stated, each weighing exp(-age/56 days)",
    "days_since_last_need": "days since a need was last stated (null before the first)",
    "messages_opened_decayed_28d": "messages opened, each weighing exp(-age/28 days)",
    "messages_opened_decayed_112d": "messages opened, each weighing exp(-age/112 days)",
    "messages_clicked_decayed_112d": "messages clicked, each weighing exp(-age/112 days)",
    "days_since_last_message_opened": "days since a message was last opened or clicked (null before the first)",
    "mean_open_rate": "messages opened ÷ messages sent, recent ones weighing more (decay 112 days; null before the first one opened)",
    "channel_left": "1 when the customer left the channel (unsubscribed, left the group, deleted the contact) and has not joined again",
    "leaving_count": "times the customer left the channel so far",
    "days_since_last_leaving": "days since the customer last left the channel (null before the first)",
}
_MEASURES = (
    *("complaint", "review", "rating", "rated", "nps_change", "nps", "survey", "points", "balance_change", "tier_change", "tag"),
    *("need", "opened", "clicked", "contact", "left_change", "leaving"),
)
_MOMENTS = ("complaint_at", "need_at", "opened_at", "leaving_at")
_STAYING = ("channel_joined",)


def _rows(facts: Table, **measures: NumericValue) -> Table:
    """Events with these measures; the others do not speak of them."""
    none, never = ibis.null().cast("float64"), ibis.null().cast("int64")
    numbers = {name: measures[name].cast("float64") if name in measures else none for name in _MEASURES}
    moments = {name: measures.get(name, never) for name in _MOMENTS}
    return facts.select("customer_id", at=facts["at"], **numbers, **moments)


def _one(which: BooleanValue) -> NumericValue:
    return ibis.ifelse(which, ibis.literal(1).cast("float64"), ibis.null().cast("float64"))


def _when(which: BooleanValue, at: IntegerValue) -> IntegerValue:
    return ibis.ifelse(which, at, ibis.null().cast("int64"))


def _change(value: NumericValue, *within: str) -> NumericValue:
    """The change against the value before it: its running sum is the last value, without an ordered "last" aggregate."""
    by_time = ibis.window(group_by=["customer_id", *within], order_by=["at", "activity_id"])
    return value - ibis.coalesce(value.lag().over(by_time), ibis.literal(0).cast("float64"))


def _of(facts: Table, *kinds: str) -> Table:
    return facts.filter(facts.kind.isin(kinds))


def _complaints(facts: Table) -> Table:
    # Of one complaint that is opened twice, or closed unopened, the state counts, not the number of events.
    told = _of(facts, "complaint_opened", "complaint_closed").mutate(state=lambda t: (t.kind == "complaint_opened").cast("float64"))
    opened = told.kind == "complaint_opened"
    return _rows(told, complaint=_change(told.state, "subject"), complaint_at=_when(opened, told["at"]))


def _answers(facts: Table) -> Table:
    reviews = _of(facts, "product_reviewed")
    nps = _of(facts, "nps_answered").filter(lambda t: t.value.notnull())
    surveys = _of(facts, "survey_answered")
    needs = _of(facts, "need_stated")
    one = ibis.literal(1)
    return (
        _rows(reviews, review=one, rating=reviews.value, rated=reviews.value.notnull())
        .union(_rows(nps, nps_change=_change(nps.value), nps=one, survey=one))
        .union(_rows(surveys, survey=one))
        .union(_rows(needs, need=one, need_at=needs["at"]))
    )


def _membership(facts: Table) -> Table:
    told = _of(facts, "points_changed")
    is_balance: BooleanValue = (told.subject == "balance").fill_null(False)
    changes = told.mutate(is_balance=is_balance, change=ibis.ifelse(is_balance, 0.0, told.value.fill_null(0.0)).cast("float64"))
    so_far = ibis.window(group_by="customer_id", order_by=["at", "activity_id"], preceding=None, following=0)
    changes = changes.mutate(changed=changes.change.sum().over(so_far))
    # What a balance says beyond the changes before it: the last such difference and all changes make the balance.
    balances = changes.filter(changes.is_balance & changes.value.notnull()).mutate(beyond=lambda t: t.value - t.changed)
    tiers = _of(facts, "tier_changed").filter(lambda t: t.value.notnull())
    tags: StringValue = facts.label
    firsts = _of(facts, "tag_added").filter(tags.notnull()).group_by("customer_id", "label").agg(at=facts["at"].min())
    return (
        _rows(changes, points=changes.change)
        .union(_rows(balances, balance_change=_change(balances.beyond)))
        .union(_rows(tiers, tier_change=_change(tiers.value)))
        .union(_rows(firsts, tag=ibis.literal(1)))
    )


def _channel(facts: Table) -> Table:
    opened, clicked = facts.kind == "message_opened", facts.kind == "message_clicked"
    answered = facts.mutate(was_opened=_one(opened), was_clicked=_one(clicked)).filter(opened | clicked)
    moved = _of(facts, *LEAVING, *_STAYING).mutate(is_leaving=lambda t: t.kind.isin(LEAVING).cast("float64"))
    left = moved.is_leaving == 1.0
    return _rows(answered, opened=answered.was_opened, clicked=answered.was_clicked, opened_at=answered["at"]).union(
        _rows(moved, left_change=_change(moved.is_leaving), leaving=moved.is_leaving, leaving_at=_when(left, moved["at"]))
    )


def _events(shop: Shop) -> Table:
    facts = shop.activities.mutate(at=micros(shop.activities.occurred_at))
    sent = shop.contacts.select("customer_id", at=micros(shop.contacts.sent_at))
    contacts = _rows(sent, contact=ibis.literal(1))
    return contacts.union(_complaints(facts)).union(_answers(facts)).union(_membership(facts)).union(_channel(facts))


def build(shop: Shop, spine: Table) -> Table:
    """Relationship features at every (customer_id, as_of) of the spine."""
    if "activities" in shop.empty:
        return never_happened(spine, FEATURES)
    stack = AsOf.stack(_events(shop), spine, ("customer_id",))
    opened: Deferred = stack.decayed("opened", 112)
    features = {
        "complaints_open": stack.total("complaint"),
        "days_since_last_complaint": stack.age_days("complaint_at"),
        "review_count": stack.total("review"),
        "mean_rating": stack.total("rating") / stack.total("rated").nullif(0),
        "last_nps": ibis.ifelse(stack.total("nps") > 0, stack.total("nps_change"), ibis.null()),
        "surveys_answered": stack.total("survey"),
        "points_balance": stack.total("points") + stack.total("balance_change"),
        "tier_level": stack.total("tier_change"),
        "tag_count": stack.total("tag"),
        "needs_stated_decayed_56d": stack.decayed("need", 56),
        "days_since_last_need": stack.age_days("need_at"),
        "messages_opened_decayed_28d": stack.decayed("opened", 28),
        "messages_opened_decayed_112d": opened,
        "messages_clicked_decayed_112d": stack.decayed("clicked", 112),
        "days_since_last_message_opened": stack.age_days("opened_at"),
        "mean_open_rate": opened.nullif(0) / stack.decayed("contact", 112).nullif(0),
        "channel_left": stack.total("left_change"),
        "leaving_count": stack.total("leaving"),
        "days_since_last_leaving": stack.age_days("leaving_at"),
    }
    return stack.rows(**{name: features[name] for name in FEATURES})


RELATIONSHIP = FeatureView("relationship", ("customer_id",), FEATURES, build)
