"""A shop for each test, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from tests.features.erasing.person import Clock, Shop


@pytest.fixture
def shop(ledger_address: str, tmp_path: Path) -> Iterator[Shop]:
    """On SQLite and on PostgreSQL."""
    folder = tmp_path / "data"
    folder.mkdir()
    yield from _opened(tmp_path, f"sqlite:///{folder / 'ledger.db'}" if ledger_address.startswith("sqlite") else ledger_address)


@pytest.fixture
def file_shop(tmp_path: Path) -> Iterator[Shop]:
    """On SQLite, where the database makes no difference."""
    yield from _opened(tmp_path, None)


def _opened(folder: Path, url: str | None) -> Iterator[Shop]:
    settings, clock = FeatureSettings(data_dir=folder / "data", ledger_url=url), Clock()
    ledger = open_ledger(settings, clock=clock)
    yield Shop(settings, ledger, clock, folder / "orders.csv")
    ledger.close()
