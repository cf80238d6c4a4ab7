"""The offers that the made-up shop writes: documents of `PUT /v1/offers`, of many types, most of them for some customers only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from benchmarks.serving.shop_orders import category_names, product_ids
from benchmarks.serving.shop_size import ShopSize
from benchmarks.serving.shop_tables import TAGS

_TYPES = ("coupon", "coupon", "item", "item", "content", "store_visit", "winback", "birthday", "survey", "usage_tip", "replenishment")
_STAGES = ("stranger", "aware", "interested", "buyer", "loyal", "advocate")
_CHANNELS = ("email", "sms", "wecom", "app", "mini_programme", "web")
_IN_FORCE = 0.62  # of the offers; the others have ended or begin later

Document = dict[str, Any]


def written_offers(size: ShopSize, now: datetime) -> list[Document]:
    """Documents, all of which the service takes.

    Args:
        size: how many, and of which products.
        now: the service's clock, UTC; offers begin and end around it.
    """
    random = np.random.default_rng([size.seed, 9])
    return [_offer(random, size, now, number) for number in range(size.offers)]


def _offer(random: np.random.Generator, size: ShopSize, now: datetime, number: int) -> Document:
    kind = _TYPES[number % len(_TYPES)]
    offer: Document = {
        "offer_id": f"offer-{number:05d}",
        "type": kind,
        "title": {"en": f"Offer {number}", "zh": f"优惠 {number}"},
        "message_key": f"message-{number}",
        "url": f"https://shop.example/o/{number}",
        "margin": round(float(random.uniform(3.0, 12.0)), 2),
        "conditions": _condition(random, size),
    }
    if random.random() < 0.6 or kind in {"item", "usage_tip", "replenishment"}:
        popular = (random.random(int(random.integers(1, 4))) ** 2 * (size.products // size.categories)).astype(int)
        shelf = int(random.integers(0, size.categories)) * (size.products // size.categories)
        # The shelf's tenth, seventeenth, … piece may be sold out: an offer of it is still taken, and falls in the request.
        offer["product_ids"] = sorted({str(product_ids(size)[shelf + place]) for place in popular})
    if kind == "coupon":
        offer["discount"] = round(float(random.uniform(0.5, 3.0)), 2)
    if random.random() < 0.4:
        offer["channels"] = [str(c) for c in random.choice(_CHANNELS, 3, replace=False)]
    if random.random() < 0.25:
        offer["stages"] = [str(s) for s in random.choice(_STAGES, 3, replace=False)]
    if random.random() < 0.1:
        offer["cap"] = int(random.integers(1, 5))
    return offer | _dates(random, now)


def _dates(random: np.random.Generator, now: datetime) -> Document:
    days = float(random.uniform(1.0, 60.0))
    if random.random() < _IN_FORCE:
        starts, ends = now - timedelta(days=days), now + timedelta(days=days)
    elif random.random() < 0.5:
        starts, ends = now - timedelta(days=days + 30), now - timedelta(days=days)
    else:
        starts, ends = now + timedelta(days=days), now + timedelta(days=days + 30)
    return {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}


def _condition(random: np.random.Generator, size: ShopSize) -> Document:
    """Some questions, joined; each holds for a part of the customers, so that forty of five hundred offers suit a typical one."""
    asked: list[Callable[[], Document]] = [
        lambda: _ask("order_count", "ge", int(random.integers(4, 20))),
        lambda: _ask("days_since_last_order", "le", int(random.integers(7, 60))),
        lambda: _ask("amount_mean", "ge", float(random.integers(20, 60))),
        lambda: _ask("tags", "contains", f"tag:{random.choice(TAGS)}"),
        lambda: _ask("categories", "contains", str(random.choice(category_names(size)))),
        lambda: _ask("locale", "in", ["zh-CN", "de-DE"]),
        lambda: _ask("churn_probability_28d", "ge", round(float(random.uniform(0.1, 0.6)), 2)),
        lambda: _ask("value_percentile", "ge", float(random.integers(30, 90))),
        lambda: _ask("category_count", "ge", int(random.integers(6, 20))),
        lambda: _ask("messages_opened_decayed_28d", "gt", 0.1),
    ]
    chosen = [asked[int(i)]() for i in random.choice(len(asked), int(random.integers(2, 4)), replace=False)]
    if random.random() < 0.12:
        return {"any": chosen}
    if random.random() < 0.2:
        return {"all": [chosen[0], {"not": chosen[1]}]}
    return {"all": chosen}


def _ask(field: str, op: str, value: object) -> Document:
    return {"field": field, "op": op, "value": value}
