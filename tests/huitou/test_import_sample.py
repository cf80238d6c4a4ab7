"""`huitou import sample`: into the warehouse, and out into files that `huitou import tabular` reads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from features.settings import FeatureSettings
from features.sources.sample_files import DIRT
from features.warehouse import open_warehouse
from tests.huitou.conftest import Huitou

SMALL = ("--customers", 20, "--weeks", 12)


def test_it_counts_what_it_made_and_makes_it_once(huitou: Huitou, tmp_path: Path) -> None:
    command = ("import", "sample", *SMALL, "--data-dir", tmp_path, "--consent", "granted")
    ran = huitou(*command)
    assert ran.code == 0
    orders = open_warehouse(FeatureSettings(data_dir=tmp_path)).read("orders").height
    assert f"{orders:,}  orders\n" in ran.out
    assert f"Imported {orders:,} orders of 22 customers, 2024-01-01 to 2024-03-24. Next: huitou build" in ran.out
    assert "Unchanged: " in huitou(*command).out
    assert "Imported " in huitou(*command, "--seed", 8).out
    assert "Imported " in huitou(*command, "--seed", 8, "--force").out


def test_broken_rows_need_files(huitou: Huitou) -> None:
    ran = huitou("import", "sample", "--dirty")
    assert ran.code == 2
    assert "give --write DIR too" in " ".join(ran.err.split())


def test_writing_imports_nothing_and_names_the_next_command(huitou: Huitou, tmp_path: Path) -> None:
    ran = huitou("import", "sample", *SMALL, "--write", tmp_path / "files", "--data-dir", tmp_path / "data")
    assert ran.code == 0
    assert sorted(p.name for p in (tmp_path / "files").iterdir()) == ["contacts.csv", "customers.csv", "orders.csv", "products.csv"]
    assert not (tmp_path / "data").exists()
    assert f"huitou import tabular --orders {tmp_path / 'files' / 'orders.csv'} --customers " in ran.out


@pytest.mark.parametrize("dirty", [False, True])
def test_the_file_import_reads_them_and_sets_the_dirt_aside(huitou: Huitou, tmp_path: Path, dirty: bool) -> None:
    files, data = tmp_path / "files", tmp_path / "data"
    huitou("import", "sample", *SMALL, "--write", files, *(["--dirty"] if dirty else []))
    given = [word for name in ("orders", "customers", "products", "contacts") for word in (f"--{name}", files / f"{name}.csv")]
    ran = huitou(
        "import", "tabular", *given, "--data-dir", data, "--yes", "--currency", "EUR", "--channel", "email", "--consent", "granted"
    )
    assert ran.code == 0, ran.err
    warehouse = open_warehouse(FeatureSettings(data_dir=data))
    huitou("import", "sample", *SMALL, "--data-dir", tmp_path / "direct", "--consent", "granted")
    direct = open_warehouse(FeatureSettings(data_dir=tmp_path / "direct"))
    bought = direct.read("order_lines").filter(pl.col("product_id") != "unlisted-1")
    back = direct.read("refunds")
    assert warehouse.read("order_lines").height == bought.height
    assert (
        warehouse.read("refunds")
        .select("product_id", "quantity", "amount", "refunded_at")
        .sort("refunded_at")
        .equals(back.select("product_id", "quantity", "amount", "refunded_at").sort("refunded_at"))
    )
    texts = [path.read_text(encoding="utf-8") for path in sorted((data / "quarantine").rglob("*.csv"))]
    quarantined = [row for text in texts for row in csv.DictReader(text.splitlines())]
    assert len(quarantined) == (3 * len(DIRT) if dirty else 0), json.dumps(quarantined[:3], ensure_ascii=False)
