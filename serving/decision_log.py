"""Decisions on their way to the ledger: an answer never waits for it; one thread commits what has gathered, group by group.

A decision that is not recorded costs a row of learning, a late answer costs a customer: so the line is bounded, and what finds no room
in it is lost, counted and said. Outcomes of a lost decision are kept all the same.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from features.errors import HuitouError
from features.ledger.decisions import Decided
from features.ledger.errors import LedgerAway
from serving.pending_contacts import PendingContacts

_LOG = logging.getLogger("huitou.serving")
_ROOM = 10_000  # decisions in line; at some 2 kB each 20 MB, and a minute of a database that does not answer at 150 a second
_GROUP = 500  # in one commit
_GATHER = 0.05  # seconds in which a group gathers: at most 20 commits a second beside those of the events
_PAUSE = 1.0  # seconds before a database that was away is tried again
_PATIENCE = 15.0  # seconds that a stopping service waits for its last decisions


class DecisionLog:
    """A bounded line and the thread that empties it; the thread lives from the first decision to `close`.

    Attributes:
        contacts: what decisions lead to, from `put` on.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Decided]], None],
        count: Callable[[str, int], None],
        *,
        room: int = _ROOM,
        pause: float = _PAUSE,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            write: commits a group; raises LedgerAway when it may succeed later, another HuitouError when it will not.
            count: told `recorded` or `lost` and how many.
            room: decisions that may wait.
            pause: seconds between attempts while the database is away.
        """
        self._write, self._count, self._room, self._pause = write, count, room, pause
        self.contacts = PendingContacts()
        self._line: deque[Decided] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def waiting(self) -> int:
        """Decisions in line."""
        return len(self._line)

    def put(self, decided: Decided) -> None:
        """Take a decision; returns at once. Safe from any thread. Its contact counts from now on, also when the decision is lost."""
        if decided.contact is not None:
            self.contacts.add(decided.contact)
        with self._changed:
            if self._closing or len(self._line) >= self._room:
                self._count("lost", 1)
                return
            self._line.append(decided)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Commit what waits, once more, and stop; what cannot be committed now is lost and counted."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE)
        with self._changed:
            if self._line:
                _LOG.error("%d decisions were not recorded: the ledger did not take them before the service stopped.", len(self._line))
                self._count("lost", len(self._line))
                self._line.clear()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._line and not self._closing:
                    self._changed.wait()
                if not self._line:
                    return
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing or len(self._line) >= _GROUP, timeout=_GATHER)
                group = [self._line[i] for i in range(min(_GROUP, len(self._line)))]
            if not self._committed(group):
                with self._changed:
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._closing, timeout=self._pause)
                continue
            with self._changed:
                for _ in group:
                    self._line.popleft()

    def _committed(self, group: Sequence[Decided]) -> bool:
        """Whether the group has left the line: recorded, or refused for good."""
        try:
            self._write(group)
        except LedgerAway:
            return False
        except HuitouError as error:
            _LOG.error("%d decisions were not recorded: %s", len(group), error)
            self._count("lost", len(group))
        except Exception:  # this thread writes every later decision too: one group that cannot be written must not end it
            _LOG.exception("%d decisions were not recorded.", len(group))
            self._count("lost", len(group))
        else:
            self._count("recorded", len(group))
            self.contacts.settle([one.contact.contact_id for one in group if one.contact is not None])
        return True
