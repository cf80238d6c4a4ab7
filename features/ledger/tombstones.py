"""Who asked to be forgotten: a keyed hash and a time, so that neither a late event nor a second import brings the person back."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, bindparam, select

from features.ledger.by_driver import any_row
from features.ledger.columns import METADATA, Moment

TOMBSTONES = Table(
    "tombstones",
    METADATA,
    Column("subject_hash", String(64), primary_key=True),
    Column("erased_at", Moment, nullable=False),  # what happened up to then is refused; what they do afterwards is a new acquaintance
)
KEYS = Table(
    "ledger_keys",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", String(128), nullable=False),
)
PSEUDONYM_KEY = "pseudonyms"
_BY_HASH = select(TOMBSTONES).where(TOMBSTONES.c.subject_hash.in_(bindparam("hashes", expanding=True)))


def pseudonym_key(connection: Connection) -> bytes:
    """The secret of this ledger's pseudonyms, made by the migration; without the database nobody can tell whose a hash is."""
    return str(connection.execute(select(KEYS.c.value).where(KEYS.c.name == PSEUDONYM_KEY)).scalar_one()).encode()


def pseudonym(key: bytes, customer_id: str) -> str:
    """HMAC-SHA256 of an id, 64 hex digits: equal ids, equal pseudonyms; not to be undone without the key."""
    return hmac.new(key, customer_id.encode(), hashlib.sha256).hexdigest()


def erased_since(connection: Connection, ids: Iterable[str]) -> dict[str, datetime]:
    """Which of these ids were erased, and when; where nobody was, nothing is looked at."""
    if not any_row(connection, TOMBSTONES):
        return {}
    key = pseudonym_key(connection)
    by_hash = {pseudonym(key, customer_id): customer_id for customer_id in set(ids)}
    hashes = list(by_hash)
    found: dict[str, datetime] = {}
    for start in range(0, len(hashes), 500):  # below SQLite's limit of variables
        for row in connection.execute(_BY_HASH, {"hashes": hashes[start : start + 500]}):
            found[by_hash[row.subject_hash]] = row.erased_at
    return found
