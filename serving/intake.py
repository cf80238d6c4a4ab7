"""What comes in from outside: each message judged by itself, the good ones committed together, every one answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from features.ledger import events as ledger_events
from features.ledger import identities
from features.ledger.events import Fate
from features.ledger.ledger import Ledger
from features.sources.incoming import Incoming, Refused

Reader = Callable[[object, datetime], Incoming]


class Status(StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    ERASED = "erased"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one message.

    Attributes:
        index: its place in the call, from 0.
        message_id: None where it could not be read.
        status: what became of it.
        field: of a refused message, what is wrong with it.
        reason: why it was refused, or why its link was not made.
    """

    index: int
    message_id: str | None
    status: Status
    field: str | None = None
    reason: str | None = None


_SHOWN = 200  # characters of a sender's text that an answer repeats
_STATUS = {Fate.ACCEPTED: Status.ACCEPTED, Fate.DUPLICATE: Status.DUPLICATE, Fate.ERASED: Status.ERASED}


def take_in(ledger: Ledger, messages: Sequence[object], read: Reader) -> list[Receipt]:
    """Keep what can be kept.

    Args:
        ledger: where to.
        messages: parsed JSON, any number.
        read: turns one into an event.

    Returns:
        One receipt a message, in their order; when it is there, what it calls accepted is committed.

    Raises:
        LedgerAway, LedgerFull, LedgerBroken: nothing of the call was kept.
    """
    now = ledger.clock()
    receipts: dict[int, Receipt] = {}
    good: list[tuple[int, Incoming]] = []
    for index, message in enumerate(messages):
        try:
            good.append((index, read(message, now)))
        except Refused as refused:
            receipts[index] = Receipt(index, _id_of(message), Status.REFUSED, shown(refused.field), shown(refused.reason))
    if good:
        _commit(ledger, good, receipts, now)
    return [receipts[index] for index in range(len(messages))]


def _commit(ledger: Ledger, good: list[tuple[int, Incoming]], receipts: dict[int, Receipt], now: datetime) -> None:
    told = [(index, incoming) for index, incoming in good if not incoming.link_only]
    with ledger.database.writing() as connection:
        fates = ledger_events.append(connection, [incoming.event for _, incoming in told], received_at=now)
        for (index, incoming), fate in zip(told, fates, strict=True):
            receipts[index] = Receipt(index, incoming.event.message_id, _STATUS[fate])
        for index, incoming in good:
            if incoming.link_only:
                receipts[index] = _link_alone(connection, index, incoming, now)
            elif receipts[index].status is Status.ACCEPTED:  # what a repeat asked for was done, or refused, the first time
                reason = _link(connection, incoming, now)
                if reason:
                    receipts[index] = replace(receipts[index], field="anonymousId", reason=reason)


def _link_alone(connection: Connection, index: int, incoming: Incoming, now: datetime) -> Receipt:
    (fate,) = ledger_events.judge(connection, [incoming.event])
    if fate is Fate.ACCEPTED:
        reason = _link(connection, incoming, now)
        if reason:
            return Receipt(index, incoming.event.message_id, Status.REFUSED, "previousId", reason)
        ledger_events.append(connection, [incoming.event], received_at=now)
    return Receipt(index, incoming.event.message_id, _STATUS[fate])


def _link(connection: Connection, incoming: Incoming, now: datetime) -> str:
    """Make the link that is asked for; returns why it could not be made, empty when it stands."""
    if incoming.alias is None or incoming.customer_id is None:
        return ""
    return identities.link(connection, incoming.alias, incoming.customer_id, at=now, source="event").reason


def _id_of(message: object) -> str | None:
    found = message.get("messageId", message.get("id")) if isinstance(message, dict) else None
    return shown(found) if isinstance(found, str) else None


def shown(told: str) -> str:
    """A text of the sender's as an answer can carry it: at most so long, and without halves of characters."""
    return told[:_SHOWN].encode("utf-8", "replace").decode("utf-8")
