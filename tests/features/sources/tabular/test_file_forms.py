"""A file is read by what it is; what cannot be read is refused with a reason; every row keeps its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from features.errors import SourceUnreadable
from features.sources.tabular.file_forms import read_file
from features.sources.tabular.mapping import Reading
from features.sources.tabular.raw_file import LINE
from tests.features.sources.tabular.files import CLEAN, write

ROWS = [["1", "ann", "7,50"], ["2", "bob", "x"]]


def text(delimiter: str) -> str:
    return "\n".join(delimiter.join(row) for row in [["order", "who", "paid"], *ROWS]) + "\n"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^", "  "])
def test_any_delimiter(tmp_path: Path, delimiter: str) -> None:
    file = read_file(write(tmp_path / "f.csv", text(delimiter)), Reading())
    assert file.rows.drop(LINE).rows() == [tuple(row) for row in ROWS]
    assert file.rows[LINE].to_list() == [2, 3]


@pytest.mark.parametrize(
    ("encoding", "sample"), [("gb18030", "红富士苹果礼盒装"), ("cp1252", "café à Orléans"), ("utf-8-sig", "été 苹果"), ("utf-16", "苹果")]
)
def test_encodings_are_told_apart(tmp_path: Path, encoding: str, sample: str) -> None:
    content = "".join(f"{i};{sample}\n" for i in range(30))
    file = read_file(write(tmp_path / "f.csv", "order;name\n" + content, encoding), Reading())
    assert file.columns == ["order", "name"]
    assert set(file.rows["name"]) == {sample}


def test_gzip_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(gzip.compress(CLEAN.encode()))
    assert read_file(path, Reading()).rows.height == 5


def test_parquet_and_excel_give_what_csv_gives(tmp_path: Path) -> None:
    expected = read_file(write(tmp_path / "f.csv", CLEAN), Reading()).rows.drop(LINE)
    expected.write_parquet(tmp_path / "f.parquet")
    expected.write_excel(tmp_path / "f.xlsx")
    for name in ("f.parquet", "f.xlsx"):
        assert read_file(tmp_path / name, Reading()).rows.drop(LINE).equals(expected), name


def test_a_quoted_line_break_does_not_shift_the_lines(tmp_path: Path) -> None:
    file = read_file(write(tmp_path / "f.csv", 'order,name\n1,"a\nb"\n2,c\n\n3,d\n'), Reading())
    assert file.rows[LINE].to_list() == [2, 4, 6]


def test_lines_of_another_width_are_kept_apart(tmp_path: Path) -> None:
    file = read_file(write(tmp_path / "f.csv", "order,name\n1,a\n2,b,c\n3,d\n4,e\n5,f\n"), Reading())
    assert [(b.line, b.fields) for b in file.broken] == [(3, ("2", "b", "c"))]
    assert file.rows["order"].to_list() == ["1", "3", "4", "5"]


def test_bytes_of_another_encoding_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(("order,name\n" + "1,é\n" * 9).encode() + b"2,\xff\xfe\n")
    file = read_file(path, Reading(encoding="utf-8"))
    assert [b.line for b in file.broken] == [11]
    assert file.rows.height == 9


def _truncated(tmp_path: Path, name: str) -> Path:
    whole = tmp_path / name
    frame = pl.DataFrame({"order": [f"{i * 7919 % 10007}" for i in range(3000)]})
    if name.endswith("parquet"):
        frame.write_parquet(whole)
    elif name.endswith("xlsx"):
        frame.write_excel(whole)
    else:
        whole.write_bytes(gzip.compress(CLEAN.encode() * 5000))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return whole


@pytest.mark.parametrize("name", ["f.parquet", "f.xlsx", "f.csv.gz"])
def test_a_truncated_file_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"truncated"):
        read_file(_truncated(tmp_path, name), Reading())


def test_a_csv_that_ends_in_the_middle_says_so(tmp_path: Path) -> None:
    file = read_file(write(tmp_path / "f.csv", CLEAN[:-30]), Reading())
    assert "truncated" in file.warnings[0]
    assert len(file.broken) == 1


@pytest.mark.parametrize(
    ("content", "reading", "words"),
    [
        ("", Reading(), "is empty"),
        ("\n\n", Reading(), "is empty"),
        ("order,name\n", Reading(), "no row"),
        ("one\ntwo\n", Reading(), "wrongly delimited"),
        (text(";"), Reading(delimiter="|"), "wrongly delimited"),
        ("a,b\n" + "1;2;3\n" * 3 + "1,2,3\n" * 5, Reading(delimiter=","), "wrongly delimited"),
        ('a,b\n1,"2\n' + "3,4\n" * 60, Reading(), "line 2: a quotation mark"),
        (CLEAN, Reading(encoding="klingon"), "no encoding"),
        ("a\0\1,b\n", Reading(), "zero bytes"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: str, reading: Reading, words: str) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        read_file(write(tmp_path / "f.csv", content), reading)


def test_a_missing_file_and_an_empty_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"nothing\.csv is no file"):
        read_file(tmp_path / "nothing.csv", Reading())
    (tmp_path / "empty.parquet").touch()
    with pytest.raises(SourceUnreadable, match="is empty"):
        read_file(tmp_path / "empty.parquet", Reading())


def test_a_title_above_the_header_of_a_workbook_is_no_header(tmp_path: Path) -> None:
    rows = {"a": ["Orders of January", None, "customer", "ann", "bob"], "b": [None, None, "date", "2024-01-05", "2024-01-06"]}
    rows |= {"c": [None, None, "amount", "5", "x"]}
    path = tmp_path / "titled.xlsx"
    pl.DataFrame(rows).write_excel(path, include_header=False)
    file = read_file(path, Reading())
    assert file.columns == ["customer", "date", "amount"]
    assert file.rows["huitou_line"].to_list() == [4, 5]
