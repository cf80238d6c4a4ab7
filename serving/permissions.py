"""What may be done for the person asked about, looked up in the ledger at every request: a withdrawal works from the next answer on.

Said under any of a person's ids, it counts for all of them. Where the ledger does not answer nobody's consent is known, so nothing
personal is used and nothing is sent: lawful, and never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from features.errors import HuitouError
from features.ledger import consents
from features.ledger.consents import Purpose, State
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from features.ledger.ledger import Ledger
from features.ledger.person import Person, read_people

# Different ways to have agreed that are remembered, some kilobytes each: an import gives one, a form a few, each of their orders another.
_PATTERNS = 512
UNKNOWN_CONSENT = "Consent cannot be looked up: the ledger does not answer, so nothing personal is used and nothing may be sent."


@dataclass(frozen=True)
class Permitted:
    """What one person agreed to.

    Attributes:
        customer_id: the customer behind the id asked with; None for nobody in particular.
        personal: answers for them may be made from what is known of them.
        profiled: features and scores of them may be computed.
        channels: outbound channels they may be contacted on; None where nobody in particular is asked about: whom such an answer reaches
            the caller decides.
        history: messages and negatives of the person; empty where it was not asked for, and for nobody in particular.
        problem: why nothing could be looked up, or None.
    """

    customer_id: str | None
    personal: bool
    profiled: bool
    channels: frozenset[str] | None
    problem: str | None = None
    history: ContactHistory = NO_HISTORY

    @property
    def degraded(self) -> dict[str, str]:
        """Part → one sentence."""
        return {} if self.problem is None else {"consent": self.problem}


NOBODY = Permitted(None, personal=False, profiled=False, channels=None)


class Permissions:
    """Asks the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def asked(self, customer_id: str | None, channels: Iterable[str], *, since: datetime | None = None) -> Permitted:
        """As `of`; a database elsewhere is waited for in a thread, a file is read right here in less time than a thread takes."""
        (found,) = await self.asked_of_many((customer_id,), channels, since=since)
        return found

    async def asked_of_many(
        self, customer_ids: Sequence[str | None], channels: Iterable[str], *, since: datetime | None = None
    ) -> list[Permitted]:
        """The same of several, in their order; one look at the ledger for some dozens."""
        if self._ledger.database.is_sqlite or not any(one is not None for one in customer_ids):
            return self._of_many(customer_ids, channels, since=since)
        return await asyncio.to_thread(self._of_many, customer_ids, channels, since=since)

    def of(self, customer_id: str | None, channels: Iterable[str], *, since: datetime | None = None) -> Permitted:
        """What is permitted for somebody.

        Args:
            customer_id: any of their ids; None for nobody in particular.
            channels: outbound channels that the shop uses.
            since: also read the contact history from there on; None: leave it.
        """
        (found,) = self._of_many((customer_id,), channels, since=since)
        return found

    def _of_many(self, customer_ids: Sequence[str | None], channels: Iterable[str], *, since: datetime | None) -> list[Permitted]:
        asked = [one for one in customer_ids if one is not None]
        try:
            people = read_people(self._ledger.database, asked, since=since) if asked else {}
        except HuitouError:
            return [NOBODY if one is None else _nothing_known(one) for one in customer_ids]
        outbound = tuple(channels)
        return [NOBODY if one is None else _permitted(people[one], outbound) for one in customer_ids]

    def profiled(self) -> set[str]:
        """Everybody of whom scores may be computed.

        Raises:
            LedgerAway, LedgerBroken: nobody's consent is known.
        """
        with self._ledger.database.reading() as connection:
            return consents.granted_ids(connection, Purpose.PROFILING)

    def contactable(self, channel: str) -> set[str]:
        """Everybody who may be contacted on a channel; raises as `profiled`."""
        with self._ledger.database.reading() as connection:
            return consents.granted_ids(connection, Purpose.MARKETING, channel)


def _nothing_known(customer_id: str) -> Permitted:
    return Permitted(customer_id, personal=False, profiled=False, channels=frozenset(), problem=UNKNOWN_CONSENT)


def _permitted(person: Person, channels: tuple[str, ...]) -> Permitted:
    said = tuple((one.purpose, one.channel, one.state) for one in person.statements)
    personal, profiled, contact = _agreed(said, channels)
    return Permitted(person.customer_id, personal=personal, profiled=profiled, channels=contact, history=person.history)


@lru_cache(_PATTERNS)
def _agreed(said: tuple[tuple[str, str, State], ...], channels: tuple[str, ...]) -> tuple[bool, bool, frozenset[str]]:
    """Whether answers may be personal, whether features may be computed, and on which channels somebody may be contacted.

    What follows from the statements alone is kept: most people said the same in the same order.
    """
    profiled = consents.allowed(said, Purpose.PROFILING)
    contact = frozenset(channel for channel in channels if consents.allowed(said, Purpose.MARKETING, channel))
    return profiled and consents.allowed(said, Purpose.PERSONALISATION), profiled, contact
