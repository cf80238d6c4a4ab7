"""What the shop's own `message_sent` says of contacts: it confirms the one a decision has counted, or is a contact that nobody counted yet.

One message is often told of twice (sent, then delivered), and by its decision and its sender; it counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection

from features.ledger import contacts, identities
from features.ledger.contacts import Contact
from features.ledger.facts import OfMessage

if TYPE_CHECKING:
    from features.ledger.events import Event  # which counts messages as it writes events

KIND = "message_sent"
_VALID = timedelta(days=7)  # how long an answer's offers stand: a message of the same offer within that time is the one decided on
_CLOCKS = timedelta(hours=1)  # by which the sender's clock may be behind ours
_RETOLD = timedelta(days=3)  # within which a message of the same name is the same: mail is retried for so long (RFC 5321: 4–5 days at most)


def count_messages(connection: Connection, events: Iterable[Event]) -> None:
    """Count what these events say was sent, in their transaction; others than `message_sent` are passed over.

    Args:
        connection: of `LedgerDatabase.writing`.
        events: that were accepted.
    """
    sent = [(event, _facts(event)) for event in events if event.kind == KIND]
    if not sent:
        return
    by_decision = contacts.find(connection, [told.decision_id for _, told in sent if told.decision_id is not None])
    by_person = _People(connection, [event for event, told in sent if told.decision_id is None])
    fresh: dict[str, Contact] = {}
    changed: dict[str, Contact] = {}
    for event, told in sent:
        known = by_person.same(event, told) if told.decision_id is None else by_decision.get(told.decision_id)
        if known is None:
            made = _contact(event, told)
            fresh[made.contact_id] = made
            by_decision[made.contact_id] = made
            by_person.add(made)
            continue
        confirmed = _confirmed(known, event, told)
        if confirmed != known:
            by_decision[known.contact_id] = confirmed
            by_person.exchange(known, confirmed)
            (fresh if known.contact_id in fresh else changed)[known.contact_id] = confirmed
    contacts.record_contacts(connection, fresh.values())
    contacts.rewrite_contacts(connection, changed.values())


class _People:
    """Contacts of the persons whom some events are about, whichever of their ids they were recorded under."""

    def __init__(self, connection: Connection, events: list[Event]) -> None:
        self._root = identities.resolve_all(connection, {event.recorded_as for event in events})
        self._of: dict[str, list[Contact]] = {root: [] for root in self._root.values()}
        self._owner: dict[str, str] = {}
        if not events:
            return
        self._owner = owner = identities.families(connection, self._of)
        since = min(event.occurred_at for event in events) - max(_VALID, _RETOLD)
        for contact in contacts.read_contacts(connection, owner, since=since):
            self._of[owner[contact.recorded_as]].append(contact)

    def same(self, event: Event, told: OfMessage) -> Contact | None:
        """The contact that already stands for this message."""
        theirs = self._of[self._root[event.recorded_as]]
        return next((contact for contact in theirs if _retold(contact, event, told) or _decided_on(contact, event, told)), None)

    def add(self, contact: Contact) -> None:
        """A new one."""
        owner = self._owner.get(contact.recorded_as)
        if owner is not None:
            self._of[owner].append(contact)

    def exchange(self, old: Contact, new: Contact) -> None:
        """What became of one."""
        theirs = self._of.get(self._owner.get(old.recorded_as, ""), [])
        if old in theirs:
            theirs[theirs.index(old)] = new


def _retold(contact: Contact, event: Event, told: OfMessage) -> bool:
    same_name = told.message is not None and contact.message_id == told.message and contact.channel == told.channel
    return same_name and abs(contact.at - event.occurred_at) <= _RETOLD


def _decided_on(contact: Contact, event: Event, told: OfMessage) -> bool:
    if contact.decision_id is None or contact.message_id is not None or told.offer_id is None or contact.channel != told.channel:
        return False
    offered = {contact.offer_id, *(offer for _, offer in contact.also)}
    return told.offer_id in offered and contact.at - _CLOCKS <= event.occurred_at <= contact.at + _VALID


def _contact(event: Event, told: OfMessage) -> Contact:
    return Contact(
        contact_id=told.decision_id or event.message_id,
        recorded_as=event.recorded_as,
        channel=told.channel,
        offer_type=_type_in(told.offer_id),
        offer_id=told.offer_id,
        decision_id=told.decision_id,
        at=event.occurred_at,
        message_id=told.message or event.message_id,
    )


def _confirmed(contact: Contact, event: Event, told: OfMessage) -> Contact:
    """The contact after its message was told of; it never moves back in time, so that no window that counted it loses it."""
    named = {offer: kind for kind, offer in contact.also} if contact.message_id is None else {}
    offer = {"offer_id": told.offer_id, "offer_type": named[told.offer_id], "also": ()} if told.offer_id in named else {}
    return replace(
        contact,
        at=max(contact.at, event.occurred_at),
        channel=contact.channel or told.channel,
        message_id=contact.message_id or told.message or event.message_id,
        **offer,  # type: ignore[arg-type]
    )


def _facts(event: Event) -> OfMessage:
    try:
        return OfMessage.model_validate(json.loads(event.properties))
    except ValidationError:  # safe: what the edge let in is valid; a message of which nothing is known is a message all the same
        return OfMessage()


def _type_in(offer_id: str | None) -> str | None:
    """The type in an id of the form `type:key`, which offers without a document have."""
    kind, colon, _ = (offer_id or "").partition(":")
    return kind if colon and kind.replace("_", "").isascii() and kind.replace("_", "").isalpha() and len(kind) <= 32 else None
