"""Opens the ledger's database: SQLite in WAL mode by default, PostgreSQL by URL.

Acknowledged means committed: SQLite syncs its log at every commit, PostgreSQL as its own settings say. Writers take turns (BEGIN
IMMEDIATE; an advisory lock on PostgreSQL), so that sequence numbers become visible in their order and a reader that has seen number n has
seen everything before it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from features.errors import HuitouError
from features.ledger.by_driver import driver_of
from features.ledger.errors import LedgerAway, LedgerBroken, LedgerFull
from features.ledger.outages import Outage
from features.ledger.plain_reads import PlainReads
from features.room import SQLITE_NO_ROOM

_FILE = "ledger.db"
_LOCK = 7_409_172_001  # any number, the same in every process: PostgreSQL's advisory lock of the writers
# Pages of SQLite's log before they are brought into the file, 16 MB: the pages of an index are written again by nearly every group of
# decisions, and brought over once. With SQLite's own 1,000 a decision's record costs a fifth more.
_LOG_PAGES = 4_000
PATIENCE = 10.0  # seconds a statement may take before the database counts as hung; the slowest of ours takes tenths
_CONNECT_SECONDS = 3
_PING_SECONDS = 1.0  # a line that takes longer to say that it is there is replaced by a new one
_BUSY = "The ledger's database is busy: another writer did not finish in time; nothing of this was kept, send it again."
_WRITING = "huitou_writing"
_FULL = ("database or disk is full", "No space left", "disk full", "could not extend file", "File too large")


def ledger_url(data_dir: Path, url: str | None) -> URL:
    """The database's address: as given, or the file in the data folder.

    Raises:
        HuitouError: not an address of SQLite or PostgreSQL.
    """
    if not url:
        return URL.create("sqlite", database=str(data_dir / _FILE))
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise HuitouError(
            "Setting HUITOU_LEDGER_URL is not an address such as postgresql://user@host/database or sqlite:///ledger.db."
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise HuitouError(f"Setting HUITOU_LEDGER_URL names {other}; the ledger is kept in sqlite or postgresql.")


class LedgerDatabase:
    """A pool of connections, and the two ways to use one.

    Attributes:
        url: its address.
        engine: SQLAlchemy's.
        timed: told after every writing transaction how many seconds it waited for its turn and how many it then took.
    """

    def __init__(self, url: URL, *, patience: float = PATIENCE) -> None:
        """Prepare the pool; nothing is connected before the first use.

        Args:
            url: from `ledger_url`.
            patience: seconds that a transaction may take before the database counts as hung.
        """
        self.url = url
        self.patience = patience
        self.engine = _sqlite(url, patience) if self.is_sqlite else _postgresql(url, patience)
        self._plain = PlainReads(self.url.database or "", patience) if self.is_sqlite else None
        self.timed: Callable[[float, float], None] = lambda *_: None
        self._writer = self.engine.execution_options(**{_WRITING: True})
        # In this process writers queue here and not in the pool: those who wait must not take the readers' connections.
        self._turn = threading.Lock()
        self._reads, self._writes = Outage(), Outage()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the ledger.

        Raises:
            LedgerAway: the database cannot be reached, is locked, or does not answer in time.
            LedgerBroken: what it holds is damaged or was not migrated.
        """
        with self._reads.minded(), _translated(self.url), self.engine.begin() as connection, self._watched(connection):
            yield connection

    def rows(self, statement: str, values: tuple[Any, ...]) -> Sequence[Any]:
        """What one statement finds, which sees one state of the ledger: the short way, for what every request asks.

        Args:
            statement: plain SQL that both databases know; the places of values are written `?`.
            values: in their order.

        Raises:
            LedgerAway, LedgerBroken: as `reading`.
        """
        if self._plain is None:
            with self.reading() as connection:
                return connection.exec_driver_sql(statement.replace("?", "%s"), values).fetchall()
        found = self._plain.rows(statement, values)
        if found is None:
            with self.reading() as connection:  # once more, where the database's own words become ours
                return connection.exec_driver_sql(statement, values).fetchall()
        return found

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is alone among writers; committed when the block ends, undone when it raises.

        Raises:
            LedgerAway: as `reading`; nothing was written.
            LedgerFull: there is no room; nothing was written.
            LedgerBroken: as `reading`.
        """
        with self._writes.minded(), self._my_turn() as began, _translated(self.url):
            with self._writer.begin() as connection, self._watched(connection):
                if not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                alone = time.perf_counter()
                yield connection
            self.timed(alone - began, time.perf_counter() - alone)

    @contextlib.contextmanager
    def _my_turn(self) -> Iterator[float]:
        began = time.perf_counter()
        if not self._turn.acquire(timeout=self.patience):
            raise LedgerAway(_BUSY)
        try:
            yield began
        finally:
            self._turn.release()

    @contextlib.contextmanager
    def _watched(self, connection: Connection) -> Iterator[None]:
        """Cut the line to a server that has stopped: it no longer minds its own time limits, and a read from it would never end."""
        if self.is_sqlite:
            yield
            return
        with _limited(connection.connection.driver_connection, self.patience):
            yield

    def close(self) -> None:
        """Close every idle connection."""
        if self._plain is not None:
            self._plain.close()
        self.engine.dispose()


@contextlib.contextmanager
def _limited(driver_connection: Any, seconds: float) -> Iterator[None]:  # noqa: ANN401 - the driver's own type
    timer = threading.Timer(seconds, _cut, (driver_connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(driver_connection: Any) -> None:  # noqa: ANN401 - the driver's own type
    with contextlib.suppress(Exception):  # safe: a line that is gone already needs no cutting
        line = socket.socket(fileno=os.dup(driver_connection.fileno()))
        line.shutdown(socket.SHUT_RDWR)
        line.close()


def _sqlite(url: URL, patience: float) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": patience, "check_same_thread": False}, pool_timeout=patience)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401
        connection.isolation_level = None  # the driver's own transactions would begin too late to be alone
        for pragma in ("journal_mode=WAL", f"wal_autocheckpoint={_LOG_PAGES}", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        with driver_of(connection) as driver:
            driver.execute("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITING) else "BEGIN")

    return engine


def _postgresql(url: URL, patience: float) -> Engine:
    limit = int(patience * 1000)
    options = f"-c statement_timeout={limit} -c lock_timeout={limit} -c idle_in_transaction_session_timeout={limit * 6}"
    # A plan that is kept was made when the table was small: it would go on reading all of it, 500 a second instead of thousands.
    options += " -c plan_cache_mode=force_custom_plan"
    engine = create_engine(
        url,
        hide_parameters=True,  # statements and errors are logged, people are not
        connect_args={"connect_timeout": _CONNECT_SECONDS, "application_name": "huitou", "options": options},
        pool_timeout=patience,
        pool_size=5,
    )

    # Not the pool's own ping: it would wait for a stopped server without end.
    @event.listens_for(engine, "checkout")
    def _ping(driver_connection: Any, record: Any, proxy: object) -> None:  # noqa: ANN401, ARG001 - SQLAlchemy's signature
        try:
            with _limited(driver_connection, min(patience, _PING_SECONDS)):
                engine.dialect.do_ping(driver_connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # what one line has lost the others have most likely lost too

    return engine


@contextlib.contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Turn the database's errors into ours: who reads them learns what to do, not our SQL."""
    try:
        yield
    except PoolTimeout as error:
        raise LedgerAway("The ledger's database is busy: no connection came free in time; try again.") from error
    except DBAPIError as error:
        raise _ours(error, url) from error
    except SQLAlchemyError as error:
        raise LedgerBroken(f"The ledger's database refused ({type(error).__name__}).") from error


def _ours(error: DBAPIError, url: URL) -> HuitouError:
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if any(sign in said for sign in _FULL) or _os_full(error):
        return LedgerFull(
            "The disk that holds the ledger is full or takes no more; nothing of this was kept. Free some space and send it again."
        )
    if "no such table" in said or "no such column" in said or type(error.orig).__name__ in {"UndefinedTable", "UndefinedColumn"}:
        return LedgerBroken("The ledger's database was not migrated to this version; run `huitou ledger migrate`.")
    if "malformed" in said or "not a database" in said:
        return LedgerBroken(f"The ledger's file is damaged ({said}); restore it from a backup.")
    if _away(error):
        place = url.database if url.get_backend_name() == "sqlite" else f"{url.host}:{url.port or 5432}"
        return LedgerAway(f"The ledger's database ({place}) does not answer ({said}); nothing of this was kept, send it again.")
    return LedgerBroken(f"The ledger's database refused ({type(error.orig).__name__}).")


def _away(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR":
        return False  # the statement is wrong: sending it again would not help
    return isinstance(error, OperationalError) or error.connection_invalidated or "Canceled" in type(error.orig).__name__


def _os_full(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorname", "") in SQLITE_NO_ROOM or type(error.orig).__name__ == "DiskFull"
