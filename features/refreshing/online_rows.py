"""Writes refreshed customers to the online store while the API reads it."""

from __future__ import annotations

import contextlib
import sqlite3
import warnings
from pathlib import Path
from typing import Protocol

from features.feast_bytes import PROJECT, VIEW, entity_key
from features.feast_repo.repo import open_store
from features.freshness import Followed, noted, write_followed
from features.online_place import demanded, place_of
from features.redis_rows import RedisRows
from features.redis_server import RedisServer
from features.refreshing.refresher import Refreshed
from features.store import DATABASE

_PATIENCE = 10.0  # seconds to wait for another writer, such as an erasure


class OnlineRows(Protocol):
    """The online store of one build, open for writing.

    Attributes:
        folder: of the build.
    """

    folder: Path

    def write(self, refreshed: Refreshed, *, also_gone: set[str], followed: Followed) -> None:
        """Write rows, take away those that are no more, then move on: a crash in between writes the same rows again.

        Args:
            refreshed: what became of customers.
            also_gone: ids that are another customer's by now.
            followed: what the store knows afterwards.

        Raises:
            StoreAway, StateBroken: a server has the rows and does not answer, or has lost them.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_rows(folder: Path, server: RedisServer | None = None) -> OnlineRows:
    """Open a version folder of the online state; arguments and errors as `features.store.open_reader`."""
    if (project := place_of(folder)) is not None:
        return RedisOnlineRows(folder, RedisRows(demanded(server, folder), project))
    return SqliteOnlineRows(folder)


class RedisOnlineRows:
    """Rows in a Redis, in Feast's layout: they and what they know change together."""

    def __init__(self, folder: Path, rows: RedisRows) -> None:
        """Prepare."""
        self.folder, self._rows = folder, rows

    def write(self, refreshed: Refreshed, *, also_gone: set[str], followed: Followed) -> None:
        """See `OnlineRows.write`."""
        self._rows.change(refreshed.packed.to_dict(as_series=False), gone={*refreshed.gone, *also_gone}, note=noted(followed))

    def close(self) -> None:
        """See `OnlineRows.close`."""
        self._rows.close()


class SqliteOnlineRows:
    """Rows in Feast's SQLite file, which Feast writes as in the build.

    The file is put into write-ahead mode first: readers then neither wait for the writer nor make it wait.
    """

    def __init__(self, folder: Path) -> None:
        """Open a version folder of the online state."""
        self.folder = folder
        self._connection = sqlite3.connect(folder / DATABASE, timeout=_PATIENCE)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA secure_delete = ON")  # whoever is erased leaves no bytes in free pages
        self._store = open_store(folder)

    def write(self, refreshed: Refreshed, *, also_gone: set[str], followed: Followed) -> None:
        """See `OnlineRows.write`."""
        if refreshed.packed.height:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Feast's notes to its own developers
                self._store.write_to_online_store(VIEW, refreshed.packed.to_pandas())
        gone = [(entity_key(customer),) for customer in {*refreshed.gone, *also_gone}]
        with self._connection:
            self._connection.executemany(f'DELETE FROM "{PROJECT}_{VIEW}" WHERE entity_key = ?', gone)  # noqa: S608 - constants only
            write_followed(self._connection, followed)

    def close(self) -> None:
        """Let go of the file; with no reader left it becomes a plain file again, which can be read where nothing can be written."""
        feasts = self._store.provider.online_store._conn
        if feasts is not None:
            feasts.close()
        with contextlib.suppress(sqlite3.Error):  # safe: a reader still has it open, and reads on
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
