"""Anything as the body of a call that brings events: refused by name, or an event that the ledger keeps as it is. For both fuzzers."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import Any

from features.errors import HuitouError
from features.ledger.events import EVENTS, Event
from features.ledger.kinds import BY_NAME
from features.sources.incoming import AHEAD, MOST_BYTES, OLDEST, Refused
from serving.api.bodies import decoded, parsed
from serving.api.event_bodies import Sent, messages_of
from serving.intake import shown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT = 1_000_000
CALLS = ("events", "batch", "track", "identify", "alias", "page", "screen", "group")
TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "")
BINARY = {"ce-specversion": "1.0", "ce-id": "%E4%B8%80", "ce-source": "/shop", "ce-type": "cart_viewed", "ce-subject": "c1"}
TEXTS = ("message_id", "kind", "recorded_as", "source")


def _seed(message: Any) -> bytes:
    return json.dumps(message).encode()


_TRACK = {"type": "track", "messageId": "m", "userId": "c", "anonymousId": "d", "timestamp": "2026-02-01T10:00:00.123+08:00"}
_ORDER = {"order_id": "o", "total": "12.50", "currency": "CNY", "products": [{"product_id": "p", "quantity": 2, "price": 3.5}]}
_CLOUD = {
    "specversion": "1.0",
    "id": "1",
    "source": "/s",
    "type": "com.shop.order_completed",
    "subject": "c",
    "time": "2026-02-01T10:00:00Z",
}
SEEDS: tuple[bytes, ...] = (
    _seed({**_TRACK, "event": "Product Viewed", "properties": {"product_id": 17}}),
    _seed({**_TRACK, "event": "Order Completed", "properties": _ORDER}),
    _seed({**_TRACK, "event": "Order Refunded", "properties": _ORDER}),
    _seed({**_TRACK, "event": "关键词", "properties": {"keyword": "敏感肌\\u0000"}}),
    _seed({**_TRACK, "event": "Keyword Replied", "properties": {"keyword": "\0"}}),
    _seed({**_TRACK, "event": "Keyword Replied", "userId": "\0", "properties": {"keyword": "\ud800"}}),
    _seed({**_TRACK, "type": "identify", "traits": {"birthday": "1990-05-03", "phone": "1"}}),
    _seed({"type": "alias", "messageId": "m", "previousId": "card", "userId": "c", "timestamp": "2026-02-01T10:00:00Z"}),
    _seed({"batch": [{**_TRACK, "event": "Email Opened", "properties": {}}, {}], "writeKey": "k", "sentAt": "x"}),
    _seed([{**_CLOUD, "data": _ORDER}, {**_CLOUD, "data": {**_TRACK, "event": "Cart Viewed"}}]),
    _seed({**_CLOUD, "data_base64": "e30="}),
    b'{"type":"track","properties":{"a":1e999,"b":-0.0,"c":[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]}}',
    zlib.compress(b"[]", wbits=31),
)


def decode(data: bytes) -> int:
    """Read it as the service would; returns how many messages were understood.

    Args:
        data: one byte that chooses what the head says, then the body.

    Raises:
        AssertionError: an event would be kept that the ledger cannot keep or give back.
        Exception: an error that callers would meet as one of the service's own.
    """
    choice, body = (data[0], data[1:]) if data else (0, b"")
    call, content_type = CALLS[choice & 7], TYPES[choice >> 3 & 3]
    sent = Sent.of(f"/v1/{call}", {"content-type": content_type, **(BINARY if choice & 64 else {})})
    try:
        told = parsed(decoded(body, "gzip" if choice & 128 else "", LIMIT))
        messages, read = messages_of(told, sent)
    except HuitouError as refused:
        str(refused).encode()
        return 0
    understood = 0
    for message in messages[:50]:
        try:
            incoming = read(message, NOW)
        except Refused as refused:
            (shown(refused.field) + shown(refused.reason)).encode()
            continue
        understood += 1
        check(incoming.event)
        for linked in (incoming.alias, incoming.customer_id):
            check_text(linked or "", 200)
    return understood


def check(event: Event) -> None:
    """See whether the ledger can keep it and give it back."""
    for name in TEXTS:
        check_text(getattr(event, name), EVENTS.c[name].type.length)
    assert event.message_id
    assert event.recorded_as
    assert OLDEST <= event.occurred_at <= NOW + AHEAD
    assert event.occurred_at.utcoffset() == UTC.utcoffset(None)
    assert len(event.properties.encode()) <= MOST_BYTES
    properties = json.loads(event.properties)
    assert isinstance(properties, dict)
    assert "\0" not in json.dumps(properties, ensure_ascii=False)
    if event.kind in BY_NAME:
        BY_NAME[event.kind].facts.model_validate(properties)  # what was judged is what is kept


def check_text(text: str, longest: int) -> None:
    """See whether either database can keep a text."""
    text.encode()
    assert "\0" not in text
    assert len(text) <= longest
