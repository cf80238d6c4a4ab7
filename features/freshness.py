"""How far the online store has followed the ledger: one row beside the features, so that a new build begins with its own.

Light on purpose: the API reads it to say how far behind the store is.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.errors import StateBroken
from features.ledger.marks import Marks
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


def read_followed(folder: Path) -> Followed | None:
    """What a version folder of the online state says; None where the build wrote nothing.

    Raises:
        StateBroken: the store cannot be read.
    """
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


def write_followed(connection: sqlite3.Connection, followed: Followed) -> None:
    """Write it; the caller commits."""
    marks = followed.marks
    connection.execute(_TABLE)
    connection.execute(_WRITE, (followed.as_of.isoformat(), followed.seq, marks.link_id, marks.undone, marks.consent_id))
