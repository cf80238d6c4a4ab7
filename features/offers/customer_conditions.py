"""Conditions for one customer: compiled once when the offer is written, judged in a few microseconds in every request.

Two-valued: what is not known (None, NaN) makes every comparison false; see `conditions`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from features.offers.conditions import AllOf, AnyOf, Comparison, Condition, Not, Op

# The value of a field: a number, a text, a set of texts; None or NaN where it is not known. Asked for only when it is needed.
Value: TypeAlias = float | str | Collection[str] | None
Lookup: TypeAlias = Callable[[str], Value]
Judge: TypeAlias = Callable[[Lookup], bool]


def judge_of(condition: Condition) -> Judge:
    """The condition as a function of one customer's values."""
    match condition:
        case AllOf(parts):
            return _all_of(tuple(judge_of(part) for part in parts))
        case AnyOf(parts):
            return _any_of(tuple(judge_of(part) for part in parts))
        case Not(part):
            return _not(judge_of(part))
        case Comparison(field, op, value):
            return _JUDGES[op](field, value)


def _all_of(judges: tuple[Judge, ...]) -> Judge:
    def judged(values: Lookup) -> bool:
        for judge in judges:  # noqa: SIM110 - a generator would cost as much as the comparisons
            if not judge(values):
                return False
        return True

    return judged


def _any_of(judges: tuple[Judge, ...]) -> Judge:
    def judged(values: Lookup) -> bool:
        for judge in judges:  # noqa: SIM110
            if judge(values):
                return True
        return False

    return judged


def _not(judge: Judge) -> Judge:
    return lambda values: not judge(values)


# Of NaN every comparison but `!=` is false by itself.
def _eq(field: str, value: Any) -> Judge:  # noqa: ANN401 - a number or a text, as the field's type says
    return lambda values: bool(values(field) == value)


def _ne(field: str, value: Any) -> Judge:  # noqa: ANN401
    def judged(values: Lookup) -> bool:
        found = values(field)
        return found is not None and found == found and found != value  # noqa: PLR0124 - NaN

    return judged


def _lt(field: str, value: Any) -> Judge:  # noqa: ANN401
    return lambda values: (found := values(field)) is not None and bool(found < value)


def _le(field: str, value: Any) -> Judge:  # noqa: ANN401
    return lambda values: (found := values(field)) is not None and bool(found <= value)


def _gt(field: str, value: Any) -> Judge:  # noqa: ANN401
    return lambda values: (found := values(field)) is not None and bool(found > value)


def _ge(field: str, value: Any) -> Judge:  # noqa: ANN401
    return lambda values: (found := values(field)) is not None and bool(found >= value)


def _between(field: str, value: Any) -> Judge:  # noqa: ANN401
    low, high = value
    return lambda values: (found := values(field)) is not None and bool(low <= found <= high)


def _in(field: str, value: Any) -> Judge:  # noqa: ANN401
    wanted = frozenset(value)
    return lambda values: values(field) in wanted


def _not_in(field: str, value: Any) -> Judge:  # noqa: ANN401
    unwanted = frozenset(value)

    def judged(values: Lookup) -> bool:
        found = values(field)
        return found is not None and found == found and found not in unwanted  # noqa: PLR0124 - NaN

    return judged


def _contains(field: str, value: Any) -> Judge:  # noqa: ANN401
    return lambda values: (found := values(field)) is not None and value in found  # type: ignore[operator]


def _is_null(field: str, _: Any) -> Judge:  # noqa: ANN401
    return lambda values: (found := values(field)) is None or found != found  # noqa: PLR0124 - NaN


def _not_null(field: str, _: Any) -> Judge:  # noqa: ANN401
    return _not(_is_null(field, None))


_JUDGES: dict[Op, Callable[[str, Any], Judge]] = {
    Op.EQ: _eq,
    Op.NE: _ne,
    Op.LT: _lt,
    Op.LE: _le,
    Op.GT: _gt,
    Op.GE: _ge,
    Op.IN: _in,
    Op.NOT_IN: _not_in,
    Op.BETWEEN: _between,
    Op.CONTAINS: _contains,
    Op.IS_NULL: _is_null,
    Op.NOT_NULL: _not_null,
}
