"""The request path reads Feast's rows itself, as Feast's own client does."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.errors import StateBroken
from features.feature_sets import CATEGORY, CUSTOMER, RECENT
from features.packing import Block
from features.store import DATABASE, SqliteCustomerReader, unpack_customer
from tests.conftest import SampleBuild
from tests.contracts.reader_suite import CustomerReaderSuite
from tests.shop import EDGE

WHEN = datetime(2024, 1, 1, tzinfo=UTC)


class TestSqlite(CustomerReaderSuite):
    adapter = SqliteCustomerReader

    @pytest.fixture
    def folder(self, sample_build: SampleBuild, tmp_path: Path) -> Path:
        shutil.copyfile(sample_build.built.online / DATABASE, tmp_path / DATABASE)
        return tmp_path

    def damage(self, folder: Path) -> None:
        with (folder / DATABASE).open("r+b") as file:
            file.write(b"\xff" * 4096)


def test_a_row_that_lost_a_feature_is_told(sample_build: SampleBuild, tmp_path: Path) -> None:
    shutil.copyfile(sample_build.built.online / DATABASE, tmp_path / DATABASE)
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("DELETE FROM huitou_customer_online WHERE feature_name = 'recent'")
    database.commit()
    database.close()
    reader = SqliteCustomerReader(tmp_path)
    with pytest.raises(StateBroken, match=f"{EDGE} lacks recent"):
        reader.read(EDGE)
    reader.close()


def test_a_row_of_another_feature_set_is_refused() -> None:
    blobs = {
        "vector": Block("0" * 16, WHEN, ("",), np.zeros((1, len(CUSTOMER.columns)))).pack(),
        "categories": Block(CATEGORY.hash, WHEN, (), np.empty((0, len(CATEGORY.columns)))).pack(),
        "recent": Block(RECENT.hash, WHEN, ("",), np.zeros((1, 2))).pack(),
    }
    with pytest.raises(StateBroken, match=f"expected {CUSTOMER.hash}"):
        unpack_customer("c", blobs)
    blobs["vector"] = Block(CUSTOMER.hash, WHEN, ("",), np.zeros((1, len(CUSTOMER.columns)))).pack()
    assert len(unpack_customer("c", blobs).recent) == 0


def test_what_was_only_looked_at_is_no_category_of_the_customer() -> None:
    rows = np.zeros((3, len(CATEGORY.columns)))
    rows[:, CATEGORY.columns.index("purchase_count")] = [2.0, 0.0, np.nan]
    blobs = {
        "vector": Block(CUSTOMER.hash, WHEN, ("",), np.zeros((1, len(CUSTOMER.columns)))).pack(),
        "categories": Block(CATEGORY.hash, WHEN, ("a", "b", "c"), rows).pack(),
        "recent": Block(RECENT.hash, WHEN, ("",), np.zeros((1, 2))).pack(),
    }
    found = unpack_customer("x", blobs)
    assert (found.categories, found.looked_categories) == (("a", "c"), ("b",))
    assert (found.category_features.shape[0], found.looked_features.shape[0]) == (2, 1)
