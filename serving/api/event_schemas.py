"""Request forms and answer of the routes that take events in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from serving.intake import Status

MAX_EVENTS = 1000
_ORDER: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "order-1001-paid",
    "userId": "1",
    "timestamp": "2017-12-30T10:15:00Z",
    "properties": {"order_id": "1001", "total": 12.5, "products": [{"product_id": "995242", "quantity": 2, "price": 6.25}]},
}
_CLOUD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "42",
    "source": "/shop/web",
    "type": "product_viewed",
    "subject": "1",
    "time": "2017-12-30T10:16:00Z",
    "data": {"product_id": "995242"},
}
SEGMENT_EXAMPLE = {"batch": [_ORDER]}
CLOUDEVENT_EXAMPLE = _CLOUD


class MessageReceipt(BaseModel):
    """What became of one message of the call."""

    index: int = Field(ge=0, description="Place in the call, from 0.")
    message_id: str | None = None
    status: Status = Field(
        description="accepted: committed. duplicate: this message was here already; nothing changed. erased: tells of a time before the "
        "customer was erased; not kept. refused: not kept, see field and reason."
    )
    field: str | None = None
    reason: str | None = None


class EventsAnswer(BaseModel):
    """Counts, and every message that was not simply accepted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "accepted": 1,
                    "duplicates": 0,
                    "erased": 0,
                    "refused": 1,
                    "messages": [
                        {
                            "index": 1,
                            "message_id": "m-2",
                            "status": "refused",
                            "field": "properties.products",
                            "reason": "Field required",
                        }
                    ],
                }
            ]
        }
    )

    success: bool = Field(description="Always true: the call as a whole was taken; Segment's libraries look for it.")
    accepted: int = Field(ge=0)
    duplicates: int = Field(ge=0)
    erased: int = Field(ge=0)
    refused: int = Field(ge=0)
    messages: list[MessageReceipt] = Field(description="Those not accepted, or accepted with a remark, by index.")


REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_EVENTS} messages. `Content-Encoding: gzip` is understood.",
        "content": {
            "application/json": {
                "schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "maxItems": MAX_EVENTS}]},
                "examples": {"segment": {"value": SEGMENT_EXAMPLE}, "one": {"value": _ORDER}},
            },
            "application/cloudevents+json": {"schema": {"type": "object"}, "examples": {"one": {"value": CLOUDEVENT_EXAMPLE}}},
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "items": {"type": "object"}, "maxItems": MAX_EVENTS},
                "examples": {"batch": {"value": [CLOUDEVENT_EXAMPLE]}},
            },
        },
    }
}
