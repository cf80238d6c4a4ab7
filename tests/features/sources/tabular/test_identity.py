"""Files add up without losing or doubling money: refunds beside their sales, ids that start anew, dates that were corrected."""

from __future__ import annotations

from pathlib import Path

from tests.features.sources.tabular.files import import_orders, write

HEAD = "order_id,customer_id,ordered_at,product_id,quantity,amount\n"


def test_a_refund_in_a_later_file_under_the_sales_order_id_does_not_replace_the_sale(tmp_path: Path) -> None:
    data = tmp_path / "data"
    import_orders(data, write(tmp_path / "january.csv", HEAD + "1,ann,2024-01-05 10:00:00,P1,2,10\n2,bob,2024-01-06 10:00:00,P1,1,5\n"))
    imported = import_orders(
        data, write(tmp_path / "february.csv", HEAD + "1,ann,2024-02-05 10:00:00,P1,-1,-5\n3,bob,2024-02-06 10:00:00,P1,1,5\n")
    )
    assert imported.warehouse.read("orders").sort("order_id").select("order_id", "amount").rows() == [("1", 10.0), ("2", 5.0), ("3", 5.0)]
    assert imported.warehouse.read("refunds").select("order_id", "quantity", "amount").rows() == [("1", 1.0, 5.0)]
    assert imported.quarantine == ()


def test_receipt_numbers_that_start_anew_in_every_file_lose_no_sale(tmp_path: Path) -> None:
    data = tmp_path / "data"
    import_orders(data, write(tmp_path / "monday.csv", HEAD + "1,ann,2024-01-01,P1,1,5\n2,,2024-01-01,P2,1,7\n3,bob,2024-01-01,P1,2,10\n"))
    tuesday = HEAD + "1,zoe,2024-01-02,P1,1,5\n2,,2024-01-02,P2,2,14\n3,ann,2024-01-02,P1,1,5\n"
    imported = import_orders(data, write(tmp_path / "tuesday.csv", tuesday))
    assert imported.warehouse.read("order_lines")["amount"].sum() == 46.0
    again = import_orders(data, write(tmp_path / "tuesday-late.csv", tuesday + "4,ann,2024-01-02,P1,1,5\n"))
    assert again.warehouse.read("order_lines")["amount"].sum() == 51.0


def test_an_export_with_corrected_dates_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    text = HEAD + "1,ann,2024-01-05,P1,1,5\n2,bob,2024-01-06,P1,1,5\n"
    import_orders(data, write(tmp_path / "a.csv", text))
    lines = import_orders(data, write(tmp_path / "b.csv", text.replace("2024-01", "2024-03"))).warehouse.read("orders")
    assert lines["ordered_at"].dt.month().to_list() == [3, 3]
    assert lines["amount"].sum() == 10.0
