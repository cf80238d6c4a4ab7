"""Reading any order log, and saying what is wrong with one."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.errors import SourceUnreadable
from training.studies.order_log import OrderColumns, read_order_log

CDNOW = """ customer_id  date number_of_cds  dollar_value
 00001 19970101  1   11.77
 00002 19970112  1   12.00
 00002 19970112  5   77.00
 00003 19970102  2    0.00
"""
CSV = """order,who,at,paid
1,ann,2024-01-05 10:00:00,3.50
1,ann,2024-01-05 10:00:00,1.50
2,bob,2024-01-06 09:30:00,4
3,ann,2024-02-01 12:00:00,-2
4,,2024-02-02 12:00:00,9
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_whitespace_text_gzipped_by_name_and_by_place(tmp_path: Path) -> None:
    path = tmp_path / "master.txt.gz"
    path.write_bytes(gzip.compress(CDNOW.encode()))
    named = read_order_log(path, OrderColumns("customer_id", "date", "dollar_value"))
    placed = read_order_log(path, OrderColumns("1", "2", "4"))
    assert named.orders.equals(placed.orders)
    assert named.orders["customer_id"].to_list() == ["00001", "00003", "00002"]
    assert named.orders["amount"].to_list() == [11.77, 0.0, 89.0]
    assert (named.first, named.last) == (datetime(1997, 1, 1, tzinfo=UTC), datetime(1997, 1, 12, tzinfo=UTC))


def test_a_file_without_a_header_is_read_by_place(tmp_path: Path) -> None:
    path = write(tmp_path / "bare.txt", "".join(line + "\n" for line in CDNOW.splitlines()[1:]))
    assert read_order_log(path, OrderColumns("1", "2", "4")).orders.height == 3


def test_lines_of_one_moment_are_one_order_and_what_is_none_is_told(tmp_path: Path) -> None:
    log = read_order_log(write(tmp_path / "o.csv", CSV), OrderColumns("who", "at", "paid"))
    assert log.orders.select("customer_id", "amount", "line_count").rows() == [("ann", 5.0, 2), ("bob", 4.0, 1)]
    assert any("1 rows without a customer" in note for note in log.notes)
    assert any("1 rows with a negative amount" in note for note in log.notes)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    moment = datetime(2024, 3, 1, 8, tzinfo=UTC)
    pl.DataFrame({"who": [7, 8], "at": [moment, moment]}).write_parquet(tmp_path / "o.parquet")
    log = read_order_log(tmp_path / "o.parquet", OrderColumns("who", "at"))
    assert log.orders.select("customer_id", "ordered_at", "amount").rows() == [("7", moment, 0.0), ("8", moment, 0.0)]


@pytest.mark.parametrize(
    ("columns", "text", "told"),
    [
        (OrderColumns("custmer", "at"), "customer,at\na,2024-01-01\n", r"--customer: .*'custmer'; nearest: 'customer'"),
        (OrderColumns("customer", "9"), "customer,at\na,2024-01-01\n", r"--time: .*no column '9'"),
        (
            OrderColumns("customer", "at"),
            "customer,at\na,2024-01-01\nb,soon\nc,2024-01-02\n",
            r"line 3, column 'at': 'soon' \(--time: no date",
        ),
        (OrderColumns("customer", "at"), "customer,at\na,2024-01-01\nb,\nc,2024-01-02\n", r"line 3, .*an empty value"),
        (OrderColumns("customer", "at"), "customer,at\na,x\nb,y\n", r"line 2, .*2 of 2 rows"),
        (OrderColumns("customer", "at", "paid"), "customer,at,paid\na,2024-01-01,1\nb,2024-01-02,much\n", r"line 3, column 'paid'"),
        (OrderColumns("customer", "at"), "customer,at,x\n,2024-01-01,1\n,2024-01-02,1\n", "nothing to evaluate"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(columns: OrderColumns, text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=told):
        read_order_log(write(tmp_path / "o.csv", text), columns)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="is no file"):
        read_order_log(tmp_path / "gone.csv", OrderColumns("a", "b"))
