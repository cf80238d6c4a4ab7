"""A shop for each test, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from features.ledger.ledger import open_ledger
from features.online_place import projects_of
from features.redis_rows import sweep
from features.redis_server import RedisServer
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


@pytest.fixture
def redis_shop(tmp_path: Path, redis_url: str) -> Iterator[Shop]:
    """With the online rows in a Redis."""
    yield from _opened(tmp_path, None, redis_url)
    sweep(RedisServer(redis_url), projects_of(tmp_path / "data" / "online")[0], ())


def _opened(folder: Path, url: str | None, online_url: str | None = None) -> Iterator[Shop]:
    settings, clock = FeatureSettings(data_dir=folder / "data", ledger_url=url, online_url=online_url), Clock()
    ledger = open_ledger(settings, clock=clock)
    yield Shop(settings, ledger, clock, folder / "orders.csv")
    ledger.close()
