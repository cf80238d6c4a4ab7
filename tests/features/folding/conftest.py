"""A shop whose ledger lies in either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from features.settings import FeatureSettings
from tests.features.folding.happenings import LedgerShop


@pytest.fixture
def shop(ledger_address: str, tmp_path: Path) -> Iterator[LedgerShop]:
    """An empty data folder beside an empty ledger; on SQLite and on PostgreSQL."""
    opened = LedgerShop.open(FeatureSettings(data_dir=tmp_path / "data", ledger_url=ledger_address))
    yield opened
    opened.ledger.close()
