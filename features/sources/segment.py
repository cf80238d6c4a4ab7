"""Segment's envelopes (`track`, `identify`, `alias`, `page`, `screen`, `group`) turned into events and links.

https://segment.com/docs/connections/spec/ and its e-commerce events. Of `context` nothing is kept: addresses and devices are not needed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from features.ledger.facts import FactId
from features.ledger.identities import ANONYMOUS
from features.ledger.kinds import BY_NAME
from features.sources.incoming import Incoming, Refused, kind_of, make_event

SOURCE = "segment"


def _zoned(value: object) -> object:
    # Segment's own libraries send UTC, some without saying so.
    if isinstance(value, str) and len(value) >= 10 and value[-1] not in "zZ" and "+" not in value[10:] and "-" not in value[10:]:
        return f"{value}Z"
    return value


class Envelope(BaseModel):
    """One message, as Segment's libraries send it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["track", "identify", "alias", "page", "screen", "group"]
    messageId: FactId  # noqa: N815 - Segment's name
    event: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    userId: FactId | None = None  # noqa: N815
    anonymousId: FactId | None = None  # noqa: N815
    previousId: FactId | None = None  # noqa: N815
    timestamp: Annotated[AwareDatetime, BeforeValidator(_zoned)] | None = None
    originalTimestamp: Annotated[AwareDatetime, BeforeValidator(_zoned)] | None = None  # noqa: N815
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}


def read_envelope(raw: object, *, now: datetime) -> Incoming:
    """One message.

    Args:
        raw: parsed JSON.
        now: the clock, UTC; a message without a time happened now.

    Raises:
        Refused: names the field and the reason.
    """
    try:
        envelope = Envelope.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refused(".".join(str(part) for part in first["loc"]) or "event", str(first["msg"])) from None
    at = (envelope.timestamp or envelope.originalTimestamp or now).astimezone(UTC)
    match envelope.type:
        case "track":
            return _track(envelope, at, now)
        case "identify":
            return _identify(envelope, at, now)
        case "alias":
            return _alias(envelope)
        case _:
            return _other(envelope, at, now)


def recorded_as(user_id: str | None, anonymous_id: str | None) -> str:
    """The id facts are recorded under: the shop's own, else the anonymous one, which is kept apart from the shop's.

    Raises:
        Refused: there is neither.
    """
    if user_id is not None:
        return user_id
    if anonymous_id is not None:
        return f"{ANONYMOUS}{anonymous_id}"
    raise Refused("userId", "either userId or anonymousId must be given")


def _track(envelope: Envelope, at: datetime, now: datetime) -> Incoming:
    if envelope.event is None:
        raise Refused("event", "a track message names its event")
    event = make_event(
        message_id=envelope.messageId,
        kind=kind_of(envelope.event),
        recorded_as=recorded_as(envelope.userId, envelope.anonymousId),
        occurred_at=at,
        source=SOURCE,
        properties={**envelope.properties, "event": envelope.event} if kind_of(envelope.event) is None else envelope.properties,
        now=now,
    )
    return Incoming(envelope.messageId, event)


def _identify(envelope: Envelope, at: datetime, now: datetime) -> Incoming:
    event = make_event(
        message_id=envelope.messageId,
        kind=BY_NAME["identified"],
        recorded_as=recorded_as(envelope.userId, envelope.anonymousId),
        occurred_at=at,
        source=SOURCE,
        properties=envelope.traits,
        now=now,
    )
    if envelope.userId is None or envelope.anonymousId is None:
        return Incoming(envelope.messageId, event)
    return Incoming(envelope.messageId, event, alias=f"{ANONYMOUS}{envelope.anonymousId}", customer_id=envelope.userId)


def _alias(envelope: Envelope) -> Incoming:
    if envelope.userId is None:
        raise Refused("userId", "an alias message names the customer in userId")
    if envelope.previousId is None and envelope.anonymousId is None:
        raise Refused("previousId", "an alias message names the other id in previousId")
    alias = envelope.previousId or f"{ANONYMOUS}{envelope.anonymousId}"
    return Incoming(envelope.messageId, None, alias=alias, customer_id=envelope.userId)


def _other(envelope: Envelope, at: datetime, now: datetime) -> Incoming:
    told = envelope.traits if envelope.type == "group" else envelope.properties
    event = make_event(
        message_id=envelope.messageId,
        kind=None,
        recorded_as=recorded_as(envelope.userId, envelope.anonymousId),
        occurred_at=at,
        source=SOURCE,
        properties={**told, "event": envelope.type},
        now=now,
    )
    return Incoming(envelope.messageId, event)
