"""Packs the newest features per customer and puts them into the online store that Feast defines.

Each customer is five packed values (`vector`, `categories`, `recent`, `tags`, `facts`) in one Feast view: as plain columns the same write
took Feast minutes and many gigabytes per million customers. The plain views stay in Feast's registry and offline store, for training sets
and exploration.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.customer_facts import NOTHING_TOLD, CustomerFacts, facts_told, labels_of
from features.feast_bytes import VIEW
from features.feature_sets import CATEGORY, CUSTOMER, FACTS, RECENT, TAGS
from features.online_load import load_packed, packed_batches
from features.online_place import place_new
from features.packing import Block
from features.redis_rows import RedisRows
from features.redis_server import RedisServer
from features.schema import CONTACT_FACTS
from features.store import DATABASE, PACKED_FILE

_WIDTH = len(CATEGORY.columns)


def pack_customers(
    vectors: pl.DataFrame,
    categories: pl.DataFrame,
    *,
    recent: pl.DataFrame,
    tags: pl.DataFrame,
    customers: pl.DataFrame,
    as_of: datetime,
) -> pl.DataFrame:
    """One row of packed features per customer.

    Args:
        vectors: `customer_id` and the features of `CUSTOMER`, one row a customer, at `as_of`.
        categories: `customer_id`, `product_category` and the features of `CATEGORY` at `as_of`, any order.
        recent: rows of `features.recent_build.recent_purchases` at `as_of`.
        tags: rows of `features.tags_build.newest_tags` at `as_of`.
        customers: of `features.schema`; what is known now: these facts have no date.
        as_of: UTC.

    Returns:
        `customer_id`, `event_timestamp`, `created`, and the binary columns `vector`, `categories`, `recent`, `tags`, `facts`.
    """
    said = {row["customer_id"]: (row["tags"], row["days_since_told"]) for row in tags.iter_rows(named=True)}
    told = customers.filter(pl.any_horizontal(pl.col(CONTACT_FACTS).is_not_null()))
    facts = {row["customer_id"]: facts_told(*(row[c] for c in CONTACT_FACTS)) for row in told.iter_rows(named=True)}
    ids = vectors["customer_id"].to_list()
    categories = categories.sort("customer_id", "product_category")
    owners, names = categories["customer_id"].to_numpy(), categories["product_category"].to_list()
    values = categories.select(CATEGORY.columns).to_numpy().astype(np.float64)
    starts, ends = (np.searchsorted(owners, np.asarray(ids, dtype=object), side=side) for side in ("left", "right"))
    recent_rows = {row["customer_id"]: row for row in recent.iter_rows(named=True)}
    matrix = vectors.select(CUSTOMER.columns).to_numpy().astype(np.float64)
    packed = {
        "vector": [Block(CUSTOMER.hash, as_of, ("",), row[None, :]).pack() for row in matrix],
        "categories": [
            Block(CATEGORY.hash, as_of, tuple(names[start:end]), values[start:end].reshape(-1, _WIDTH)).pack()
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ],
        "recent": [_pack_recent(recent_rows.get(c), as_of) for c in ids],
        "tags": [_pack_tags(*said.get(c, ([], [])), as_of) for c in ids],
        "facts": [_pack_facts(facts.get(c, NOTHING_TOLD), as_of) for c in ids],
    }
    stamp = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"customer_id": ids, **packed}, schema_overrides=dict.fromkeys(packed, pl.Binary)).with_columns(
        event_timestamp=stamp, created=stamp
    )


def _pack_recent(row: dict[str, object] | None, as_of: datetime) -> bytes:
    if row is None:
        return Block(RECENT.hash, as_of, ("",), np.zeros((1, 2))).pack()
    products = [str(p) for p in row["product_ids"]]  # type: ignore[attr-defined]
    values = np.column_stack([np.asarray(row["purchases"], dtype=np.float64), np.asarray(row["days_since_last"], dtype=np.float64)])
    head = np.array([[float(row["orders"]), 0.0]])  # type: ignore[arg-type]
    return Block(RECENT.hash, as_of, ("", *products), np.vstack([head, values])).pack()


def _pack_tags(tags: list[str], days: list[float], as_of: datetime) -> bytes:
    return Block(TAGS.hash, as_of, tuple(tags), np.asarray(days, dtype=np.float64).reshape(-1, 1)).pack()


def _pack_facts(facts: CustomerFacts, as_of: datetime) -> bytes:
    labels = labels_of(facts)
    return Block(FACTS.hash, as_of, labels, np.empty((len(labels), 0))).pack()


def materialize(folder: Path, offline: Path, server: RedisServer | None = None) -> None:
    """Register every view with Feast and write the packed rows to the online store.

    Args:
        folder: version folder of the online state; gets `registry.db` and `online.db`, or a note of where in the Redis the rows stand.
        offline: version folder of the offline features, with the packed rows in it.
        server: the Redis for the rows; None: they stand in the folder.

    Raises:
        StoreAway, StateBroken, HuitouError: the Redis does not answer, refuses, or would lose rows.
    """
    project = None if server is None else place_new(folder)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # Feast reports its progress on standard output, which belongs to the command's result, and its import changes the warning filters
        # of the whole process; both end with this block.
        from features.feast_repo.repo import open_store, registered_objects  # feast takes seconds to import

        warnings.filterwarnings("ignore", message="fetch_arrow_table", category=DeprecationWarning)
        store = open_store(folder, server)
        store.apply(registered_objects(offline))
        if server is not None and project is not None:
            _load_redis(server, project, offline / PACKED_FILE)
        else:
            load_packed(folder / DATABASE, offline / PACKED_FILE)
        # Feast's record of what is online, which its own `materialize` would have written.
        as_of: datetime = pl.scan_parquet(offline / PACKED_FILE).select(pl.col("event_timestamp").max()).collect().item()
        store.registry.apply_materialization(
            store.get_feature_view(VIEW), store.project, as_of - timedelta(days=1), as_of + timedelta(seconds=1)
        )


def _load_redis(server: RedisServer, project: str, packed: Path) -> None:
    rows = RedisRows(server, project)
    try:
        rows.load(packed_batches(packed))
    finally:
        rows.close()
