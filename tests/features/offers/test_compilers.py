"""Both compilers of a condition: the same answer for every customer, known or not; and what one costs."""

from __future__ import annotations

import time
from typing import Any

import ibis
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.offers.conditions import condition_from
from features.offers.customer_conditions import judge_of
from features.offers.ibis_conditions import condition_over
from tests.features.offers.written import NAMED, SETS, TEXTS, conditions, customers

SCHEMA = {
    "row": pl.Int64,
    **dict.fromkeys(NAMED, pl.Float64),
    **dict.fromkeys(TEXTS, pl.String),
    **dict.fromkeys(SETS, pl.List(pl.String)),
}
UNSURE = {"order_count": float("nan"), "gap_mean": float("nan")}  # over NOBODY
NOBODY = {name: None for name in SCHEMA if name != "row"}
KNOWN = {**NOBODY, "order_count": 7.0, "locale": "en", "tags": ["tag:干皮"]}


def answers(told: dict[str, Any], people: list[dict[str, Any]]) -> tuple[list[bool], list[bool]]:
    """Of the closure and of DuckDB."""
    condition = condition_from(told)
    judge = judge_of(condition)
    frame = pl.DataFrame([{"row": row, **person} for row, person in enumerate(people)], schema=SCHEMA)
    table = ibis.memtable(frame)
    judged = table.select("row", holds=condition_over(condition, table)).order_by("row").to_polars()
    return [judge(person.__getitem__) for person in people], judged["holds"].to_list()


@settings(max_examples=60, deadline=None)
@given(conditions(), st.lists(customers(), min_size=1, max_size=20))
@example({"not": {"field": "order_count", "op": "gt", "value": 3}}, [NOBODY, {**NOBODY, "order_count": float("nan")}])
@example({"field": "gap_mean", "op": "in", "value": [0]}, [{**NOBODY, "gap_mean": -0.0}])
def test_both_say_the_same_of_everybody(told: dict[str, Any], people: list[dict[str, Any]]) -> None:
    closure, duckdb = answers(told, people)
    assert closure == duckdb


@pytest.mark.parametrize(
    ("told", "of_nobody", "of_somebody"),
    [
        ({"field": "order_count", "op": "gt", "value": 3}, False, True),
        ({"field": "order_count", "op": "le", "value": 3}, False, False),
        ({"field": "order_count", "op": "ne", "value": 3}, False, True),
        ({"field": "order_count", "op": "not_in", "value": [3]}, False, True),
        ({"field": "order_count", "op": "is_null"}, True, False),
        ({"field": "order_count", "op": "not_null"}, False, True),
        ({"not": {"field": "order_count", "op": "gt", "value": 3}}, True, False),
        ({"field": "tags", "op": "contains", "value": "tag:干皮"}, False, True),
        ({"field": "locale", "op": "in", "value": ["en", "de"]}, False, True),
        ({"field": "order_count", "op": "between", "value": [7, 8]}, False, True),
        ({"field": "order_count", "op": "between", "value": [6, 7]}, False, True),
    ],
)
def test_a_comparison_with_what_is_not_known_is_false(told: dict[str, Any], of_nobody: bool, of_somebody: bool) -> None:
    expected = [of_nobody, of_nobody, of_somebody]
    assert answers(told, [NOBODY, {**NOBODY, **UNSURE}, KNOWN]) == (expected, expected)


def test_a_field_without_a_column_is_known_of_nobody() -> None:
    table = ibis.memtable(pl.DataFrame({"row": [0]}))
    for op, expected in (("is_null", True), ("not_null", False)):
        found = table.select(holds=condition_over(condition_from({"field": "channel", "op": op}), table)).to_polars()
        assert found["holds"].to_list() == [expected]
    equal = condition_from({"field": "channel", "op": "eq", "value": "email"})
    assert table.select(holds=condition_over(equal, table)).to_polars()["holds"].to_list() == [False]


def test_one_customer_costs_microseconds() -> None:
    told = {
        "all": [
            {"field": "order_count", "op": "ge", "value": 3},
            {"field": "gap_mean", "op": "between", "value": [0, 40]},
            {"any": [{"field": "locale", "op": "in", "value": ["en", "zh-CN"]}, {"field": "tags", "op": "contains", "value": "tag:x"}]},
        ]
    }
    judge, values = judge_of(condition_from(told)), {**KNOWN, "gap_mean": 12.0}.__getitem__
    best = min(_seconds(judge, values) for _ in range(5))
    assert best < 20e-6, f"{best * 1e6:.1f} µs; about 1 µs on the machines it was written on"


def _seconds(judge: Any, values: Any) -> float:
    started = time.perf_counter()
    for _ in range(1000):
        judge(values)
    return (time.perf_counter() - started) / 1000
