"""The ledger as a whole: the database, migrated, and the clock that stamps what comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.events import Event, Fate, append
from features.ledger.migrating import migrate
from features.settings import FeatureSettings


def wall_clock() -> datetime:
    """Now, UTC. The only place that asks the machine: events are stamped with it, features never."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Ledger:
    """An open ledger.

    Attributes:
        database: where it is.
        clock: what receipts are stamped with; injected in tests.
    """

    database: LedgerDatabase
    clock: Callable[[], datetime] = wall_clock

    def append(self, events: Sequence[Event]) -> list[Fate]:
        """Write events; when this returns they are committed.

        Raises:
            LedgerAway, LedgerFull, LedgerBroken: nothing was kept.
        """
        with self.database.writing() as connection:
            return append(connection, events, received_at=self.clock())

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_ledger(settings: FeatureSettings, *, clock: Callable[[], datetime] = wall_clock) -> Ledger:
    """Open the ledger that the settings name, made or migrated where need be.

    Raises:
        LedgerAway: the database cannot be reached.
        LedgerBroken: it is damaged or of a newer version.
    """
    database = LedgerDatabase(ledger_url(settings.data_dir, settings.ledger_url), patience=settings.ledger_patience_seconds)
    ledger = Ledger(database, clock)
    migrate(ledger.database)
    return ledger


def ledger_exists(settings: FeatureSettings) -> bool:
    """Whether there is a ledger to ask; a file that nobody made yet holds nothing, and asking must not make it."""
    url = ledger_url(settings.data_dir, settings.ledger_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()
