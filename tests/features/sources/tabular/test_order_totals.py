"""A total that stands on every line of its order counts once."""

from __future__ import annotations

from pathlib import Path

from tests.features.sources.tabular.files import import_orders, write

HEAD = "order_id,customer_id,ordered_at,product_id,quantity,total\n"
REPEATED = "1,a,2024-01-05,A,1,25\n1,a,2024-01-05,B,4,25\n2,b,2024-01-06,B,2,9\n3,b,2024-01-07,A,2,12\n3,b,2024-01-07,C,1,12\n"


def test_a_repeated_total_is_divided_by_quantity(tmp_path: Path) -> None:
    warehouse = import_orders(tmp_path / "data", write(tmp_path / "o.csv", HEAD + REPEATED)).warehouse
    assert warehouse.read("orders").sort("order_id")["amount"].to_list() == [25.0, 9.0, 12.0]
    lines = warehouse.read("order_lines").sort("order_id", "line_number")
    assert lines["amount"].to_list() == [5.0, 20.0, 9.0, 8.0, 4.0]
    assert "amount_of" in (tmp_path / "data" / "mapping.toml").read_text(encoding="utf-8")


def test_a_total_on_the_first_line_alone_is_divided_too(tmp_path: Path) -> None:
    text = HEAD + REPEATED.replace("4,25", "4,").replace("C,1,12", "C,1,")
    lines = import_orders(tmp_path / "data", write(tmp_path / "o.csv", text)).warehouse.read("order_lines")
    assert lines.sort("order_id", "line_number")["amount"].to_list() == [5.0, 20.0, 9.0, 8.0, 4.0]


def test_prices_beside_a_total_give_the_amounts(tmp_path: Path) -> None:
    text = HEAD.strip() + ",price\n1,a,2024-01-05,A,1,35,5\n1,a,2024-01-05,B,2,35,10\n2,b,2024-01-06,B,1,20,10\n"
    orders = import_orders(tmp_path / "data", write(tmp_path / "o.csv", text)).warehouse.read("orders")
    assert orders.sort("order_id")["amount"].to_list() == [25.0, 10.0]


def test_amounts_of_lines_stay_as_they_are(tmp_path: Path) -> None:
    text = HEAD.strip() + ",price\n1,a,2024-01-05,A,1,10,10\n1,a,2024-01-05,B,2,10,5\n2,b,2024-01-06,B,1,5,5\n"
    orders = import_orders(tmp_path / "data", write(tmp_path / "o.csv", text)).warehouse.read("orders")
    assert orders.sort("order_id")["amount"].to_list() == [20.0, 5.0]
