"""Reads one customer from the online store, by the shortest proven way.

Feast defines and writes the store (`features.online`); the request path reads the same rows directly, from SQLite or Redis, because Feast's
own client costs about a millisecond of Python per read and 4–7 s of imports. A contract test holds both readings equal for every feature.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.customer_facts import NOTHING_TOLD, CustomerFacts, facts_labelled
from features.errors import StateBroken, StateMissing
from features.feast_bytes import PROJECT, VIEW, bytes_value, entity_key
from features.feature_sets import CATEGORY, CUSTOMER, FACTS, RECENT, TAGS
from features.online_place import demanded, place_of
from features.packing import Block
from features.recent import RecentPurchases, nothing_recent
from features.redis_rows import RedisRows
from features.redis_server import RedisServer

DATABASE = "online.db"
PACKED_FILE = "customer_online.parquet"  # offline rows that Feast materialises

_VECTOR = "vector"
LATELY = 0.002  # seconds: events take a second and more to come into a row, and a look costs as much as drawing an answer
_PURCHASES = CATEGORY.columns.index("purchase_count")


@dataclass(frozen=True)
class CustomerFeatures:
    """Everything the models read of one customer.

    Attributes:
        customer_id: as asked.
        as_of: what the features look from, UTC; its age is the caller's to judge.
        vector: (features,) of `CUSTOMER`, NaN where unknown.
        categories: names of the product categories bought so far.
        category_features: (categories, features) of `CATEGORY`.
        recent: recent purchases, the most recent first.
        looked_categories: categories that somebody who ordered looked at lately and never bought.
        looked_features: (looked categories, features) of `CATEGORY`.
        looked: what somebody who never ordered looked at lately, in the same form with no order; nothing for buyers.
        tags: `kind:label` → days since it was told, the newest first: what the customer said of themselves and was given
            (`features.tags_build`).
        facts: birthday, time zone and locale, as far as told.
    """

    customer_id: str
    as_of: datetime
    vector: NDArray[np.float64]
    categories: tuple[str, ...]
    category_features: NDArray[np.float64]
    recent: RecentPurchases
    tags: Mapping[str, float] = field(default_factory=dict)
    facts: CustomerFacts = NOTHING_TOLD
    looked_categories: tuple[str, ...] = ()
    looked_features: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, len(CATEGORY.columns))))
    looked: RecentPurchases = field(default_factory=nothing_recent)

    @property
    def has_ordered(self) -> bool:
        """Whether there is any order: models of orders are learned from those who have, and say nothing of the others."""
        return self.value("order_count") > 0

    def value(self, feature: str) -> float:
        """One feature of `CUSTOMER` by name."""
        return float(self.vector[CUSTOMER.columns.index(feature)])


class CustomerReader(Protocol):
    """The seam between the request path and where features live."""

    def read(self, customer_id: str) -> CustomerFeatures | None:
        """Features of a customer; None when nothing is known.

        Raises:
            StateBroken: the row is damaged or of another feature set.
            StoreAway: a server has the rows and does not answer.
        """
        ...

    def packed(self, customer_id: str) -> Mapping[str, bytes] | None:
        """The row that `read` unpacks, by `unpack_customer`: equal rows are equal features; None when nothing is known.

        Raises:
            StateBroken: the store cannot be read.
            StoreAway: a server has the rows and does not answer.
        """
        ...

    def sketch(self, customer_id: str) -> CustomerFeatures | None:
        """As `read`, of their own numbers alone: what they bought, looked at and told of themselves is left empty. For scoring many.

        Raises:
            StateBroken, StoreAway: as `read`.
        """
        ...

    def version(self, customer_id: str) -> int | None:
        """Names a state of a customer's row, to this reader alone: while it stays the same, so does the row; None: it must be read to know.

        Raises:
            StateBroken: the store cannot be read.
        """
        ...

    def version_lately(self, customer_id: str) -> int | None:
        """The same as it was within the last two milliseconds; raises as `version`."""
        ...

    def customer_ids(self) -> list[str]:
        """All known customers, sorted.

        Raises:
            StateBroken: the store cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...


def open_reader(folder: Path, server: RedisServer | None = None) -> CustomerReader:
    """Open the store that a build left in a version folder of the online state; the files there say which it is.

    Args:
        folder: of the build.
        server: the Redis of the settings; asked only where the build's rows are in one.

    Raises:
        StateMissing: there is none.
        StateBroken: the rows are in a Redis, and the settings name none.
    """
    if (project := place_of(folder)) is not None:
        return RedisCustomerReader(RedisRows(demanded(server, folder), project, in_requests=True))
    return SqliteCustomerReader(folder)


class SqliteCustomerReader:
    """Reads Feast's SQLite online store; read-only, safe for many threads."""

    def __init__(self, folder: Path) -> None:
        """Open the store in a version folder of the online state.

        Raises:
            StateMissing: there is no store.
        """
        path = folder / DATABASE
        if not path.is_file():
            raise StateMissing(f"{path} is missing; run `huitou build` first.")
        uri = f"{path.resolve().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._sql = f'SELECT feature_name, value FROM "{PROJECT}_{VIEW}" WHERE entity_key = ?'  # noqa: S608 - constants only
        self._looked = (0, 0.0)  # the version when it was last looked at, and until when that was lately
        self._one_sql = f'SELECT value FROM "{PROJECT}_{VIEW}" WHERE entity_key = ? AND feature_name = ?'  # noqa: S608 - constants only

    def read(self, customer_id: str) -> CustomerFeatures | None:
        """See `CustomerReader.read`."""
        packed = self.packed(customer_id)
        return None if packed is None else unpack_customer(customer_id, packed)

    def packed(self, customer_id: str) -> Mapping[str, bytes] | None:
        """See `CustomerReader.packed`."""
        try:
            rows = dict(self._connection.execute(self._sql, (entity_key(customer_id),)).fetchall())
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        return {name: bytes_value(value) for name, value in rows.items()} if rows else None

    def sketch(self, customer_id: str) -> CustomerFeatures | None:
        """See `CustomerReader.sketch`."""
        try:
            row = self._connection.execute(self._one_sql, (entity_key(customer_id), _VECTOR)).fetchone()
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        return None if row is None else unpack_sketch(customer_id, bytes_value(row[0]))

    def version(self, customer_id: str) -> int | None:  # noqa: ARG002 - of all rows together
        """See `CustomerReader.version`: SQLite's own, by which it knows whether its pages in memory are still good."""
        try:
            found = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        self._looked = found, time.monotonic() + LATELY
        return found

    def version_lately(self, customer_id: str) -> int | None:
        """See `CustomerReader.version_lately`."""
        found, until = self._looked
        return found if time.monotonic() < until else self.version(customer_id)

    def customer_ids(self) -> list[str]:
        """See `CustomerReader.customer_ids`."""
        sql = f'SELECT DISTINCT entity_key FROM "{PROJECT}_{VIEW}"'  # noqa: S608 - constants only
        prefix = len(entity_key(""))
        try:
            return sorted(key[prefix:].decode() for (key,) in self._connection.execute(sql))
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    def close(self) -> None:
        """See `CustomerReader.close`."""
        self._connection.close()


class RedisCustomerReader:
    """Reads Feast's hashes in a Redis, one round trip a customer whose row may have changed; safe for many threads."""

    def __init__(self, rows: RedisRows) -> None:
        """Prepare; nothing is connected before the first read: a service starts, and answers what is lawful, while the Redis is away."""
        self._rows = rows

    def read(self, customer_id: str) -> CustomerFeatures | None:
        """See `CustomerReader.read`."""
        packed = self.packed(customer_id)
        return None if packed is None else unpack_customer(customer_id, packed)

    def packed(self, customer_id: str) -> Mapping[str, bytes] | None:
        """See `CustomerReader.packed`."""
        return self._rows.read(customer_id) or None

    def sketch(self, customer_id: str) -> CustomerFeatures | None:
        """See `CustomerReader.sketch`."""
        packed = self._rows.read_one(customer_id, _VECTOR)
        return None if packed is None else unpack_sketch(customer_id, packed)

    def version(self, customer_id: str) -> int | None:
        """See `CustomerReader.version`: as heard from the server, since asking would take as long as reading the row."""
        return self._rows.version(customer_id)

    version_lately = version

    def customer_ids(self) -> list[str]:
        """See `CustomerReader.customer_ids`."""
        return self._rows.customer_ids()

    def close(self) -> None:
        """See `CustomerReader.close`."""
        self._rows.close()


def _unreadable(error: sqlite3.Error) -> StateBroken:
    return StateBroken(f"The online store cannot be read ({error}); run `huitou build --force`.")


def unpack_customer(customer_id: str, blobs: Mapping[str, bytes]) -> CustomerFeatures:
    """From the packed blobs `vector`, `categories`, `recent`, `tags` and `facts`; a row without the last ones is older than they are.

    Raises:
        StateBroken: a blob is missing, damaged or of another feature set.
    """
    missing = {"vector", "categories", "recent"} - set(blobs)
    if missing:
        raise StateBroken(f"The online row of customer {customer_id} lacks {', '.join(sorted(missing))}; run `huitou build --force`.")
    vector = Block.unpack(blobs["vector"], feature_hash=CUSTOMER.hash)
    categories = Block.unpack(blobs["categories"], feature_hash=CATEGORY.hash)
    recent = _recent(Block.unpack(blobs["recent"], feature_hash=RECENT.hash))
    only_looked = categories.values[:, _PURCHASES] == 0
    return CustomerFeatures(
        customer_id=customer_id,
        as_of=vector.as_of,
        vector=vector.values[0],
        categories=_named(categories, ~only_looked),
        category_features=categories.values[~only_looked],
        looked_categories=_named(categories, only_looked),
        looked_features=categories.values[only_looked],
        recent=recent if recent.orders else nothing_recent(),
        looked=nothing_recent() if recent.orders else recent,
        tags=_tags(blobs.get("tags")),
        facts=_facts(blobs.get("facts")),
    )


def unpack_sketch(customer_id: str, vector: bytes) -> CustomerFeatures:
    """As `unpack_customer`, from the blob `vector` alone."""
    block = Block.unpack(vector, feature_hash=CUSTOMER.hash)
    nothing, recent = np.empty((0, len(CATEGORY.columns))), nothing_recent()
    return CustomerFeatures(customer_id, block.as_of, block.values[0], (), nothing, recent, looked_features=nothing, looked=recent)


def _named(block: Block, which: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(block.labels[row] for row in np.flatnonzero(which))


def _tags(blob: bytes | None) -> dict[str, float]:
    if blob is None:
        return {}  # safe: no offer that asks for a tag is made
    block = Block.unpack(blob, feature_hash=TAGS.hash)
    return dict(zip(block.labels, block.values[:, 0].tolist(), strict=True))


def _facts(blob: bytes | None) -> CustomerFacts:
    if blob is None:
        return NOTHING_TOLD  # safe: the shop's own clock and language hold
    return facts_labelled(Block.unpack(blob, feature_hash=FACTS.hash).labels)


def _recent(block: Block) -> RecentPurchases:
    # The first row carries the number of orders under the empty label, which no product has; without an order they were only looked at.
    if len(block.labels) <= 1:
        return nothing_recent()
    return RecentPurchases(
        product_ids=np.asarray(block.labels[1:], dtype=np.str_),
        purchases=block.values[1:, 0].astype(np.int32),
        days_since_last=block.values[1:, 1].astype(np.float32),
        orders=int(block.values[0, 0]),
    )
