"""What comes in from outside: each message judged by itself, the good ones committed together, every one answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
            receipts[index] = Receipt(index, _id_of(message), Status.REFUSED, refused.field, refused.reason)
    if good:
        _commit(ledger, good, receipts, now)
    return [receipts[index] for index in range(len(messages))]


def _commit(ledger: Ledger, good: list[tuple[int, Incoming]], receipts: dict[int, Receipt], now: datetime) -> None:
    told = [(index, incoming, incoming.event) for index, incoming in good if incoming.event is not None]
    with ledger.database.writing() as connection:
        fates = ledger_events.append(connection, [event for _, _, event in told], received_at=now)
        for (index, incoming, _), fate in zip(told, fates, strict=True):
            receipts[index] = Receipt(index, incoming.message_id, _STATUS[fate])
        for index, incoming in good:
            present = receipts.get(index)
            if incoming.alias is None or incoming.customer_id is None or (present is not None and present.status is Status.ERASED):
                continue
            linked = identities.link(connection, incoming.alias, incoming.customer_id, at=now, source="event")
            if present is None:
                status = Status.ACCEPTED if linked.changed else Status.REFUSED if linked.reason else Status.DUPLICATE
                receipts[index] = Receipt(
                    index, incoming.message_id, status, "previousId" if linked.reason else None, linked.reason or None
                )
            elif linked.reason:
                receipts[index] = Receipt(index, incoming.message_id, present.status, "anonymousId", linked.reason)


def _id_of(message: object) -> str | None:
    found = message.get("messageId", message.get("id")) if isinstance(message, dict) else None
    return found if isinstance(found, str) else None
