"""Segment's envelopes (`track`, `identify`, `alias`, `page`, `screen`, `group`) turned into events and links.

https://segment.com/docs/connections/spec/ and its e-commerce events. Of `context` nothing is kept: addresses and devices are not needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from features.ledger.facts import FactId
from features.ledger.identities import ANONYMOUS
from features.ledger.kinds import BY_NAME
from features.sources.incoming import Incoming, Refused, in_utc, kind_of, make_event, refusal

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
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None


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
        raise refusal(error) from None
    at = in_utc(envelope.timestamp or envelope.originalTimestamp or now)
    match envelope.type:
        case "track":
            return _track(envelope, at, now)
        case "identify":
            return _identify(envelope, at, now)
        case "alias":
            return _alias(envelope, at, now)
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
    kind, told = kind_of(envelope.event), envelope.properties or {}
    event = make_event(
        message_id=envelope.messageId,
        kind=kind,
        recorded_as=recorded_as(envelope.userId, envelope.anonymousId),
        occurred_at=at,
        source=SOURCE,
        properties={**told, "event": envelope.event} if kind is None else told,
        now=now,
    )
    return Incoming(event)


def _identify(envelope: Envelope, at: datetime, now: datetime) -> Incoming:
    event = make_event(
        message_id=envelope.messageId,
        kind=BY_NAME["identified"],
        recorded_as=recorded_as(envelope.userId, envelope.anonymousId),
        occurred_at=at,
        source=SOURCE,
        properties=envelope.traits or {},
        now=now,
    )
    if envelope.userId is None or envelope.anonymousId is None:
        return Incoming(event)
    return Incoming(event, alias=f"{ANONYMOUS}{envelope.anonymousId}", customer_id=envelope.userId)


def _alias(envelope: Envelope, at: datetime, now: datetime) -> Incoming:
    if envelope.userId is None:
        raise Refused("userId", "an alias message names the customer in userId")
    if envelope.previousId is None and envelope.anonymousId is None:
        raise Refused("previousId", "an alias message names the other id in previousId")
    alias = envelope.previousId or f"{ANONYMOUS}{envelope.anonymousId}"
    # Kept as an event too, so that a repeat of it is known; whose ids it links stands in the log of links, not in the event.
    event = make_event(
        message_id=envelope.messageId,
        kind=None,
        recorded_as=envelope.userId,
        occurred_at=at,
        source=SOURCE,
        properties={"event": envelope.type},
        now=now,
    )
    return Incoming(event, alias=alias, customer_id=envelope.userId, link_only=True)


def _other(envelope: Envelope, at: datetime, now: datetime) -> Incoming:
    told = envelope.traits if envelope.type == "group" else envelope.properties
    event = make_event(
        message_id=envelope.messageId,
        kind=None,
        recorded_as=recorded_as(envelope.userId, envelope.anonymousId),
        occurred_at=at,
        source=SOURCE,
        properties={**(told or {}), "event": envelope.type},
        now=now,
    )
    return Incoming(event)
