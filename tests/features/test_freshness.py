from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.errors import StateBroken
from features.freshness import Followed, read_followed, write_followed
from features.ledger.marks import Marks
from features.store import DATABASE
from features.versions import current_folder
from tests.conftest import SampleBuild

NOON = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC)


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    later = Followed(9, Marks(3, 1, 4), NOON)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        write_followed(connection, Followed(5, Marks(), NOON))
        write_followed(connection, later)
    assert read_followed(tmp_path) == later


def test_a_store_that_says_nothing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
    assert read_followed(tmp_path) is None


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"nonsense" * 1000)
    with pytest.raises(StateBroken, match="huitou build --force"):
        read_followed(tmp_path)


def test_a_build_begins_with_what_its_history_knows(sample_build: SampleBuild) -> None:
    folder = current_folder(sample_build.settings.online_dir, remedy="")
    followed = read_followed(folder)
    assert followed is not None
    assert followed.seq == 0
    assert followed.as_of == sample_build.warehouse.last_event
