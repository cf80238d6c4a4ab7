"""CloudEvents 1.0 in JSON, structured and batch, turned into events. `source` and `id` together are the message's id.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
`type` is one of our kinds or event names, after an optional reverse-DNS prefix (`com.shop.order_completed`); `subject` is the customer;
`data` holds the properties. A Segment envelope may travel as the data too: it then has a `type` and a `messageId` of its own.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from features.ledger.facts import FactId
from features.sources.incoming import Incoming, Refused, kind_of, make_event
from features.sources.segment import read_envelope

SOURCE = "cloudevents"
_LONGEST_ID = 200


class CloudEvent(BaseModel):
    """One event in structured form."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=512)
    source: str = Field(min_length=1, max_length=1024)
    type: str = Field(min_length=1, max_length=200)
    subject: FactId | None = None
    time: AwareDatetime | None = None
    data: dict[str, Any] = {}


def read_cloud_event(raw: object, *, now: datetime) -> Incoming:
    """One CloudEvent.

    Args:
        raw: parsed JSON.
        now: the clock, UTC; an event without a time happened now.

    Raises:
        Refused: names the field and the reason.
    """
    try:
        told = CloudEvent.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refused(".".join(str(part) for part in first["loc"]) or "event", str(first["msg"])) from None
    if "messageId" in told.data and "type" in told.data:
        return read_envelope(told.data, now=now)
    if told.subject is None:
        raise Refused("subject", "names the customer; it is missing")
    name = told.type
    kind = kind_of(name) or kind_of(name.rsplit(".", 1)[-1])
    message_id = _message_id(told)
    event = make_event(
        message_id=message_id,
        kind=kind,
        recorded_as=told.subject,
        occurred_at=(told.time or now).astimezone(UTC),
        source=SOURCE,
        properties=told.data if kind is not None else {**told.data, "event": name},
        now=now,
    )
    return Incoming(message_id, event)


def _message_id(told: CloudEvent) -> str:
    together = f"{told.source}#{told.id}"
    return together if len(together) <= _LONGEST_ID else hashlib.sha256(together.encode()).hexdigest()
