"""Who waits to be refreshed: each once, however many events touched them; who ordered before who only looked.

Under more events than a machine can follow, the same customers come again while they wait, and one refresh serves all of their events: the
queue stays as long as there are customers, and nobody who ordered waits behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import chain, islice

from features.ledger.events import Head
from features.ledger.kinds import LEAVING

_URGENT = frozenset({"order_completed", "order_refunded", "order_cancelled", "complaint_opened", *LEAVING})
_SHARE = 4  # one place in so many is kept for those who are not urgent: they wait, but not for ever


@dataclass
class Waiting:
    """The queue.

    Attributes:
        seq: number of the last event noted.
    """

    seq: int
    _urgent: dict[str, int] = field(default_factory=dict)  # id → number of its first event that waits
    _calm: dict[str, int] = field(default_factory=dict)
    _unnumbered: dict[str, None] = field(default_factory=dict)  # touched by links and consents

    def __len__(self) -> int:
        """How many ids wait."""
        return len(self._urgent) + len(self._calm) + len(self._unnumbered)

    def followed(self, without: Collection[str] = ()) -> int:
        """Number of the last event before the first that waits: from there on a crash looks again.

        Args:
            without: ids that are about to be done.
        """
        done = frozenset(without)
        waiting = (seq for part in (self._urgent, self._calm) for found, seq in part.items() if found not in done)
        return min(waiting, default=self.seq + 1) - 1

    def logs_done(self, without: Collection[str] = ()) -> bool:
        """Whether nobody waits whom a link or a consent touched; argument as above."""
        return self._unnumbered.keys() <= frozenset(without)

    def note(self, heads: Iterable[Head]) -> None:
        """Take in events, in the order of their numbers."""
        for head in heads:
            self.seq = head.seq
            if head.kind in _URGENT and head.recorded_as not in self._urgent:
                self._urgent[head.recorded_as] = self._calm.pop(head.recorded_as, head.seq)
            elif head.recorded_as not in self._urgent:
                self._calm.setdefault(head.recorded_as, head.seq)

    def touch(self, ids: Iterable[str]) -> None:
        """Take in ids whose links or consents changed."""
        self._unnumbered |= dict.fromkeys(ids)

    def next(self, size: int) -> list[str]:
        """Whom to refresh now, at most so many; they wait on until `done` is told."""
        others = list(islice(chain(self._calm, self._unnumbered), size))
        first = list(islice(self._urgent, size - min(len(others), size // _SHARE)))
        return [*first, *others[: size - len(first)]]

    def done(self, ids: Collection[str]) -> None:
        """Those ids are refreshed."""
        for part in (self._urgent, self._calm, self._unnumbered):
            for found in ids:
                part.pop(found, None)
