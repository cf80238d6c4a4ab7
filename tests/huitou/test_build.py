"""`huitou build`: nothing twice, nothing after the clock, and what to run first."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.huitou.conftest import Huitou
from tests.shop import START


def test_without_a_history_it_says_what_to_run(huitou: Huitou, tmp_path: Path) -> None:
    ran = huitou("build", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "or `huitou import complete-journey` first" in ran.refusal


def test_a_date_that_is_none_is_wrong_usage(huitou: Huitou, built_folder: Path) -> None:
    ran = huitou("build", "--data-dir", built_folder, "--now", "tomorrow")
    assert ran.code == 2
    assert "'tomorrow' is not a date" in ran.err
    assert "--now" in ran.err


def test_an_unchanged_shop_is_built_once(huitou: Huitou, built_folder: Path) -> None:
    ran = huitou("build", "--data-dir", built_folder)
    assert ran.code == 0
    assert ran.out.startswith("Unchanged: features of ")
    assert ran.out.endswith("Next: huitou train\n")


def test_a_clock_before_the_first_order_is_refused(huitou: Huitou, built_folder: Path) -> None:
    ran = huitou("build", "--data-dir", built_folder, "--now", (START - timedelta(days=1)).isoformat())
    assert ran.code == 1
    assert "No customer who consents to profiling had ordered by" in ran.refusal


def test_a_damaged_history_is_named(huitou: Huitou, tmp_path: Path, built_folder: Path) -> None:
    warehouse = open_warehouse(FeatureSettings(data_dir=built_folder))
    broken = tmp_path / "warehouse" / warehouse.folder.name
    broken.mkdir(parents=True)
    (tmp_path / "warehouse" / "CURRENT").write_text(broken.name)
    ran = huitou("build", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "import.json cannot be read" in " ".join(ran.err.split())
    (broken / "import.json").write_text(json.dumps(dict(warehouse.report)))
    ran = huitou("build", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "customers.parquet is missing; import the history again" in ran.refusal


def test_a_lost_version_is_named(huitou: Huitou, tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "CURRENT").write_text("v-gone")
    ran = huitou("build", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "'v-gone', which does not exist" in ran.refusal
