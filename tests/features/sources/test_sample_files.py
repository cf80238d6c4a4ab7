"""The sample shop as files: complete when clean, broken as announced when dirty."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.sources.sample_catalogue import UNKNOWN_PRODUCT
from features.sources.sample_files import DIRT, order_rows, with_dirt, write_sample_files
from features.sources.sample_shop import Tables, sample_tables


@pytest.fixture(scope="module")
def tables() -> Tables:
    return sample_tables(customers=40, weeks=20)


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def test_clean_files_hold_every_line_and_refund(tables: Tables, tmp_path: Path) -> None:
    written = write_sample_files(tables, tmp_path / "new" / "folder")
    orders = read(tmp_path / "new" / "folder" / "orders.csv")
    listed = tables["order_lines"].filter(pl.col("product_id") != UNKNOWN_PRODUCT)
    assert orders.height == listed.height + tables["refunds"].height == written["orders.csv"]
    assert orders.columns[:7] == ["order_id", "customer_id", "ordered_at", "product_id", "quantity", "amount", "discount"]
    assert orders["amount"].cast(pl.Float64).sum() == pytest.approx(listed["amount"].sum() - tables["refunds"]["amount"].sum())
    assert orders["ordered_at"].str.to_datetime(time_unit="us", time_zone="UTC").is_sorted()
    assert orders["ordered_at"].str.to_datetime(time_unit="us", time_zone="UTC").max() == tables["orders"]["ordered_at"].max()
    assert orders.is_unique().all()
    assert set(orders["product_id"]) <= set(read(tmp_path / "new" / "folder" / "products.csv")["product_id"])
    for name in ("customers", "products", "contacts"):
        assert read(tmp_path / "new" / "folder" / f"{name}.csv").height == tables[name].height == written[f"{name}.csv"]


def test_dirt_is_added_to_whole_files_and_takes_nothing_away(tables: Tables, tmp_path: Path) -> None:
    clean = order_rows(tables)
    dirty = with_dirt(clean)
    added = dirty.join(clean, on=clean.columns, how="anti", nulls_equal=True)
    duplicates = dirty.height - dirty.unique().height
    assert dirty.height == clean.height + 3 * len(DIRT)
    assert (added.height, duplicates) == (3 * (len(DIRT) - 1), 3)
    assert added["order_id"].str.starts_with("dirty-").all()
    assert clean.join(dirty, on=clean.columns, how="anti", nulls_equal=True).is_empty()
    found = {
        "bad date": added["ordered_at"].str.contains("Smarch").sum(),
        "amount as text": added["amount"].cast(pl.Float64, strict=False).null_count(),
        "negative quantity": (added["quantity"].cast(pl.Float64) < 0).sum(),
        "unknown product": (~added["product_id"].is_in(tables["products"]["product_id"].to_list())).sum(),
        "duplicate line": duplicates,
        "impossible time": added["ordered_at"].str.starts_with("2107").sum(),
    }
    assert found == dict.fromkeys(DIRT, 3)
    write_sample_files(tables, tmp_path, dirty=True)
    assert read(tmp_path / "orders.csv").height == dirty.height


def test_a_shop_with_few_lines_gets_what_dirt_fits(tmp_path: Path) -> None:
    tiny = sample_tables(customers=1, weeks=1)
    assert write_sample_files(tiny, tmp_path, dirty=True)["orders.csv"] > order_rows(tiny).height
