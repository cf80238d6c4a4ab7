"""What is written at once is what Feast's own `materialize` writes: every row, column and index, and what Feast's registry says of it."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.feast_bytes import PROJECT, VIEW
from features.feast_repo.repo import open_store, registered_objects
from features.online_load import load_packed
from features.store import DATABASE, PACKED_FILE
from tests.conftest import SampleBuild

TABLE = f"{PROJECT}_{VIEW}"


def told(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def feasts(sample_build: SampleBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample shop's rows as Feast itself writes them."""
    folder = tmp_path_factory.mktemp("feasts")
    now = sample_build.warehouse.last_event
    with contextlib.redirect_stdout(io.StringIO()):
        store = open_store(folder)
        store.apply(registered_objects(sample_build.built.offline))
        store.materialize(start_date=now - timedelta(days=1), end_date=now + timedelta(seconds=1))
    return folder


def test_the_table_is_feasts_own_row_for_row(sample_build: SampleBuild, feasts: Path) -> None:
    rows = f'SELECT * FROM "{TABLE}" ORDER BY entity_key, feature_name'  # noqa: S608
    ours = told(sample_build.built.online / DATABASE, rows)
    assert len(ours) == 5 * pl.read_parquet(sample_build.built.offline / PACKED_FILE).height
    assert ours == told(feasts / DATABASE, rows)


def test_the_tables_and_indexes_are_feasts_own(sample_build: SampleBuild, feasts: Path) -> None:
    schema = f"SELECT type, name, sql FROM sqlite_master WHERE tbl_name = '{TABLE}' ORDER BY name"  # noqa: S608
    ours = told(sample_build.built.online / DATABASE, schema)
    assert [kind for kind, _, _ in ours].count("index") == 2
    assert ours == told(feasts / DATABASE, schema)


def test_feasts_registry_says_the_same_of_what_is_online(sample_build: SampleBuild, feasts: Path) -> None:
    ours, theirs = (open_store(folder).get_feature_view(VIEW) for folder in (sample_build.built.online, feasts))
    assert ours.materialization_intervals == theirs.materialization_intervals
    assert len(ours.materialization_intervals) == 1


def test_a_customer_written_twice_is_refused_and_leaves_nothing(sample_build: SampleBuild, feasts: Path, tmp_path: Path) -> None:
    shutil.copyfile(feasts / DATABASE, tmp_path / DATABASE)
    before = told(tmp_path / DATABASE, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with pytest.raises(sqlite3.IntegrityError):
        load_packed(tmp_path / DATABASE, sample_build.built.offline / PACKED_FILE)
    assert told(tmp_path / DATABASE, f'SELECT count(*) FROM "{TABLE}"') == told(feasts / DATABASE, f'SELECT count(*) FROM "{TABLE}"')  # noqa: S608
    assert told(tmp_path / DATABASE, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
