"""How far the online store has followed the ledger: one row beside the features, so that a new build begins with its own.

Light on purpose: the API reads it to say how far behind the store is.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.errors import StateBroken
from features.ledger.marks import Marks
from features.online_place import demanded, place_of
from features.redis_rows import RedisRows
from features.redis_server import RedisServer
from features.store import DATABASE

_TABLE = (
    "CREATE TABLE IF NOT EXISTS followed "
    "(one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER, link_id INTEGER, undone INTEGER, consent_id INTEGER, as_of TEXT)"
)
_READ = "SELECT as_of, seq, link_id, undone, consent_id FROM followed"
_WRITE = "INSERT OR REPLACE INTO followed (one, as_of, seq, link_id, undone, consent_id) VALUES (1, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Followed:
    """What the online store has seen of the ledger.

    Attributes:
        seq: number of the last event whose customer's features know it.
        marks: links and consents looked at.
        as_of: latest as-of date of any customer in the store, UTC.
    """

    seq: int
    marks: Marks
    as_of: datetime


def read_followed(folder: Path, server: RedisServer | None = None) -> Followed | None:
    """What a version folder of the online state says; None where the build wrote nothing.

    Args:
        folder: of the build.
        server: the Redis of the settings; asked only where the build's rows are in one.

    Raises:
        StateBroken: the store cannot be read.
        StoreAway: a server has the rows and does not answer.
    """
    if (project := place_of(folder)) is not None:
        return _noted(demanded(server, folder), project)
    try:
        connection = sqlite3.connect(f"{(folder / DATABASE).resolve().as_uri()}?mode=ro", uri=True)
        try:
            row = connection.execute(_READ).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        raise StateBroken(f"The online store cannot be read ({error}); run `huitou build --force`.") from error
    return None if row is None else Followed(row[1], Marks(*row[2:]), datetime.fromisoformat(row[0]).astimezone(UTC))


def _noted(server: RedisServer, project: str) -> Followed | None:
    rows = RedisRows(server, project, in_requests=True)
    try:
        told = rows.note()
    finally:
        rows.close()
    if "as_of" not in told:
        return None
    marks = Marks(*(int(told[name]) for name in ("link_id", "undone", "consent_id")))
    return Followed(int(told["seq"]), marks, datetime.fromisoformat(told["as_of"]).astimezone(UTC))


def noted(followed: Followed) -> dict[str, str | int]:
    """The same as a note beside rows in a Redis."""
    return {"as_of": followed.as_of.isoformat(), "seq": followed.seq, **asdict(followed.marks)}


def begin_following(folder: Path, followed: Followed, server: RedisServer | None = None) -> None:
    """Say for a build what its rows know; arguments and errors as `read_followed`."""
    if (project := place_of(folder)) is not None:
        rows = RedisRows(demanded(server, folder), project)
        try:
            rows.tell(noted(followed))
        finally:
            rows.close()
        return
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        write_followed(connection, followed)


def write_followed(connection: sqlite3.Connection, followed: Followed) -> None:
    """Write it; the caller commits."""
    marks = followed.marks
    connection.execute(_TABLE)
    connection.execute(_WRITE, (followed.as_of.isoformat(), followed.seq, marks.link_id, marks.undone, marks.consent_id))
