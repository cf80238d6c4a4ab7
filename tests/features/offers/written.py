"""Conditions and customers at random, for both compilers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from features.offers.conditions import OPS, Op
from features.offers.fields import FIELDS, FieldType

# Few values, so that comparisons are often true, and those that databases treat in their own way.
NUMBERS = (0.0, 1.0, 2.5, 7.0, 12.0)
NAMED = {"order_count": NUMBERS, "gap_mean": (-0.0, 0.1, 1e15, *NUMBERS), "birth_month": (1.0, 2.0, 12.0)}
TEXTS = {"locale": ("zh-CN", "en", "EN", "é"), "stage": ("buyer", "loyal", "stranger")}
SETS = {"tags": ("tag:敏感肌", "tag:干皮", "need:'; --")}


def _values(field: str) -> st.SearchStrategy[Any]:
    chosen = NAMED.get(field) or TEXTS.get(field) or SETS[field]
    numbers = st.sampled_from(chosen)
    return numbers | numbers.map(lambda x: int(x) if float(x).is_integer() else x) if field in NAMED else numbers


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """A comparison that will be taken."""
    field = draw(st.sampled_from([*NAMED, *TEXTS, *SETS]))
    op = draw(st.sampled_from(OPS[FIELDS[field].type]))
    told: dict[str, Any] = {"field": field, "op": op.value}
    match op:
        case Op.IS_NULL | Op.NOT_NULL:
            return told
        case Op.IN | Op.NOT_IN:
            return {**told, "value": draw(st.lists(_values(field), min_size=1, max_size=3))}
        case Op.BETWEEN:
            return {**told, "value": sorted(draw(st.tuples(_values(field), _values(field))))}
        case _:
            return {**told, "value": draw(_values(field))}


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    """Conditions of some depth."""

    def around(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        some = st.lists(inner, min_size=1, max_size=3)
        return some.map(lambda parts: {"all": parts}) | some.map(lambda parts: {"any": parts}) | inner.map(lambda part: {"not": part})

    return st.recursive(comparisons(), around, max_leaves=6)


def customers() -> st.SearchStrategy[dict[str, Any]]:
    """What is known of one customer; anything may be missing, numbers also as NaN."""
    numbers = {name: st.none() | st.just(float("nan")) | st.sampled_from(values) for name, values in NAMED.items()}
    texts = {name: st.none() | st.sampled_from(values) for name, values in TEXTS.items()}
    sets = {name: st.none() | st.lists(st.sampled_from(values), unique=True) for name, values in SETS.items()}
    return st.fixed_dictionaries({**numbers, **texts, **sets})


assert all(FIELDS[name].type is FieldType.NUMBER for name in NAMED)
