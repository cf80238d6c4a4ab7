"""Made-up events of a shop, as a tracking library sends them: the same seed, the same events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_CUSTOMERS, _PRODUCTS = 20_000, 5_000
# Shares of a shop's traffic: most of it is looking, one event in fourteen is an order of several lines.
_KINDS = ("view", "view", "view", "view", "view", "list", "list", "add", "add", "open", "open", "click", "identify", "order")


def message(number: int, prefix: str, dice: random.Random, now: datetime) -> dict[str, Any]:
    """One Segment envelope."""
    customer = f"c{dice.randrange(_CUSTOMERS)}"
    told: dict[str, Any] = {
        "messageId": f"{prefix}-{number}",
        "userId": customer,
        "timestamp": (now - timedelta(seconds=dice.randrange(86_400))).isoformat(),
        "context": {
            "library": {"name": "analytics-python", "version": "2.3.4"},
            "ip": "203.0.113.7",
            "userAgent": "Mozilla/5.0 (X11; Linux)",
        },
        "integrations": {},
    }
    return told | _said(dice.choice(_KINDS), number, prefix, dice)


def _said(kind: str, number: int, prefix: str, dice: random.Random) -> dict[str, Any]:
    product = {"product_id": f"p{dice.randrange(_PRODUCTS)}", "name": "Cream for dry skin 50 ml", "brand": "Own", "category": "Skin care"}
    match kind:
        case "view":
            return _track("Product Viewed", {**product, "price": 12.5, "currency": "EUR", "url": "https://shop.example/p/cream-50"})
        case "list":
            return _track("Product List Viewed", {"list_id": f"l{dice.randrange(50)}", "category": "Skin care"})
        case "add":
            return _track("Product Added", {**product, "quantity": 1 + dice.randrange(3), "price": 12.5, "cart_id": f"cart-{number}"})
        case "open" | "click":
            name = "Email Opened" if kind == "open" else "Email Link Clicked"
            return _track(name, {"campaign_id": f"k{dice.randrange(99)}", "channel": "email"})
        case "identify":
            return {"type": "identify", "traits": {"age_band": "35-44", "timezone": "Europe/Berlin", "locale": "de-DE"}}
    lines = [
        {"product_id": f"p{dice.randrange(_PRODUCTS)}", "quantity": 1 + dice.randrange(3), "price": dice.randrange(100, 5000) / 100}
        for _ in range(2 + dice.randrange(6))
    ]
    paid = round(sum(line["quantity"] * line["price"] for line in lines), 2)
    return _track("Order Completed", {"order_id": f"{prefix}-o{number}", "total": paid, "currency": "EUR", "products": lines})


def _track(event: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": properties}


def batches(prefix: str, *, size: int, seed: int) -> Iterator[bytes]:
    """Request bodies without end, each of so many new messages; ids start with the prefix."""
    dice, now, number = random.Random(seed), datetime.now(UTC), 0  # noqa: S311, DTZ - made-up data
    while True:
        yield json.dumps({"batch": [message(number + i, prefix, dice, now) for i in range(size)]}).encode()
        number += size
