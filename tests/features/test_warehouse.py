"""Tables are checked before anything is written; a damaged history is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.errors import HuitouError, SchemaViolation, StateBroken, StateMissing, TooLittleHistory
from features.schema import ORDERS, TABLES
from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.conftest import WriteShop
from tests.permitted import write_warehouse

Tables = dict[str, pl.DataFrame]


def _nulls(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.lit(None, dtype=frame.schema[column]).alias(column))


VIOLATIONS: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "missing column": (lambda f: f.drop("amount"), "Table orders lacks the column.* amount"),
    "wrong type": (lambda f: f.with_columns(amount=pl.lit("a lot")), "Table orders: .*amount"),
    "null": (lambda f: _nulls(f, "ordered_at"), "Table orders, column ordered_at: [0-9]+ row"),
    "repeated key": (lambda f: pl.concat([f, f.head(3)]), r"Table orders: 3 row\(s\) repeat the key order_id"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_names_table_and_column_and_nothing_is_written(name: str, shop_tables: Tables, tmp_path: Path) -> None:
    spoil, sentence = VIOLATIONS[name]
    settings = FeatureSettings(data_dir=tmp_path)
    with pytest.raises(SchemaViolation, match=sentence):
        write_warehouse(settings, {**shop_tables, "orders": spoil(shop_tables["orders"])}, {}, "x")
    assert not settings.warehouse_dir.exists()


def test_extra_columns_are_dropped_and_order_is_the_schemas(shop_tables: Tables) -> None:
    frame = shop_tables["orders"].select(reversed(list(ORDERS.columns))).with_columns(extra=1)
    assert ORDERS.conform(frame).columns == list(ORDERS.columns)


def test_missing_tables_are_written_empty(shop_tables: Tables, tmp_path: Path) -> None:
    warehouse = write_warehouse(FeatureSettings(data_dir=tmp_path), {"orders": shop_tables["orders"]}, {}, "x")
    for table in TABLES:
        assert dict(warehouse.read(table.name).schema) == {c: t() if isinstance(t, type) else t for c, t in table.columns.items()}
    assert warehouse.report["rows"]["contacts"] == 0


def test_an_empty_history_is_too_little(tmp_path: Path) -> None:
    with pytest.raises(TooLittleHistory, match="no row"):
        write_warehouse(FeatureSettings(data_dir=tmp_path), {}, {}, "x")


def test_reading_gives_back_what_was_written_sorted_by_time(shop_tables: Tables, write_shop: WriteShop) -> None:
    warehouse = open_warehouse(write_shop(shop_tables))
    orders = warehouse.read("orders")
    assert orders["ordered_at"].is_sorted()
    assert orders.sort("order_id").equals(shop_tables["orders"].sort("order_id"))
    assert (warehouse.first_event, warehouse.last_event) == (orders["ordered_at"][0], orders["ordered_at"][-1])
    assert warehouse.first_event.tzinfo is not None


def test_times_of_another_zone_become_utc(tmp_path: Path) -> None:
    shanghai = pl.DataFrame(
        {"order_id": ["1"], "ordered_at": [datetime(2024, 5, 1, 16, tzinfo=UTC)]}, schema_overrides={"ordered_at": pl.Datetime("ms", "UTC")}
    ).with_columns(
        pl.col("ordered_at").dt.convert_time_zone("Asia/Shanghai"),
        pl.lit(0.0).alias("amount"),
        **{c: pl.lit(0.0) for c in ("discount", "coupon_discount", "quantity")},
        customer_id=pl.lit("a"),
        store_id=pl.lit(None, dtype=pl.String),
        line_count=0,
    )
    warehouse = write_warehouse(FeatureSettings(data_dir=tmp_path), {"orders": shanghai}, {}, "x")
    assert warehouse.read("orders")["ordered_at"].to_list() == [datetime(2024, 5, 1, 16, tzinfo=UTC)]


def test_the_version_is_that_of_the_data(shop_tables: Tables, tmp_path: Path) -> None:
    def version(name: str, tables: Tables) -> str:
        return write_warehouse(FeatureSettings(data_dir=tmp_path / name), tables, {}, name).version

    other = {**shop_tables, "orders": shop_tables["orders"].with_columns(pl.col("amount") + 1)}
    assert version("a", shop_tables) == version("b", shop_tables) != version("c", other)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("file", ["orders.parquet", "contacts.parquet", "import.json"])
@pytest.mark.parametrize("damage", [_truncate, Path.unlink], ids=["truncated", "missing"])
def test_a_damaged_file_is_named(file: str, damage: Callable[[Path], None], shop_tables: Tables, write_shop: WriteShop) -> None:
    settings = write_shop(shop_tables)
    damage(open_warehouse(settings).folder / file)
    with pytest.raises(StateBroken, match=f"{file} .*import the history again"):
        open_warehouse(settings)


def test_damage_inside_a_file_is_found_when_it_is_read(shop_tables: Tables, write_shop: WriteShop) -> None:
    warehouse = open_warehouse(write_shop(shop_tables))
    path = warehouse.path("orders")
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)
    path.write_bytes(data)
    with pytest.raises(StateBroken, match=r"orders\.parquet cannot be read"):
        warehouse.read("orders")


def test_nothing_imported_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(StateMissing, match="huitou import"):
        open_warehouse(FeatureSettings(data_dir=tmp_path))
    assert issubclass(StateMissing, HuitouError)


def test_a_history_without_orders_is_kept_but_has_no_clock(tmp_path: Path) -> None:
    settings = FeatureSettings(data_dir=tmp_path)
    likes = pl.DataFrame(
        {"interaction_id": ["1"], "customer_id": ["a"], "type": ["liked"], "product_id": ["p"], "bundle_id": [None], "occurred_at": [None]}
    )
    warehouse = write_warehouse(settings, {"interactions": likes}, {}, {})
    assert warehouse.read("interactions").height == 1
    with pytest.raises(TooLittleHistory, match="holds no order"):
        _ = warehouse.last_event
