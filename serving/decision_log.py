"""Decisions on their way to the ledger: an answer never waits for it; one thread commits what has gathered, group by group.

What the ledger has not taken within moments goes to the disk (`features.ledger.decision_spool`) by a second thread, which waits for no
database, and from there to the ledger when it is back: a kill meanwhile loses what was decided in the last half second. Only where the
disk takes nothing either is the line bounded; what then finds no room is lost, counted and said. Outcomes of a lost decision are kept all
the same.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from features.errors import HuitouError
from features.ledger.decision_spool import DecisionSpool, read_segment
from features.ledger.decisions import Decided
from features.ledger.errors import LedgerAway, LedgerBroken, LedgerFull
from serving.pending_contacts import PendingContacts

_LOG = logging.getLogger("huitou.serving")
_ROOM = 10_000  # decisions in line; at some 2 kB each 20 MB, and a minute of a database that does not answer at 150 a second
_GROUP = 200  # in one commit: for as long nobody is answered where there is one core, a few milliseconds
_GATHER = 0.1  # seconds in which a group gathers: some 10 commits a second, more from 2,000 decisions a second on
_PAUSE = 1.0  # seconds before a database that was away is tried again
_PATIENCE = 15.0  # seconds that a stopping service waits for its last decisions
_STUCK = _GATHER + 0.15  # seconds in which nothing leaves the line; a commit takes a few hundredths, behind an import a tenth


class DecisionLog:
    """A line and the threads that empty it; they live from the first decision to `close`.

    Attributes:
        contacts: what decisions lead to, from `put` on.
        problem: why decisions wait, one sentence; None while the ledger takes them.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Decided]], int | None],
        count: Callable[[str, int], None],
        *,
        spool: DecisionSpool | None = None,
        room: int = _ROOM,
        pause: float = _PAUSE,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            write: commits a group, and returns how many of it were new, or None when all were; raises LedgerAway when it may succeed
                later, another HuitouError when it will not.
            count: told `recorded`, `spooled` or `lost` and how many.
            spool: files for what cannot be committed now; None: it waits in memory only.
            room: decisions that may wait in memory.
            pause: seconds between attempts while the database is away.
        """
        self._write, self._count, self._spool, self._room, self._pause = write, count, spool, room, pause
        self.contacts = PendingContacts()
        self.problem: str | None = None
        self._line: deque[Decided] = deque()
        self._taken = 0  # decisions that have left the line, by either thread
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._said = ""

    @property
    def waiting(self) -> int:
        """Decisions in line, on the disk too."""
        return len(self._line) + self.spooled

    @property
    def spooled(self) -> int:
        """Decisions on the disk."""
        return 0 if self._spool is None else self._spool.waiting

    def resume(self) -> int:
        """Go on with what services that were killed left on the disk; returns how many decisions."""
        found = 0 if self._spool is None else self._spool.take_over()
        if found:
            _LOG.warning("%d decisions that an earlier process could not record are recorded now.", found)
            with self._changed:
                self._begin()
        return found

    def put(self, decided: Decided) -> None:
        """Take a decision; returns at once. Safe from any thread. Its contact counts from now on, also when the decision is lost."""
        if decided.contact is not None:
            self.contacts.add(decided.contact)
        with self._changed:
            if self._closing or len(self._line) >= self._room:
                self._count("lost", 1)
                return
            self._line.append(decided)
            self._begin()
            if len(self._line) in {1, _GROUP}:  # whoever waits for the first, or for a whole group; to be woken for each would cost more
                self._changed.notify_all()

    def close(self) -> None:
        """Commit what waits, once more, and stop; what cannot be committed now goes to the disk, or is lost and counted."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(_PATIENCE)
        self._to_disk()
        with self._changed:
            if self._line:
                _LOG.error("%d decisions were not recorded: the ledger did not take them before the service stopped.", len(self._line))
                self._count("lost", len(self._line))
                self._line.clear()
        if self._spool is not None:
            if self._spool.waiting:
                _LOG.warning("%d decisions wait on the disk; the next service that starts records them.", self._spool.waiting)
            self._spool.close()

    def _begin(self) -> None:
        if not self._threads and not self._closing:
            self._threads = [threading.Thread(target=self._run, name="decision-log", daemon=True)]
            if self._spool is not None:
                self._threads.append(threading.Thread(target=self._keep, name="decision-spool", daemon=True))
            for thread in self._threads:
                thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._line) or self.spooled > 0 or self._closing)
                if not self._line and not self.spooled:
                    return
                if not self._closing and not self.spooled:
                    self._changed.wait_for(lambda: self._closing or len(self._line) >= _GROUP, timeout=_GATHER)
            if not (self._empty_spool() and self._empty_line()):
                with self._changed:
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._closing, timeout=self._pause)

    def _empty_line(self) -> bool:
        """Commit one group; False when it has to wait."""
        with self._changed:
            group, before = list(itertools.islice(self._line, _GROUP)), self._taken
        if group and not self._committed(group):
            return False
        self._take(len(group), before)
        return True

    def _empty_spool(self) -> bool:
        """Commit one file of the disk, the oldest; False when it has to wait."""
        segment = None if self._spool is None else self._spool.oldest()
        if self._spool is None or segment is None:
            return True
        told = read_segment(segment)
        if not all(self._committed(told[start : start + _GROUP]) for start in range(0, len(told), _GROUP)):
            return False
        self._spool.drop(segment)
        return True

    def _take(self, number: int, before: int) -> None:
        """Remove what was at the head of the line, as far as the other thread has not done so meanwhile."""
        with self._changed:
            left = number - (self._taken - before)
            for _ in range(max(0, left)):
                self._line.popleft()
                self._taken += 1

    def _keep(self) -> None:
        """Bring to the disk what is stuck, whatever the other thread waits for."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._line) or self._closing)
                taken = self._taken
                self._changed.wait_for(lambda: self._closing, timeout=_STUCK)
                if self._closing:
                    return
                stuck = bool(self._line) and self._taken == taken
            if stuck:
                self._to_disk()

    def _to_disk(self) -> None:
        """Bring what is in line now to the disk, a group at a time: all of it as one text would be tens of megabytes."""
        left = len(self._line)
        while left > 0:
            with self._changed:
                told, before = list(itertools.islice(self._line, min(left, _GROUP))), self._taken
            if self._spool is None or not told:
                return
            try:
                self._spool.append(told)
            except HuitouError as error:
                if str(error) != self._said:  # once, not at every try
                    _LOG.error("Decisions that wait for the ledger are not safe from a kill: %s", error)
                self._said = str(error)
                return
            self._said = ""
            self.problem = self.problem or "The ledger's database does not answer in time."  # until the next commit
            self._count("spooled", len(told))
            self._take(len(told), before)
            left -= len(told)

    def _committed(self, group: Sequence[Decided]) -> bool:
        """Whether the group has left the line: recorded, or refused for good."""
        try:
            new = self._write(group)
        except LedgerAway as error:
            self.problem = str(error)
            return False
        except (LedgerFull, LedgerBroken) as error:
            self.problem = str(error)
            if self._spool is not None:
                return False  # somebody will make room, or migrate it: meanwhile they are safe on the disk
            _LOG.error("%d decisions were not recorded: %s", len(group), error)
            self._count("lost", len(group))
        except Exception:  # this thread writes every later decision too: one group that cannot be written must not end it
            _LOG.exception("%d decisions were not recorded.", len(group))
            self._count("lost", len(group))
        else:
            self.problem = None
            self._count("recorded", len(group) if new is None else new)
            self.contacts.settle([one.contact.contact_id for one in group if one.contact is not None])
        return True
