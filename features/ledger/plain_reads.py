"""Reads of a SQLite ledger straight by the driver: what a library makes around a few rows costs ten times what they do.

A connection for each thread that reads, kept open; each statement is a transaction of its own.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class PlainReads:
    """The connections of one file."""

    def __init__(self, path: str, patience: float) -> None:
        """Prepare; nothing is opened before the first read.

        Args:
            path: of the file.
            patience: seconds that a read waits for a lock.
        """
        self._path, self._patience = path, patience
        self._here = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def rows(self, statement: str, values: tuple[Any, ...]) -> Sequence[Any] | None:
        """What a statement finds; None where the database objects, for whatever reason."""
        try:
            connection: sqlite3.Connection | None = getattr(self._here, "connection", None)
            if connection is None:
                connection = self._here.connection = self._opened()
            return connection.execute(statement, values).fetchall()
        except sqlite3.Error:
            self._here.connection = None  # safe: the caller asks on another way, which tells what is wrong
            return None

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._all:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            self._all.clear()
        self._here = threading.local()

    def _opened(self) -> sqlite3.Connection:
        # Read-only: a file that is not there is not made. Closed by whichever thread ends the service.
        uri = f"{Path(self._path).resolve().as_uri()}?mode=ro"
        made = sqlite3.connect(uri, uri=True, timeout=self._patience, isolation_level=None, check_same_thread=False)
        with self._lock:
            self._all.append(made)
        return made
