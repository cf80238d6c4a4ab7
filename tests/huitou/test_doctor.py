"""`huitou doctor data`: before any build, on any history, and in agreement with `huitou train`."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import import_shop
from tests.huitou.conftest import Huitou
from tests.shop import START, Tables
from training.pipeline import MODELS


@pytest.fixture
def imported(tmp_path: Path, shop_tables: Tables) -> Path:
    """The sample shop, imported and nothing else."""
    return import_shop(tmp_path / "data", shop_tables).data_dir


def test_it_reports_writes_the_page_and_changes_nothing_else(huitou: Huitou, imported: Path, tmp_path: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in imported.rglob("*") if p.is_file()}
    ran = huitou("doctor", "data", "--data-dir", imported, "--json", tmp_path / "out" / "doctor.json")
    assert ran.code == 0
    assert "What the history allows" in ran.out
    able = [name for name in MODELS if name != "offer_effect"]  # no decision was made yet
    assert f"Of {len(MODELS)} models {len(able)} can be trained and judged on this history" in ran.out
    after = {p: p.stat().st_mtime_ns for p in imported.rglob("*") if p.is_file()}
    assert {p.name for p in after.keys() - before.keys()} == {"doctor.html"}
    assert {p: t for p, t in after.items() if p in before} == before
    found = json.loads((tmp_path / "out" / "doctor.json").read_text())
    assert [a["model"] for a in found["allowances"]] == list(MODELS)
    assert found["examination"]["quality"]["orders"] > 500
    assert {f["severity"] for f in found["findings"]} == {"note", "ok"}
    assert found["allowances"][0]["horizons"][0]["dates"]


def test_the_clock_shortens_the_history_and_says_what_is_needed(huitou: Huitou, imported: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "short.html"
    ran = huitou("doctor", "data", "--data-dir", imported, "--now", (START + timedelta(weeks=6)).isoformat(), "--html", page)
    assert ran.code == 0
    assert "No model can be trained on this history yet." in ran.out
    assert "Needs 11 weeks more." in ran.out
    assert "Next: more history" in ran.out
    assert "orders are after the clock and are not seen" in ran.out
    assert page.is_file()
    assert not (imported / "doctor.html").exists()


def test_it_says_what_train_then_says(huitou: Huitou, built_folder: Path, tmp_path: Path) -> None:
    folder, now = tmp_path / "data", (START + timedelta(weeks=10)).isoformat()
    shutil.copytree(built_folder, folder)
    huitou("doctor", "data", "--data-dir", folder, "--now", now, "--json", tmp_path / "doctor.json")
    said = {a["model"]: a["reason"] for a in json.loads((tmp_path / "doctor.json").read_text())["allowances"]}
    trained = huitou("train", "--data-dir", folder, "--now", now)
    assert trained.code == 1
    for model, reason in said.items():
        assert f"{model} was not trained: {reason}" in trained.err


def test_a_history_without_orders_is_examined(huitou: Huitou, tmp_path: Path) -> None:
    clicks = pl.DataFrame({"interaction_id": ["1", "2"], "customer_id": ["a", "b"], "type": ["viewed"] * 2, "product_id": ["p", "q"]})
    clicks = clicks.with_columns(bundle_id=pl.lit(None), occurred_at=pl.lit(None))
    settings = import_shop(tmp_path / "data", {"interactions": clicks})
    for clock in ((), ("--now", "2024-05-01")):
        ran = huitou("doctor", "data", "--data-dir", settings.data_dir, *clock)
        assert ran.code == 0
        assert "The history holds no order, so there is nothing to learn" in ran.out
        assert "No model can be trained on this history yet." in ran.out
        assert "interactions 2" in ran.out


def test_without_a_history_it_says_what_to_run(huitou: Huitou) -> None:
    ran = huitou("doctor", "data")
    assert ran.code == 1
    assert "huitou import" in ran.refusal


def test_a_page_that_cannot_be_written_is_named(huitou: Huitou, imported: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = huitou("doctor", "data", "--data-dir", imported, "--now", "2024-02-01", "--html", tmp_path / "file" / "page.html")
    assert ran.code == 1
    assert "file" in ran.refusal
