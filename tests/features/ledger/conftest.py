"""An open ledger on either database, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.ledger.ledger import Ledger, open_ledger
from features.settings import FeatureSettings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def pass_by(self, **passed: float) -> None:
        """Let time pass; arguments of `timedelta`."""
        self.now += timedelta(**passed)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    """An empty ledger; on SQLite and on PostgreSQL."""
    opened = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=ledger_address), clock=clock)
    yield opened
    opened.close()
