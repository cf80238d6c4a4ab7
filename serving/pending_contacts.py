"""Contacts on their way to the ledger: what this process has decided counts at once, so that two quick calls do not both find room.

A reader may have looked into the ledger just before a contact was committed: it is kept here for longer than any look takes. Of another
process nothing is known before it has committed; docs/contact-policy.md says what can slip through.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from features.ledger.contact_history import ContactHistory
from features.ledger.contacts import Contact

_GRACE = 60.0  # seconds after the commit; the ledger gives a reader up after ten
_ROOM = 20_000  # contacts; at some 500 bytes each 10 MB. Twice the line of decisions: those that wait, and those that were lost


class PendingContacts:
    """By person; safe from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, grace: float = _GRACE, room: int = _ROOM) -> None:
        """Begin with nothing.

        Args:
            clock: seconds that only ever grow.
            grace: seconds a contact is kept after its commit.
            room: most contacts; then the oldest go.
        """
        self._clock, self._grace, self._room = clock, grace, room
        self._lock = threading.Lock()
        self._by_id: dict[str, Contact] = {}  # in the order they came
        self._of: dict[str, dict[str, Contact]] = {}
        self._settled: deque[tuple[float, str]] = deque()

    def add(self, contact: Contact) -> None:
        """Count a contact from now on; one that never reaches the ledger counts as long as there is room."""
        with self._lock:
            self._by_id[contact.contact_id] = contact
            self._of.setdefault(contact.recorded_as, {})[contact.contact_id] = contact
            while len(self._by_id) > self._room:
                self._drop(next(iter(self._by_id)))

    def settle(self, contact_ids: Iterable[str]) -> None:
        """These are in the ledger now."""
        with self._lock:
            until = self._clock() + self._grace
            self._settled.extend((until, one) for one in contact_ids)
            self._let_go()

    def give_back(self, contact_ids: Iterable[str]) -> None:
        """The messages of these did not go."""
        with self._lock:
            for one in contact_ids:
                self._drop(one)

    def joined(self, history: ContactHistory) -> ContactHistory:
        """What the ledger said of a person, with what it did not know yet."""
        with self._lock:
            self._let_go()
            more = [contact for one in history.ids for contact in self._of.get(one, {}).values()]
        return history.joined(more) if more else history

    def _let_go(self) -> None:
        while self._settled and self._settled[0][0] <= self._clock():
            self._drop(self._settled.popleft()[1])

    def _drop(self, contact_id: str) -> None:
        contact = self._by_id.pop(contact_id, None)
        if contact is None:
            return
        theirs = self._of[contact.recorded_as]
        del theirs[contact_id]
        if not theirs:
            del self._of[contact.recorded_as]
