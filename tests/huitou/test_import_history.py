"""`huitou import complete-journey` on a handful of rows in the package's own form."""

from __future__ import annotations

import errno
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.huitou.conftest import Huitou


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three households, four baskets, one line without a quantity."""
    folder = tmp_path / "source"
    folder.mkdir()
    days = ("2017-01-01 12:00", "2017-01-01 12:00", "2017-02-01 09:00", "2017-03-01 18:00", "2017-04-01 10:00")
    at = [datetime.fromisoformat(day) for day in days]  # the package's times carry no zone
    frames: dict[str, dict[str, list[Any]]] = {
        "transactions": {
            "household_id": ["1", "1", "2", "3", "1"],
            "store_id": ["s"] * 5,
            "basket_id": ["b1", "b1", "b2", "b3", "b4"],
            "product_id": ["p1", "p2", "p1", "p2", "p9"],
            "quantity": [1, 2, 1, 0, 1],
            "sales_value": [1.0, 4.0, 1.0, 0.0, 3.0],
            "retail_disc": [0.0, 0.5, 0.0, 0.0, 0.0],
            "coupon_disc": [0.0] * 5,
            "coupon_match_disc": [0.0] * 5,
            "transaction_timestamp": at,
        },
        "products": {
            "product_id": ["p1", "p2"],
            "department": ["GROCERY"] * 2,
            "brand": ["Private"] * 2,
            "product_category": ["SOAP", "TEA"],
            "product_type": ["BAR", "BAG"],
            "package_size": ["1", "2"],
        },
        "demographics": {
            "household_id": ["1"],
            "age": ["35-44"],
            "income": ["35-49K"],
            "home_ownership": ["Homeowner"],
            "marital_status": ["Married"],
            "household_size": ["2"],
            "household_comp": ["2 Adults No Kids"],
            "kids_count": ["0"],
        },
        "campaigns": {"campaign_id": ["7"], "household_id": ["1"]},
        "campaign_descriptions": {
            "campaign_id": ["7"],
            "campaign_type": ["Type A"],
            "start_date": [date(2017, 2, 1)],
            "end_date": [date(2017, 3, 1)],
        },
        "coupons": {"coupon_upc": ["c", "c"], "product_id": ["p1", "p1"], "campaign_id": ["7", "7"]},
        "coupon_redemptions": {
            "household_id": ["1"],
            "coupon_upc": ["c"],
            "campaign_id": ["7"],
            "redemption_date": [date(2017, 2, 3)],
        },
    }
    for name, columns in frames.items():
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    return folder


def test_it_counts_what_it_kept_and_what_it_set_aside(huitou: Huitou, source: Path, tmp_path: Path) -> None:
    ran = huitou("import", "complete-journey", "--folder", source, "--data-dir", tmp_path / "data", "--consent", "granted")
    assert ran.code == 0
    counts = dict(line.strip().split("  ", 1)[::-1] for line in ran.out.splitlines() if line.startswith("   "))
    assert counts["lines read"] == "5"
    assert counts["lines kept"] == "4"
    assert counts["lines set aside: quantity not above zero"] == "1"
    assert counts["orders"] == "4"
    assert counts["products missing from the catalogue"] == "1"
    assert "Imported 4 orders of 3 customers, 2017-01-01 to 2017-04-01. Next: huitou build" in ran.out
    assert (tmp_path / "data" / "assumptions.toml").is_file()


def test_an_unchanged_source_is_imported_once(huitou: Huitou, source: Path, tmp_path: Path) -> None:
    command = ("import", "complete-journey", "--folder", source, "--data-dir", tmp_path / "data", "--consent", "granted")
    huitou(*command)
    assert "Unchanged: 4 orders" in huitou(*command).out
    assert "Imported 4 orders" in huitou(*command, "--force").out


def test_a_missing_folder_names_the_file(huitou: Huitou, tmp_path: Path) -> None:
    ran = huitou("import", "complete-journey", "--folder", tmp_path / "nowhere")
    assert ran.code == 1
    assert "transactions.parquet is missing" in ran.refusal


def test_a_damaged_file_is_named(huitou: Huitou, source: Path) -> None:
    (source / "products.parquet").write_bytes(b"PAR1 half a file")
    ran = huitou("import", "complete-journey", "--folder", source)
    assert ran.code == 1
    assert "products.parquet cannot be read as Parquet" in " ".join(ran.err.split())


def test_a_missing_column_is_named(huitou: Huitou, source: Path) -> None:
    path = source / "coupons.parquet"
    pl.read_parquet(path).drop("coupon_upc").write_parquet(path)
    ran = huitou("import", "complete-journey", "--folder", source)
    assert ran.code == 1
    assert "coupons.parquet lacks the column(s) coupon_upc" in ran.refusal


def test_a_full_disk_keeps_the_earlier_import(huitou: Huitou, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("import", "complete-journey", "--folder", source, "--data-dir", tmp_path / "data", "--consent", "granted")
    huitou(*command)
    settings = FeatureSettings(data_dir=tmp_path / "data")
    before = open_warehouse(settings).folder

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    ran = huitou(*command, "--force")
    assert ran.code == 1
    assert "is full; free some space" in ran.refusal
    assert open_warehouse(settings).folder == before
    assert not list(settings.warehouse_dir.glob(".*"))
