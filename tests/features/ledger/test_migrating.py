from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from features.ledger.columns import METADATA
from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.errors import LedgerBroken
from features.ledger.migrating import downgrade, migrate, newest_revision, revision_of
from features.ledger.tables import KEYS


@pytest.fixture
def database(empty_database: str, tmp_path: Path) -> Iterator[LedgerDatabase]:
    opened = LedgerDatabase(ledger_url(tmp_path, empty_database))
    yield opened
    opened.close()


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(database: LedgerDatabase) -> None:
    assert migrate(database) == (None, newest_revision())
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
        found = inspect(connection)
        for name, table in METADATA.tables.items():
            assert {column["name"]: column["nullable"] for column in found.get_columns(name)} == {c.name: c.nullable for c in table.columns}
            assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key.columns]


def test_all_the_way_down_and_up_again(database: LedgerDatabase) -> None:
    migrate(database)
    assert downgrade(database, "base") == (newest_revision(), None)
    assert revision_of(database) is None
    with database.reading() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    migrate(database)
    with database.reading() as connection:
        assert set(METADATA.tables) <= set(inspect(connection).get_table_names())


def test_migrating_again_keeps_everything(database: LedgerDatabase) -> None:
    migrate(database)
    with database.reading() as connection:
        before = connection.execute(select(KEYS)).all()
    assert migrate(database) == (newest_revision(), newest_revision())
    with database.reading() as connection:
        assert connection.execute(select(KEYS)).all() == before
    assert len(before) == 1
    assert re.fullmatch("[0-9a-f]{64}", before[0].value)


def test_a_newer_database_is_refused_in_one_sentence(database: LedgerDatabase) -> None:
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (lambda: migrate(database), lambda: downgrade(database, "base")):
        with pytest.raises(LedgerBroken, match=r"^The ledger's database is of version 9999, which .*; update huitou\.$"):
            refused()


def test_a_migration_that_fails_leaves_the_database_as_it_was(database: LedgerDatabase) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE tombstones (other integer)"))  # in the way of the last tables but one
    with pytest.raises(LedgerBroken):
        migrate(database)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == ["tombstones"]
