from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.errors import LedgerBroken
from features.ledger.ledger import ledger_exists, open_ledger
from features.settings import FeatureSettings
from tests.contracts.ledger_suite import LedgerSuite


class TestSqlite(LedgerSuite):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'ledger.db'}"


def test_by_default_it_is_a_file_in_the_data_folder_that_asking_does_not_make(tmp_path: Path) -> None:
    settings = FeatureSettings(data_dir=tmp_path / "shop")
    assert not ledger_exists(settings)
    assert not (tmp_path / "shop").exists()
    open_ledger(settings).close()
    assert ledger_exists(settings)
    assert (tmp_path / "shop" / "ledger.db").is_file()


def test_every_commit_is_synced_and_readers_do_not_wait(tmp_path: Path) -> None:
    ledger = open_ledger(FeatureSettings(data_dir=tmp_path))
    with ledger.database.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA secure_delete")).scalar_one() == 1
    ledger.close()


def test_a_file_that_is_no_database_is_named_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"certainly not a database" * 400)
    with pytest.raises(LedgerBroken, match="damaged"):
        open_ledger(FeatureSettings(data_dir=tmp_path))


def test_a_database_that_was_not_migrated_names_the_command(tmp_path: Path) -> None:
    database = LedgerDatabase(ledger_url(tmp_path, None))
    with pytest.raises(LedgerBroken, match="huitou ledger migrate"), database.reading() as connection:
        connection.execute(text("SELECT * FROM events"))
    database.close()
