from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from features.errors import HuitouError
from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.errors import LedgerAway, LedgerBroken
from features.ledger.ledger import ledger_exists
from features.settings import FeatureSettings
from tests.contracts.ledger_suite import LedgerSuite


class TestPostgresql(LedgerSuite):
    @pytest.fixture
    def address(self, postgres_database: str) -> str:
        return postgres_database


def test_a_database_that_was_not_migrated_names_the_command(postgres_database: str, tmp_path: Path) -> None:
    database = LedgerDatabase(ledger_url(tmp_path, postgres_database))
    with pytest.raises(LedgerBroken, match="huitou ledger migrate"), database.reading() as connection:
        connection.execute(text("SELECT * FROM events"))
    database.close()


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://somebody:secret@127.0.0.1:1/ledger"
    assert ledger_exists(FeatureSettings(data_dir=tmp_path, ledger_url=url))
    database = LedgerDatabase(ledger_url(tmp_path, url))
    with pytest.raises(LedgerAway, match=r"127\.0\.0\.1:1") as away, database.reading():
        pass
    assert "secret" not in str(away.value)
    assert "secret" not in repr(FeatureSettings(ledger_url=url))


@pytest.mark.parametrize("address", ["mysql://root@db/ledger", "oracle://db", "not an address", "postgresql//nowhere"])
def test_other_addresses_are_refused_by_the_setting_s_name(address: str, tmp_path: Path) -> None:
    with pytest.raises(HuitouError, match="HUITOU_LEDGER_URL"):
        ledger_url(tmp_path, address)


def test_a_statement_that_hangs_is_given_up(postgres_database: str, tmp_path: Path) -> None:
    database = LedgerDatabase(ledger_url(tmp_path, postgres_database), patience=0.3)
    with pytest.raises(LedgerAway), database.reading() as connection:
        connection.execute(text("SELECT pg_sleep(20)"))
    assert answers_again(database)
    database.close()


def answers_again(database: LedgerDatabase) -> bool:
    """Whether the database is asked again, and answers: after an outage others are told so without asking, for a moment."""
    given_up = time.monotonic() + 20
    while time.monotonic() < given_up:
        with contextlib.suppress(LedgerAway), database.reading() as connection:
            return bool(connection.execute(text("SELECT 1")).scalar_one() == 1)
    return False
