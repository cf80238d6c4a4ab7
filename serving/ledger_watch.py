"""What the service follows in the ledger, a few times a second: stock, experiments, written offers, the newest thing that happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from features.freshness import read_followed
from features.ledger import events as ledger_events
from features.ledger.catalogue import Kind, changed_documents, documents, documents_change, stock_levels
from features.ledger.ledger import Ledger
from features.ledger.news import anything_new
from features.redis_server import RedisServer
from serving.offers.book import FOLLOWED, Key

Levels = dict[str, int | None]


@dataclass(frozen=True)
class Lag:
    """How far the online features are behind the ledger.

    Attributes:
        events: events that no customer's features know yet.
        oldest_seconds: since when the oldest of them waits; 0 without any.
    """

    events: int
    oldest_seconds: float


@dataclass
class LedgerWatch:
    """Reads what is new since it last looked; one thread at a time.

    Attributes:
        ledger: what is followed.
        server: the Redis that may hold the customers' rows.
        levels: every stock level fed over the API; it counts before what the build knew.
        experiments: id → document of every experiment; another object once any has changed.
        written: (kind, id) → document of every offer, bundle and content.
        just_written: those of them that the last look found.
        latest: time of the newest thing that happened, UTC; None without events.
    """

    ledger: Ledger
    server: RedisServer | None = None
    levels: Levels = field(default_factory=dict)
    experiments: dict[str, str] = field(default_factory=dict)
    written: dict[Key, str] = field(default_factory=dict)
    just_written: dict[Key, str] = field(default_factory=dict)
    latest: datetime | None = None
    _written_change: int = 0
    _documents_change: int = 0
    _seq: int = 0
    _change: int = 0
    _experiments_change: int = 0

    def look(self) -> Levels:
        """Stock levels that changed since the last look.

        Raises:
            LedgerAway, LedgerBroken: the ledger does not answer; the next look finds what this one missed.
        """
        if not anything_new(self.ledger.database, seq=self._seq, stock=self._change, documents=self._documents_change):
            self.just_written = {}
            return {}
        with self.ledger.database.reading() as connection:
            seen = documents_change(connection)
            changed = stock_levels(connection, after=self._change)
            told = documents_change(connection, Kind.EXPERIMENT)
            experiments = documents(connection, Kind.EXPERIMENT) if told > self._experiments_change else self.experiments
            written = changed_documents(connection, FOLLOWED, after=self._written_change)
            seq, latest = ledger_events.newest_since(connection, self._seq)
        self._seq, self._experiments_change, self.experiments = seq, told, experiments
        self._documents_change = seen
        self._written_change = max((one.change for one in written), default=self._written_change)
        self.just_written = {(one.kind, one.document_id): one.body for one in written}
        self.written |= self.just_written
        self._change = max((level.change for level in changed), default=self._change)
        self.latest = max((moment for moment in (self.latest, latest) if moment is not None), default=None)
        found = {level.product_id: level.quantity for level in changed}
        self.levels |= found
        return found

    def lag(self, folder: Path) -> Lag | None:
        """How far an online store is behind; None where its build did not say what it knows.

        Args:
            folder: version folder of the online state.

        Raises:
            StateBroken: the store cannot be read.
            LedgerAway, LedgerBroken: the ledger does not answer.
        """
        followed = read_followed(folder, self.server)
        if followed is None:
            return None
        with self.ledger.database.reading() as connection:
            newest = ledger_events.newest(connection)
            since = ledger_events.first_after(connection, followed.seq)
        waiting = 0.0 if since is None else max(0.0, (self.ledger.clock() - since).total_seconds())
        return Lag(max(0, newest - followed.seq) if since is not None else 0, waiting)
