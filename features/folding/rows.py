"""One event → rows of the shop's tables, by the same models that checked it when it came in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from features.ledger import facts
from features.ledger.events import Event
from features.ledger.kinds import BY_NAME

Row = dict[str, Any]
Rows = list[tuple[str, Row]]  # table, row
CHILD = "child_age_band"  # subject of a statement about a child's age: left out of the history without a consent of its own
_INTERACTIONS = {
    "product_viewed": "viewed",
    "product_added": "carted",
    "product_removed": "removed",
    "wishlist_added": "liked",
    "product_shared": "shared",
    "product_tried_on": "tried_on",
}


def rows_of(event: Event) -> Rows:
    """Rows of one event; none for a kind that the tables have no place for.

    Raises:
        pydantic.ValidationError: the event does not say what its kind must; impossible for what came in through the edge.
    """
    kind = BY_NAME.get(event.kind)
    if kind is None:
        return []
    told = kind.facts.model_validate(json.loads(event.properties))
    make = _MAKERS.get(type(told))
    return [] if make is None else make(event, told)


def _order(event: Event, order: facts.Order) -> Rows:
    amounts, discounts = _shares(order)
    lines = [
        (
            "order_lines",
            {
                "order_id": order.order_id,
                "line_number": number,
                "customer_id": event.recorded_as,
                "ordered_at": event.occurred_at,
                "product_id": line.product_id,
                "quantity": line.quantity,
                "amount": amount,
                "discount": discount,
            },
        )
        for number, (line, amount, discount) in enumerate(zip(order.products, amounts, discounts, strict=True))
    ]
    head = {
        "order_id": order.order_id,
        "customer_id": event.recorded_as,
        "ordered_at": event.occurred_at,
        "store_id": order.store_id,
        "amount": sum(amounts),
        "discount": sum(discounts),
        "coupon_discount": sum(discounts) if order.coupon else 0.0,
        "line_count": len(lines),
        "quantity": sum(line.quantity for line in order.products),
    }
    return [("orders", head), *lines]


def _shares(order: facts.Order) -> tuple[list[float], list[float]]:
    """Paid amount and discount of each line, so that the lines sum to the order.

    What the order as a whole was reduced by, or differs by from its lines, is spread over the lines by their value, or evenly where they
    have none.
    """
    listed = [line.price * line.quantity for line in order.products]
    own = [max(0.0, value - line.discount) for value, line in zip(listed, order.products, strict=True)]
    paid = max(0.0, sum(own) - order.discount) if order.total is None else order.total
    total = sum(own)
    shares = [value / total for value in own] if total > 0 else [1.0 / len(own)] * len(own)
    amounts = [paid * share for share in shares]
    return amounts, [max(0.0, value - amount) for value, amount in zip(listed, amounts, strict=True)]


def _refund(event: Event, refund: facts.Refund) -> Rows:
    """Products given back; without products one row that stands for the whole order, filled in when the history is put together."""
    base = {"refund_id": event.message_id, "customer_id": event.recorded_as, "refunded_at": event.occurred_at, "order_id": refund.order_id}
    if not refund.products:
        return [("refunds", {**base, "line_number": 0, "product_id": None, "quantity": 1.0, "amount": refund.total or 0.0})]
    return [
        (
            "refunds",
            {
                **base,
                "line_number": number,
                "product_id": line.product_id,
                "quantity": line.quantity,
                "amount": max(0.0, line.price * line.quantity - line.discount),
            },
        )
        for number, line in enumerate(refund.products)
    ]


def _of_product(event: Event, told: facts.OfProduct) -> Rows:
    interaction = {
        "interaction_id": event.message_id,
        "customer_id": event.recorded_as,
        "type": _INTERACTIONS[event.kind],
        "product_id": told.product_id,
        "occurred_at": event.occurred_at,
    }
    return [("interactions", interaction), *_activity(event, subject=told.product_id, value=told.quantity)]


def _of_message(event: Event, told: facts.OfMessage) -> Rows:
    activity = _activity(event, subject=told.offer_id, channel=told.channel)
    if event.kind != "message_sent":
        return activity
    contact = {
        "contact_id": event.message_id,
        "customer_id": event.recorded_as,
        "offer_id": told.offer_id,
        "channel": told.channel,
        "sent_at": event.occurred_at,
    }
    return [("contacts", contact), *activity]


def _life_stage(event: Event, told: facts.LifeStage) -> Rows:
    stated = _activity(event, subject="life_stage", label=told.life_stage) if told.life_stage else []
    of_child = _activity(event, subject=CHILD, label=told.child_age_band) if told.child_age_band else []
    if stated and of_child:  # two rows of one event need two keys
        of_child[0][1]["activity_id"] = f"{event.message_id}#child"
    return stated + of_child


def _traits(event: Event, told: facts.Traits) -> Rows:
    said = {"age_band": told.age_band, "birthday": told.birthday, "timezone": told.timezone, "locale": told.locale}
    # The facts have no date; that somebody identified themselves has.
    return [("customers", {"customer_id": event.recorded_as, **said}), *_activity(event)]


def _activity(
    event: Event, *, subject: str | None = None, label: str | None = None, channel: str | None = None, value: float | None = None
) -> Rows:
    row = {
        "activity_id": event.message_id,
        "customer_id": event.recorded_as,
        "kind": event.kind,
        "occurred_at": event.occurred_at,
        "subject": subject,
        "label": label,
        "channel": channel,
        "value": None if value is None else float(value),
    }
    return [("activities", row)]


_MAKERS: dict[type[facts.Facts], Callable[[Event, Any], Rows]] = {
    facts.Order: _order,
    facts.Refund: _refund,
    facts.OfProduct: _of_product,
    facts.OfMessage: _of_message,
    facts.LifeStage: _life_stage,
    facts.Traits: _traits,
    facts.Nothing: lambda event, _: _activity(event),
    facts.OfList: lambda event, told: _activity(event, subject=told.list_id, label=told.category),
    facts.Left: lambda event, told: _activity(event, subject=told.group_id, channel=told.channel),
    facts.Tag: lambda event, told: _activity(event, subject=told.value, label=told.tag),
    facts.Complaint: lambda event, told: _activity(event, subject=told.complaint_id, label=told.order_id),
    facts.Review: lambda event, told: _activity(event, subject=told.product_id, value=told.rating),
    facts.Points: lambda event, told: _activity(event, subject=None if told.balance is None else "balance", value=_points(told)),
    facts.Tier: lambda event, told: _activity(event, label=told.tier, value=told.level),
    facts.OfContent: lambda event, told: _activity(event, subject=told.content_id, value=told.seconds),
    facts.OfStore: lambda event, told: _activity(event, subject=told.store_id),
    facts.Survey: lambda event, told: _activity(event, subject=told.survey_id, value=told.score),
    facts.Nps: lambda event, told: _activity(event, value=told.score),
    facts.Need: lambda event, told: _activity(event, subject=told.product_id, label=told.category, value=told.within_days),
}


def _points(told: facts.Points) -> float:
    return told.change if told.balance is None else told.balance
