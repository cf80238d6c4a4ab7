"""Brings the ledger's database to this version, or back: alembic, with the migrations of this package."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select

from features.ledger.database import LedgerDatabase
from features.ledger.errors import LedgerBroken
from features.ledger.tombstones import KEYS, PSEUDONYM_KEY

_FOLDER = Path(__file__).parent / "migrations"


def migrate(database: LedgerDatabase, revision: str = "head") -> tuple[str | None, str | None]:
    """Upgrade to a revision (or make a new database); nothing happens when it is there already.

    Args:
        database: to migrate; one process at a time does it, the others wait.
        revision: where to; by default the newest.

    Returns:
        The revision before and after.

    Raises:
        LedgerBroken: the database is of a newer version than this program.
        LedgerAway: as `LedgerDatabase.writing`.
    """
    with database.writing() as connection:
        before = _revision(connection)
        _known(before)
        if revision != "head" or before != newest_revision():
            command.upgrade(_config(connection), revision)
        if connection.execute(select(KEYS.c.name).where(KEYS.c.name == PSEUDONYM_KEY)).first() is None:
            connection.execute(insert(KEYS).values(name=PSEUDONYM_KEY, value=secrets.token_hex(32)))
        return before, _revision(connection)


def downgrade(database: LedgerDatabase, revision: str) -> tuple[str | None, str | None]:
    """Go back to an earlier revision (`base` for an empty database); what only later tables held is lost. Returns as `migrate`."""
    with database.writing() as connection:
        before = _revision(connection)
        _known(before)
        command.downgrade(_config(connection), revision)
        return before, _revision(connection)


def revision_of(database: LedgerDatabase) -> str | None:
    """The database's revision; None when it is empty."""
    with database.reading() as connection:
        return _revision(connection)


def newest_revision() -> str:
    """The revision that this program needs."""
    return str(_migrations().get_current_head())


@cache
def _migrations() -> ScriptDirectory:
    """Read once a process: alembic runs every migration's file to learn their order."""
    return ScriptDirectory(str(_FOLDER))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = MigrationContext.configure(connection).get_current_revision()
    return None if found is None else str(found)


def _known(revision: str | None) -> None:
    if revision is not None and revision not in {script.revision for script in _migrations().walk_revisions()}:
        raise LedgerBroken(f"The ledger's database is of version {revision}, which this program does not know; update huitou.")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config
