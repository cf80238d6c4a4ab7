"""CloudEvents 1.0 in JSON, structured and batch, turned into events. `source` and `id` together are the message's id.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
`type` is one of our kinds or event names, after an optional reverse-DNS prefix (`com.shop.order_completed`); `subject` is the customer;
`data` holds the properties. A Segment envelope may travel as the data too: it then has a `type` and a `messageId` of its own.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from features.ledger.facts import FactId
from features.sources.incoming import Incoming, Refused, in_utc, kind_of, make_event, refusal
from features.sources.segment import read_envelope

SOURCE = "cloudevents"
_LONGEST_ID = 200
_NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]+$"


class CloudEvent(BaseModel):
    """One event in structured form."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=_NO_CONTROL_CHARACTERS)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=_NO_CONTROL_CHARACTERS)]
    type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    subject: FactId | None = None
    time: AwareDatetime | None = None
    data: dict[str, Any] | None = None
    data_base64: Any = None


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
        raise refusal(error) from None
    if told.data_base64 is not None:
        raise Refused("data_base64", "binary data is not understood; send a JSON object in data")
    data = told.data or {}
    if "messageId" in data and "type" in data:
        return read_envelope(data, now=now)
    if told.subject is None:
        raise Refused("subject", "names the customer; it is missing")
    name = told.type
    kind = kind_of(name) or kind_of(name.rsplit(".", 1)[-1])
    event = make_event(
        message_id=_message_id(told),
        kind=kind,
        recorded_as=told.subject,
        occurred_at=in_utc(told.time or now),
        source=SOURCE,
        properties=data if kind is not None else {**data, "event": name},
        now=now,
    )
    return Incoming(event)


def _message_id(told: CloudEvent) -> str:
    together = f"{told.source}#{told.id}"
    return together if len(together) <= _LONGEST_ID else hashlib.sha256(together.encode()).hexdigest()
