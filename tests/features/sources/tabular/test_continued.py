"""Exports that say once an order who bought and when lose none of its lines; totals and anonymous receipts take nothing over."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.features.sources.tabular.files import import_orders, write

HEAD = "order_id,customer_id,ordered_at,product_id,quantity,amount\n"


@pytest.mark.parametrize("again", ["1", ""])
def test_the_other_lines_of_an_order_take_over_who_and_when(tmp_path: Path, again: str) -> None:
    text = HEAD + f"1,ann,2024-01-05 10:00:00,P1,1,5\n{again},,,P2,1,7\n2,bob,2024-01-06 10:00:00,P1,1,5\nTotal,,,,3,17\n,,,,3,17\n"
    imported = import_orders(tmp_path / "data", write(tmp_path / "orders.csv", text))
    orders = imported.warehouse.read("orders").sort("order_id").select("order_id", "customer_id", "amount", "line_count")
    assert orders.rows() == [("1", "ann", 12.0, 2), ("2", "bob", 5.0, 1)]
    assert imported.warnings == ("orders.csv: 1 lines say not who bought or when; they took it from their order's other lines.",)
    assert imported.warehouse.report["counts"]["lines in quarantine"] == 2  # the totals


def test_a_malformed_line_without_a_head_comes_back_mended(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported = import_orders(
        data, write(tmp_path / "o.csv", HEAD + "1,ann,2024-01-05 10:00:00,P1,1,5\n1,,,P2,1,cheap\n2,bob,2024-01-06 10:00:00,P1,1,5\n")
    )
    path = imported.quarantine[0]
    # As a spreadsheet of another country saves it: no mark, semicolons, other line ends.
    lines = path.read_text(encoding="utf-8-sig").replace("cheap", "7").splitlines()
    path.write_bytes("\r\n".join(line.replace(",", ";") for line in lines).encode())
    mended = import_orders(data, path)
    assert mended.warehouse.read("orders").sort("order_id").select("customer_id", "amount").rows() == [("ann", 12.0), ("bob", 5.0)]
    assert mended.quarantine == ()


def test_an_anonymous_receipt_takes_over_nothing(tmp_path: Path) -> None:
    text = HEAD + "1,ann,2024-01-05 10:00:00,P1,1,5\n1,,2024-01-07 10:00:00,P1,1,5\n2,bob,2024-01-07 11:00:00,P1,1,5\n2,,,P2,1,5\n"
    orders = import_orders(tmp_path / "data", write(tmp_path / "orders.csv", text)).warehouse.read("orders")
    assert orders.filter(pl.col("customer_id").is_null()).height == 1
