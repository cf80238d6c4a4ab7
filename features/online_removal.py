"""Takes people out of the online store at once, without the libraries that build it: the API calls it for a withdrawal and an erasure."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection
from pathlib import Path

from features.errors import StateBroken
from features.products import FILE as PRODUCTS_FILE
from features.store import DATABASE, PROJECT, VIEW, entity_key

_PATIENCE = 10.0  # seconds to wait for a refresh that writes at the moment


def remove_online(online_dir: Path, customer_ids: Collection[str]) -> int:
    """Delete customers' rows and their coupons from every version of the online store; returns how many values went.

    Raises:
        StateBroken: a store is damaged or locked; what was not reached is tried again by whoever resumes.
    """
    removed = 0
    for folder in sorted(online_dir.glob("v-*")):
        if (folder / DATABASE).is_file():
            removed += _from_store(folder / DATABASE, customer_ids)
    for path in [*online_dir.glob(f"v-*/{PRODUCTS_FILE}"), *online_dir.parent.glob(f"features/v-*/{PRODUCTS_FILE}")]:
        removed += _from_products(path, set(customer_ids))
    return removed


def _from_store(path: Path, customer_ids: Collection[str]) -> int:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            keys = [(entity_key(customer_id),) for customer_id in customer_ids]
            with connection:
                before = connection.total_changes
                connection.executemany(f'DELETE FROM "{PROJECT}_{VIEW}" WHERE entity_key = ?', keys)  # noqa: S608 - constants only
                removed = connection.total_changes - before
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # its log holds the rows as they were; nothing happens without one
    except sqlite3.Error as error:
        raise StateBroken(f"The online store {path} cannot be written ({error}); run `huitou build --force`.") from error
    return removed


def _from_products(path: Path, customer_ids: set[str]) -> int:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0  # safe: whoever serves from it says so; there is nothing to read a person from
    mailed = document.get("mailed", {})
    kept = {offer: [customer for customer in customers if customer not in customer_ids] for offer, customers in mailed.items()}
    removed = sum(len(customers) for customers in mailed.values()) - sum(len(customers) for customers in kept.values())
    if removed:
        aside = path.with_name(f".{path.name}.writing")
        aside.write_text(json.dumps({**document, "mailed": kept}), encoding="utf-8")
        aside.replace(path)
    return removed
