"""What every form of event is turned into at the edge: an event for the ledger, and links it asks for, or a reason why not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from features.ledger.events import Event
from features.ledger.kinds import BY_EVENT, BY_NAME, OTHER, Kind

OLDEST = datetime(1990, 1, 1, tzinfo=UTC)  # no shop kept its orders online before; 1970 is a clock that was never set
AHEAD = timedelta(minutes=10)  # how far a sender's clock may be ahead of ours
MOST_BYTES = 262_144  # of one event's properties; an order of a thousand lines takes about 100 kB
_DEEPEST = 20
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # an escape, not a backslash that was itself escaped


class Refused(Exception):
    """An event cannot be kept; the message says which field and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Incoming:
    """One thing that came in.

    Attributes:
        event: to be kept.
        alias: id to be linked; None when no link is asked for.
        customer_id: the customer it is linked to.
        link_only: it says nothing but the link: where that cannot be made, nothing is kept.
    """

    event: Event
    alias: str | None = None
    customer_id: str | None = None
    link_only: bool = False


def in_utc(told: datetime, *, field: str = "timestamp") -> datetime:
    """A time with its zone, as UTC.

    Raises:
        Refused: in UTC it would lie outside the years that there are.
    """
    try:
        return told.astimezone(UTC)
    except OverflowError as error:
        raise Refused(field, "is at the very edge of the calendar") from error


def refusal(error: ValidationError, *, within: tuple[str, ...] = (), whole: str = "event") -> Refused:
    """The first thing that a model found wrong, as a reason.

    Args:
        error: of the model.
        within: fields around the model.
        whole: what to name where no field is meant.
    """
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return Refused(".".join([*within, *(str(part) for part in first["loc"])]) or whole, str(first["msg"]))


def kind_of(event_name: str) -> Kind | None:
    """The kind behind a name; None for a name that is not ours."""
    return BY_EVENT.get(event_name.strip().casefold())


def make_event(
    *, message_id: str, kind: Kind | None, recorded_as: str, occurred_at: datetime, source: str, properties: dict[str, Any], now: datetime
) -> Event:
    """Check time and facts.

    Args:
        message_id: the sender's own id.
        kind: None for a name that is not ours: kept as `other`.
        recorded_as: the customer's id as sent.
        occurred_at: with a zone.
        source: which form it came in.
        properties: as sent.
        now: the clock, UTC; what lies beyond it by more than `AHEAD` has not happened.

    Raises:
        Refused: says the field and the reason.
    """
    check_time(occurred_at, now)
    if kind is not None:
        check_facts(kind, properties)
    return Event(message_id, OTHER if kind is None else kind.name, recorded_as, occurred_at, source, packed(properties))


def check_time(told: datetime, now: datetime, *, field: str = "timestamp") -> None:
    """See whether something can have happened then.

    Raises:
        Refused: before there were shops like this, or after now.
    """
    if told < OLDEST:
        raise Refused(field, f"{told.isoformat()} is before {OLDEST.year}: the sender's clock was not set")
    if told > now + AHEAD:
        raise Refused(field, f"{told.isoformat()} lies in the future; it is {now.isoformat(timespec='seconds')} here")


def check_facts(kind: Kind, properties: dict[str, Any]) -> None:
    """See whether the properties say what the kind must.

    Raises:
        Refused: names the first field that does not.
    """
    try:
        kind.facts.model_validate(properties)
    except ValidationError as error:
        raise refusal(error, within=("properties",)) from None


def packed(properties: dict[str, Any]) -> str:
    """JSON of the properties.

    Raises:
        Refused: too large, too deep, or with a number that JSON does not have.
    """
    try:
        text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except (ValueError, RecursionError) as error:
        raise Refused("properties", f"cannot be written as JSON ({type(error).__name__})") from error
    if size > MOST_BYTES:
        raise Refused("properties", f"{size:,} bytes; at most {MOST_BYTES:,} are kept of one event")
    if "\\u0000" in text and _NUL.search(text):
        raise Refused("properties", "holds the character U+0000, which no database keeps")
    # Nothing is nested deeper than it has brackets: most events need no walk through them.
    if text.count("{") + text.count("[") > _DEEPEST and _depth(properties) > _DEEPEST:
        raise Refused("properties", f"nested deeper than {_DEEPEST}")
    return text


def _depth(value: object) -> int:
    deepest, edge = 0, [(value, 1)]
    while edge:
        item, depth = edge.pop()
        deepest = max(deepest, depth)
        if depth > _DEEPEST:
            return depth
        inside = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        edge.extend((part, depth + 1) for part in inside if isinstance(part, dict | list))
    return deepest


__all__ = [
    "AHEAD",
    "BY_NAME",
    "MOST_BYTES",
    "OLDEST",
    "Incoming",
    "Refused",
    "check_facts",
    "check_time",
    "in_utc",
    "kind_of",
    "make_event",
    "packed",
    "refusal",
]
