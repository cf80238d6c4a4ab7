"""Order logs as next-basket sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import SourceUnreadable
from training.studies.baskets.basket_set import BasketSet
from training.studies.baskets.order_baskets import LineColumns, read_order_baskets

COLUMNS = LineColumns("who", "when", "what")


def log(path: Path, *, extra: str = "", customers: int = 20) -> Path:
    lines = ["who,when,what,order,paid"]
    for customer in range(customers):
        for day in range(1, 5):
            lines += [f"c{customer:02},2024-03-{day:02} 10:00,p{item},o{customer}-{(day + 1) // 2},1.5" for item in range(day, day + 2)]
    path.write_text("\n".join([*lines, *extra.splitlines()]) + "\n", encoding="utf-8")
    return path


def read(path: Path, columns: LineColumns = COLUMNS) -> BasketSet:
    return read_order_baskets(path, columns, lambda _: None, draws=2, seed=3)


def test_the_last_day_is_the_target(tmp_path: Path) -> None:
    found = read(log(tmp_path / "log.csv", extra="thin,2024-03-01,p1,x,1\nthin,2024-03-02,p1,y,1"))
    assert found.histories.users == 20
    assert set(found.histories.baskets.tolist()) == {3}
    assert any("1 customers with fewer than 3 baskets" in note for note in found.notes)
    items = found.next_baskets[0].indices  # p4 and p5, the last of five products by name
    assert items.tolist() == [3, 4]
    assert found.owned[0].indices.tolist() == [0, 1, 2, 3]
    assert [len(found.splits), len(found.splits[0].test), len(found.splits[0].val)] == [2, 4, 2]
    assert found.splits[0].test.tolist() != found.splits[1].test.tolist()


def test_orders_may_span_days(tmp_path: Path) -> None:
    columns = LineColumns("who", "when", "what", order="order")
    with pytest.raises(SourceUnreadable, match=r"0 customers have at least 3 baskets.*'order'"):
        read(log(tmp_path / "log.csv"), columns)  # two days an order: two baskets each


def test_refunds_and_lines_of_nobody_are_left_out(tmp_path: Path) -> None:
    path = log(tmp_path / "log.csv", extra="c00,2024-03-09 10:00,p1,r,-4\n,2024-03-09 10:00,p1,r,4")
    found = read(path, LineColumns("who", "when", "what", amount="paid"))
    assert set(found.histories.baskets.tolist()) == {3}
    assert any("1 rows with a negative amount" in note for note in found.notes)
    assert any("1 rows without a customer" in note for note in found.notes)


@pytest.mark.parametrize(
    ("columns", "extra", "told"),
    [
        (LineColumns("whom", "when", "what"), "", "--customer: .* has no column 'whom'; nearest: 'who'"),
        (LineColumns("who", "when", "product"), "", "--product"),
        (COLUMNS, "c00,soon,p1,r,4", "log.csv, line 162, column 'when': 'soon' \\(--time: no date or time\\); 1 of 161 rows"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, columns: LineColumns, extra: str, told: str) -> None:
    with pytest.raises(SourceUnreadable, match=told):
        read(log(tmp_path / "log.csv", extra=extra), columns)


def test_an_amount_that_is_no_number_is_refused_as_in_every_order_log(tmp_path: Path) -> None:
    columns = LineColumns("who", "when", "what", amount="paid")
    with pytest.raises(SourceUnreadable, match=r"line 162, column 'paid': 'free' \(--amount: no number\)"):
        read(log(tmp_path / "log.csv", extra="c00,2024-03-05,p1,x,free"), columns)
