"""What may be done for the person asked about, by the ledger as it is at every request: a withdrawal works from the next answer on.

Said under any of a person's ids, it counts for all of them. Where the ledger does not answer nobody's consent is known, so nothing
personal is used and nothing is sent: lawful, and never an error. What was found for somebody asked about lately is kept, and holds as long
as the ledger says that nothing about them has changed (`features.ledger.people_changes`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from features.errors import HuitouError
from features.ledger import consents
from features.ledger.consents import Purpose, State
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from features.ledger.ledger import Ledger
from features.ledger.people_changes import all_changes, are_told, changes_at, places_of
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


class _Found(NamedTuple):
    """What was found for somebody with one id.

    Attributes:
        place: theirs in the ledger's changes.
        changes: number of that place, as it was before anything was looked up.
        channels: that were asked for.
        since: from where on the history is whole; None: it was not asked for.
        permitted: what was found.
    """

    place: int
    changes: int
    channels: tuple[str, ...]
    since: datetime | None
    permitted: Permitted

    def now(self, changes: int | None, channels: tuple[str, ...], since: datetime | None) -> Permitted | None:
        """What would be found now; None where it must be looked up."""
        told = self.permitted
        if changes != self.changes or channels != self.channels:
            return None
        if since == self.since:
            return told
        if since is None:
            return replace(told, history=NO_HISTORY)
        if self.since is None or since < self.since:
            return None
        return replace(told, history=told.history.since(since)) if told.history.contacts or told.history.negatives else told


class Permissions:
    """Asks the ledger; safe from any thread."""

    def __init__(self, ledger: Ledger, remembered: int = 0) -> None:
        """Begin with nothing known.

        Args:
            ledger: to ask.
            remembered: people of whom is kept what was found, where the ledger tells changes.
        """
        self._ledger, self._most = ledger, remembered
        self._found: dict[str, _Found] = {}
        self._erasures = 0  # when somebody last looked
        self._told: bool | None = None  # whether the ledger tells changes; None: it was not asked yet

    @property
    def at_hand(self) -> bool:
        """Whether `of` may be called where others wait: a file is read in less time than a thread takes."""
        return self._ledger.database.is_sqlite

    async def asked(self, customer_id: str | None, channels: Iterable[str], *, since: datetime | None = None) -> Permitted:
        """As `of`; a database elsewhere is waited for in a thread."""
        (found,) = await self.asked_of_many((customer_id,), channels, since=since)
        return found

    async def asked_of_many(
        self, customer_ids: Sequence[str | None], channels: Iterable[str], *, since: datetime | None = None
    ) -> list[Permitted]:
        """The same of several, in their order; one look at the ledger for some dozens."""
        if self.at_hand or not any(one is not None for one in customer_ids):
            return self._of_many(customer_ids, channels, since=since)
        return await asyncio.to_thread(self._of_many, customer_ids, channels, since=since)

    def of(self, customer_id: str | None, channels: Iterable[str], *, since: datetime | None = None) -> Permitted:
        """What is permitted for somebody.

        Args:
            customer_id: any of their ids; None for nobody in particular.
            channels: outbound channels that the shop uses.
            since: also read the contact history from there on; None: leave it.
        """
        if customer_id is not None and (known := self._found.get(customer_id)) is not None:
            with contextlib.suppress(HuitouError):  # safe: told below
                (changes,) = changes_at(self._ledger.database, (known.place,))
                if (told := known.now(changes, tuple(channels), since)) is not None:
                    return told
        (found,) = self._of_many((customer_id,), channels, since=since)
        return found

    def _of_many(self, customer_ids: Sequence[str | None], channels: Iterable[str], *, since: datetime | None) -> list[Permitted]:
        asked, outbound = [one for one in customer_ids if one is not None], tuple(channels)
        try:
            found = self._looked_up(asked, outbound, since) if asked else {}
        except HuitouError:
            self._forget()  # what becomes of the ledger meanwhile is not told
            return [NOBODY if one is None else _nothing_known(one) for one in customer_ids]
        return [NOBODY if one is None else found[one] for one in customer_ids]

    def _looked_up(self, asked: Sequence[str], channels: tuple[str, ...], since: datetime | None) -> dict[str, Permitted]:
        database = self._ledger.database
        if self._told is None:
            self._told = self._most > 0 and are_told(database)
        if not self._told:
            return {one: _permitted(person, channels) for one, person in read_people(database, asked, since=since).items()}
        known = {one: self._found.get(one) for one in asked}
        strange = [one for one, told in known.items() if told is None]
        places = {one: told.place for one, told in known.items() if told is not None}
        places |= zip(strange, places_of(database, strange), strict=True) if strange else ()
        # Before what they stand for: what comes meanwhile is found now, and looked up again next time.
        changes = dict(zip(places, changes_at(database, list(places.values())), strict=True))
        held = {one: None if told is None else told.now(changes[one], channels, since) for one, told in known.items()}
        found = {one: told for one, told in held.items() if told is not None}
        if len(found) < len(held):
            new = [one for one in held if one not in found]
            for one, person in read_people(database, new, since=since).items():
                found[one] = _permitted(person, channels)
                if (number := changes[one]) is not None:
                    self._keep(one, _Found(places[one], number, channels, since, found[one]), only_id=person.only_id)
        return found

    def _keep(self, customer_id: str, found: _Found, *, only_id: bool) -> None:
        self._found.pop(customer_id, None)
        if not only_id:
            return  # of their other ids the ledger tells in other places
        self._found[customer_id] = found
        while len(self._found) > self._most:
            with contextlib.suppress(KeyError, StopIteration, RuntimeError):  # safe: another thread has let go of somebody meanwhile
                del self._found[next(iter(self._found))]

    def look(self) -> None:
        """Let go of everybody about whom something has changed, so that nothing is kept of who was erased; several times a second.

        Raises:
            LedgerAway, LedgerBroken: the ledger does not answer.
        """
        database, before = self._ledger.database, self._erasures
        if not self._most or not self.at_hand:  # nobody is kept
            return
        ((self._erasures,),) = database.rows("SELECT count(*) FROM erasures", ())
        if self._erasures != before or not are_told(database):
            self._forget()
            return
        now = all_changes(database)
        for customer_id, found in list(self._found.items()):
            if now.get(found.place) != found.changes:
                self._found.pop(customer_id, None)

    def _forget(self) -> None:
        self._found, self._told = {}, None

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
