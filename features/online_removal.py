"""Takes people out of the online store at once, without the libraries that build it: the API calls it for a withdrawal and an erasure."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

from features.errors import StateBroken
from features.feast_bytes import PROJECT, VIEW, entity_key
from features.online_place import demanded, place_of, projects_of
from features.products import FILE as PRODUCTS_FILE
from features.redis_rows import RedisRows, rewrite_files, sweep
from features.redis_server import RedisServer
from features.room import is_full, room_on
from features.store import DATABASE
from features.sweep_lock import changing_rows

_PATIENCE = 10.0  # seconds to wait for a refresh that writes at the moment


def remove_online(online_dir: Path, customer_ids: Collection[str], server: RedisServer | None = None) -> int:
    """Delete customers' rows and their coupons from every version of the online store; returns how many values went.

    Args:
        online_dir: of all versions.
        customer_ids: who goes.
        server: the Redis of the settings; asked for the versions whose rows are in one.

    Raises:
        StoreAway: the Redis does not answer; likewise.
        StateBroken: a store is damaged or locked; what was not reached is tried again by whoever resumes.
        OutOfSpace: the disk is full; likewise.
    """
    with changing_rows(online_dir), room_on(online_dir):
        removed = sum(remove_from(folder, customer_ids, server) for folder in sorted(online_dir.glob("v-*")))
        coupons = online_dir.parent.glob(f"features/v-*/{PRODUCTS_FILE}")
        return removed + sum(_from_products(path, set(customer_ids)) for path in coupons)


def remove_from(folder: Path, customer_ids: Collection[str], server: RedisServer | None = None) -> int:
    """The same for one folder of the online state; nobody else may write there meanwhile."""
    coupons = _from_products(folder / PRODUCTS_FILE, set(customer_ids))
    if (project := place_of(folder)) is not None:
        return coupons + (_from_redis(demanded(server, folder), project, customer_ids) if customer_ids else 0)
    removed = _from_store(folder / DATABASE, customer_ids) if customer_ids and (folder / DATABASE).is_file() else 0
    return removed + coupons


def wipe_online(online_dir: Path, server: RedisServer | None = None) -> None:
    """Leave no bytes of deleted rows, and no row of a build that is no more; while nobody builds.

    SQLite overwrites what it deletes, but pages that were joined keep copies: of 400 customers deleted from a store of 3,000, a search of
    its bytes found four.

    Raises:
        StateBroken: as `remove_online`.
    """
    for folder in sorted(online_dir.glob("v-*")):
        if (folder / DATABASE).is_file():
            with room_on(online_dir), _open(folder / DATABASE) as connection:
                connection.execute("VACUUM")
                _empty_log(connection)
    if server is not None:
        sweep(server, *projects_of(online_dir))  # of a build that was killed nobody but the Redis knows any more
        rewrite_files(server)


def _from_redis(server: RedisServer, project: str, customer_ids: Collection[str]) -> int:
    rows = RedisRows(server, project)
    try:
        return rows.remove(customer_ids)
    finally:
        rows.close()


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
    except sqlite3.Error as error:
        if is_full(error):
            raise  # nothing is wrong with the store
        raise StateBroken(f"The online store {path} cannot be written ({error}); run `huitou build --force`.") from error


def _from_store(path: Path, customer_ids: Collection[str]) -> int:
    with _open(path) as connection:
        before = connection.total_changes
        connection.execute("BEGIN IMMEDIATE")
        keys = [(entity_key(customer_id),) for customer_id in customer_ids]
        connection.executemany(f'DELETE FROM "{PROJECT}_{VIEW}" WHERE entity_key = ?', keys)  # noqa: S608 - constants only
        connection.execute("COMMIT")
        removed = connection.total_changes - before
        _empty_log(connection)
    return removed


def _empty_log(connection: sqlite3.Connection) -> None:
    """Its log holds the rows as they were; nothing happens without one."""
    if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise StateBroken("The online store is read without a pause, so that what was erased cannot be overwritten yet; it is tried again.")


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
