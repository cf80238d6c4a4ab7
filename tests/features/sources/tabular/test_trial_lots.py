"""Past trials come in like any other file; what chance did not decide, or the history does not know, is set aside with its reason."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.features.sources.tabular.files import CLEAN, import_files, write

HEADER = "customer,sent_at,offer,type,category,sent,chance\n"
GOOD = "ann,2024-01-20 10:00:00,C10,coupon,,1,0.25\nbob,2024-01-20 10:00:00,C10,coupon,,0,0.25\n"
BAD = """ann,2024-01-21 10:00:00,C10,coupon,,0,
ann,2024-01-22 10:00:00,C10,coupon,,0,1
zoe,2024-01-20 10:00:00,C10,coupon,,0,0.25
ann,2023-01-20 10:00:00,C10,coupon,,1,0.25
ann,2024-06-20 10:00:00,C10,coupon,,1,0.25
ann,2024-01-20 10:00:00,C20,coupon,,1,0.25
"""
ORDERS = CLEAN + "90,ann,2024-05-01 10:00:00,P1,Soap,1,2.50\n91,bob,2024-01-10 10:00:00,P1,Soap,1,2.50\n"


def test_good_rows_are_kept_and_each_other_says_why_not(tmp_path: Path) -> None:
    files = {"orders": [write(tmp_path / "orders.csv", ORDERS)], "trials": [write(tmp_path / "trials.csv", HEADER + GOOD + BAD)]}
    imported = import_files(tmp_path / "data", files)
    kept = imported.warehouse.read("trials").sort("customer_id")
    assert kept.select("customer_id", "offer_id", "sent", "chance").rows() == [("ann", "C10", True, 0.25), ("bob", "C10", False, 0.25)]
    (path,) = imported.quarantine
    told = pl.read_csv(path)
    assert [reason.split(":")[0] for reason in told["huitou_reason"].to_list()] == [
        "no value",
        "no chance",
        "unknown customer",
        "outside the history",
        "outside the history",
        "no control",
    ]


def test_without_orders_nobody_is_known(tmp_path: Path) -> None:
    files = {
        "customers": [write(tmp_path / "customers.csv", "customer,age\nann,30\n")],
        "trials": [write(tmp_path / "t.csv", HEADER + GOOD)],
    }
    assert import_files(tmp_path / "data", files).warehouse.read("trials").is_empty()
