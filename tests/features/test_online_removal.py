"""No byte of a deleted customer is left in an online store of some size: pages that were joined keep what secure_delete does not see."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from features.errors import StateBroken
from features.feast_bytes import PROJECT, VIEW, entity_key
from features.online_removal import remove_online, wipe_online
from features.store import DATABASE

CUSTOMERS = [f"cust-{number:06d}" for number in range(1000)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "online" / "v-1" / DATABASE
    path.parent.mkdir(parents=True)
    draw = random.Random(1)  # noqa: S311 - filling
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            f'CREATE TABLE "{PROJECT}_{VIEW}" (entity_key BLOB, feature_name TEXT, value BLOB, PRIMARY KEY (entity_key, feature_name))'
        )
        rows = [(entity_key(c), name, draw.randbytes(draw.randrange(20, 900))) for c in CUSTOMERS for name in ("vector", "recent", "tags")]
        draw.shuffle(rows)
        connection.executemany(f'INSERT INTO "{PROJECT}_{VIEW}" VALUES (?, ?, ?)', rows)  # noqa: S608
    return path


def test_no_byte_is_left(store: Path) -> None:
    online_dir = store.parent.parent
    gone = CUSTOMERS[::3]
    removed = sum(remove_online(online_dir, gone[start : start + 5]) for start in range(0, len(gone), 5))
    assert removed == 3 * len(gone)
    assert any(customer.encode() in store.read_bytes() for customer in gone)  # else the wipe below is for nothing
    wipe_online(online_dir)
    content = store.read_bytes()
    assert not any(customer.encode() in content for customer in gone)
    assert all(customer.encode() in content for customer in CUSTOMERS if customer not in set(gone))


def test_a_log_that_cannot_be_emptied_is_no_success(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.online_removal._PATIENCE", 0.05)
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as reader:
        reader.execute("PRAGMA journal_mode = WAL")
        reader.execute("BEGIN")
        reader.execute(f'SELECT count(*) FROM "{PROJECT}_{VIEW}"').fetchone()  # noqa: S608
        with pytest.raises(StateBroken, match="tried again"):
            remove_online(store.parent.parent, CUSTOMERS[:1])
        reader.execute("ROLLBACK")
        assert remove_online(store.parent.parent, CUSTOMERS[:1]) == 0
