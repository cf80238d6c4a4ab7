from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.history.holdings import Holdings, holdings
from features.schema import TABLES
from features.settings import FeatureSettings
from tests.permitted import write_warehouse
from tests.shop import Tables


def held(folder: Path, tables: Tables) -> Holdings:
    return holdings(write_warehouse(FeatureSettings(data_dir=folder), tables, {}, {}))


def test_every_table_is_listed_with_rows_times_and_filled_columns(tmp_path: Path, shop_tables: Tables) -> None:
    found = held(tmp_path, shop_tables)
    assert [t.table for t in found.tables] == [t.name for t in TABLES]
    orders, products = found.of("orders"), found.of("products")
    assert (orders.rows, orders.first, orders.last) == (
        shop_tables["orders"].height,
        shop_tables["orders"]["ordered_at"].min(),
        shop_tables["orders"]["ordered_at"].max(),
    )
    assert products.first is None
    assert products.filled["product_category"] == pytest.approx(1 - shop_tables["products"]["product_category"].is_null().mean())
    assert "product_id" not in products.filled  # it must not be empty
    assert found.of("experiments").rows == 0


def missing(folder: Path, tables: Tables) -> str:
    return " ".join(f.sentence for f in held(folder, tables).findings() if f.severity == "note")


def test_what_is_not_there_is_said(tmp_path: Path, shop_tables: Tables) -> None:
    text = pl.lit(None, dtype=pl.String)
    category = pl.when(pl.int_range(pl.len()) % 2 == 0).then("product_category")
    half = shop_tables["products"].with_columns(product_category=category)
    cases = {
        "No products were imported.": {"products": shop_tables["products"].clear()},
        "No product carries a category.": {"products": shop_tables["products"].with_columns(product_category=text)},
        "52 % of the products carry no category.": {"products": half},
        "No product has a name.": {"products": shop_tables["products"].with_columns(name=text, product_type=text)},
        "Nothing is known about customers but their orders.": {"customers": shop_tables["customers"].clear()},
        "No message to a customer is recorded.": {"contacts": shop_tables["contacts"].clear()},
    }
    whole = missing(tmp_path / "whole", shop_tables)
    assert "No message" not in whole
    for number, (sentence, change) in enumerate(cases.items()):
        assert sentence in missing(tmp_path / str(number), {**shop_tables, **change})
        assert sentence not in whole


def test_interactions_without_time_and_experiments_without_orders(tmp_path: Path) -> None:
    tables = {
        "interactions": pl.DataFrame({"interaction_id": ["1", "2"], "customer_id": ["a", "b"], "type": ["viewed", "liked"]}).with_columns(
            product_id=pl.lit("p"), bundle_id=pl.lit(None), occurred_at=pl.lit(None)
        ),
        "experiments": pl.DataFrame({"experiment_id": ["e"], "customer_id": ["a"], "treatment": ["mail"]}).with_columns(
            pl.lit(None).alias(c) for c in ("assigned_at", "visited", "converted", "spend", "traits")
        ),
    }
    found = missing(tmp_path, tables)
    assert "100 % of the interactions have no time." in found
    assert "There is an experiment, but no order." in found
