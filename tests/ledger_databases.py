"""Databases for tests: empty ones, and ledgers of the newest version, migrated once and copied: migrating costs more than most tests do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import delete
from sqlalchemy.engine import make_url

from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.migrating import migrate
from features.ledger.tables import KEYS


def migrated_file(path: Path) -> Path:
    """Make an empty ledger in SQLite."""
    _migrated(path.parent, f"sqlite:///{path}")
    return path


@contextmanager
def template_database(postgres_url: str) -> Iterator[str]:
    """Name of a database with an empty ledger for `own_database`, dropped afterwards."""
    with own_database(postgres_url) as url:
        _migrated(Path(), url)
        yield str(make_url(url).database)


@contextmanager
def own_database(postgres_url: str, *, template: str | None = None) -> Iterator[str]:
    """URL of a PostgreSQL database of one's own, empty or a copy, dropped afterwards.

    Its commits do not wait for the disk: no test pulls the plug of the server that CI brings up.
    """
    name = f"huitou_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _migrated(data_dir: Path, url: str) -> None:
    database = LedgerDatabase(ledger_url(data_dir, url))
    migrate(database)
    with database.writing() as connection:
        connection.execute(delete(KEYS))  # each copy draws its own key when it is opened
    database.close()
