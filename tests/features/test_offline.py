"""Reading a build back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from features.errors import StateBroken
from features.feature_sets import CUSTOMER
from features.offline import OfflineFeatures, open_offline
from tests.conftest import SampleBuild


def test_a_feature_set_has_its_columns_in_order_at_the_asked_dates(sample_build: SampleBuild) -> None:
    offline = open_offline(sample_build.settings)
    dates = offline.read("profile")["as_of"].unique().sort().to_list()
    frame = offline.feature_set(CUSTOMER, dates[3:5])
    assert frame.columns == ["customer_id", "as_of", *CUSTOMER.columns]
    assert frame["as_of"].unique().sort().to_list() == dates[3:5]
    assert frame.equals(frame.sort("as_of", "customer_id"))
    assert offline.feature_set(CUSTOMER).height == offline.read("purchasing").height


def test_only_the_asked_rows_are_read(sample_build: SampleBuild) -> None:
    offline = open_offline(sample_build.settings)
    keys = offline.keys()
    assert keys.sort("as_of", "customer_id").equals(offline.feature_set(CUSTOMER).select("customer_id", "as_of"))
    some = keys.sample(50, seed=1)
    found = offline.feature_set(CUSTOMER, rows=some)
    assert found.equals(offline.feature_set(CUSTOMER).join(some, on=["customer_id", "as_of"], how="semi", maintain_order="left"))
    assert found.height == 50


def test_a_damaged_view_is_named(sample_build: SampleBuild, tmp_path: Path) -> None:
    shutil.copyfile(sample_build.built.offline / "profile.parquet", tmp_path / "profile.parquet")
    (tmp_path / "profile.parquet").write_bytes(b"PAR1")
    for view in ("profile", "engagement"):
        with pytest.raises(StateBroken, match=f"{view}.parquet.*--force"):
            OfflineFeatures(tmp_path).read(view)
