from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history.concentration import Concentration, concentration


def spread(*amounts: float, over: str = "customer") -> Concentration:
    found = concentration(pl.DataFrame({"id": [f"c{i}" for i in range(len(amounts))], "amount": list(amounts)}), of="revenue", over=over)
    assert found is not None
    return found


def test_all_alike() -> None:
    even = spread(*[5.0] * 100)
    assert even.gini == pytest.approx(0)
    assert even.top == pytest.approx({1: 0.01, 10: 0.1, 50: 0.5})
    assert even.lorenz == pytest.approx([i / 50 for i in range(51)])


def test_one_has_all_but_a_little() -> None:
    one = spread(*[1.0] * 99, 9901.0)
    assert one.gini == pytest.approx(0.98, abs=0.001)
    assert one.top[1] == pytest.approx(0.9901)
    assert (one.largest, one.largest_share) == ("c99", pytest.approx(0.9901))
    warning = one.findings()[1]
    assert warning.severity == "warning"
    assert warning.sentence == "Customer c99 alone has 99.0 % of the revenue."


@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=200))
def test_gini_is_the_mean_absolute_difference(amounts: list[float]) -> None:
    found = spread(*amounts)
    n, mean = len(amounts), sum(amounts) / len(amounts)
    expected = sum(abs(a - b) for a in amounts for b in amounts) / (2 * n * n * mean)
    assert found.gini == pytest.approx(expected, abs=1e-6)
    assert all(a <= b + 1e-9 for a, b in zip(found.lorenz, found.lorenz[1:], strict=False))
    assert found.top[1] <= found.top[10] + 1e-9 <= found.top[50] + 2e-9


def test_a_heavy_product_is_a_question_about_the_catalogue() -> None:
    note = spread(90.0, *[1.0] * 60, over="product").findings()[1]
    assert note.severity == "note"
    assert "excluded_categories" in note.remedy
    assert len(spread(*[1.0] * 60).findings()) == 1


def test_nothing_to_spread() -> None:
    nothing = pl.DataFrame({"id": ["a"], "amount": [0.0]})
    assert concentration(nothing, of="revenue", over="customer") is None
    assert spread(3.0).findings()[0].severity == "ok"
    assert len(spread(3.0).findings()) == 1  # a single customer is not heavy beside others
