"""Conditions of an offer as data: `{"field", "op", "value"}`, `{"all": […]}`, `{"any": […]}`, `{"not": …}`.

Whatever cannot be judged (an unknown field, a value of the wrong type, NaN, nesting without end) is refused when the offer is written.
What was read here is judged in two places that agree on every row: `customer_conditions` for one customer in a request, `ibis_conditions`
for all of them.

**What is not known.** A comparison with a value that is not known is false, whichever way it asks: of a customer without a first order
both `days_since_last_order gt 60` and `le 60` are false. `not` turns false into true, so `{"not": {… "gt" …}}` holds for them: ask
`not_null` beside it where that is not meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from features.offers.fields import FIELDS, ConditionField, FieldType, nearest_fields

DEEPEST = 8  # of `all`, `any`, `not` inside each other: nobody reads more
MOST_COMPARISONS = 100  # in one condition: 20 µs of a request
MOST_VALUES = 1000  # of `in` and `not_in`
_LONGEST_TEXT = 300
_LARGEST = 1e15  # up to here every whole number is exact as a float: both compilers compare the same
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Op(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "not_in"
    BETWEEN = "between"  # both ends included
    CONTAINS = "contains"
    IS_NULL = "is_null"
    NOT_NULL = "not_null"


_NULL_OPS = frozenset({Op.IS_NULL, Op.NOT_NULL})
_LIST_OPS = frozenset({Op.IN, Op.NOT_IN})
OPS: dict[FieldType, tuple[Op, ...]] = {
    FieldType.NUMBER: tuple(op for op in Op if op is not Op.CONTAINS),
    FieldType.TEXT: (Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.IS_NULL, Op.NOT_NULL),
    FieldType.TEXTS: (Op.CONTAINS, Op.IS_NULL, Op.NOT_NULL),
}
Scalar: TypeAlias = int | float | str


@dataclass(frozen=True)
class Comparison:
    """One field against one value.

    Attributes:
        field: one of `fields.FIELDS`.
        op: one that the field's type takes.
        value: a tuple for `in`, `not_in` and `between`; None for `is_null` and `not_null`.
    """

    field: str
    op: Op
    value: Scalar | tuple[Scalar, ...] | None = None


@dataclass(frozen=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = Comparison | AllOf | AnyOf | Not


class ConditionRefused(ValueError):
    """A condition cannot be judged; the message says where, why and what would do."""


def condition_from(told: object) -> Condition:
    """A condition from JSON or TOML as read; one that is already made passes.

    Raises:
        ConditionRefused: names the place, e.g. `all[1].value`.
    """
    if isinstance(told, Comparison | AllOf | AnyOf | Not):
        return told
    made = _read(told, "", 0)
    found = sum(1 for _ in comparisons(made))
    if found > MOST_COMPARISONS:
        raise ConditionRefused(f"{found} comparisons; at most {MOST_COMPARISONS} are judged in a request")
    return made


def condition_json(condition: Condition) -> dict[str, Any]:
    """The inverse of `condition_from`."""
    match condition:
        case AllOf(parts):
            return {"all": [condition_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [condition_json(part) for part in parts]}
        case Not(part):
            return {"not": condition_json(part)}
        case Comparison(field, op, None):
            return {"field": field, "op": op.value}
        case Comparison(field, op, value):
            return {"field": field, "op": op.value, "value": list(value) if isinstance(value, tuple) else value}


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison in a condition, from left to right."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part):
            yield from comparisons(part)
        case Comparison():
            yield condition


def _read(told: object, at: str, depth: int) -> Condition:
    if depth > DEEPEST:
        raise ConditionRefused(f"nested deeper than {DEEPEST} levels")
    if not isinstance(told, Mapping):
        raise _refused(at, 'is neither {"field", "op", "value"} nor {"all"}, {"any"} or {"not"}')
    keys = set(told)
    if keys == {"not"}:
        return Not(_read(told["not"], _below(at, "not"), depth + 1))
    if keys in ({"all"}, {"any"}):
        word = next(iter(keys))
        made = _parts(told[word], _below(at, word), depth)
        return AllOf(made) if word == "all" else AnyOf(made)
    if not {"field", "op"} <= keys <= {"field", "op", "value"}:
        named = ", ".join(sorted(str(key)[:_LONGEST_TEXT] for key in keys)) or "nothing"
        raise _refused(at, f'holds {named}; a condition is {{"field", "op", "value"}} or one of {{"all"}}, {{"any"}}, {{"not"}}')
    return _comparison(told, at)


def _parts(told: object, at: str, depth: int) -> tuple[Condition, ...]:
    if not isinstance(told, list | tuple) or not told:
        raise _refused(at, "is not a list of at least one condition")
    return tuple(_read(part, f"{at}[{place}]", depth + 1) for place, part in enumerate(told))


def _comparison(told: Mapping[str, object], at: str) -> Comparison:
    name = told["field"]
    field = FIELDS.get(name) if isinstance(name, str) else None
    if field is None:
        near = ", ".join(nearest_fields(str(name)))
        remedy = f"the nearest are {near}" if near else "docs/offers.md lists them"
        raise _refused(_below(at, "field"), f"there is no field {str(name)[:_LONGEST_TEXT]}; {remedy}")
    try:
        op = Op(told["op"]) if isinstance(told["op"], str) else None
    except ValueError:
        op = None
    if op is None or op not in OPS[field.type]:
        takes = ", ".join(OPS[field.type])
        raise _refused(
            _below(at, "op"), f"{str(told['op'])[:_LONGEST_TEXT]} does not do for {field.name}, a {field.type}: it takes {takes}"
        )
    return Comparison(field.name, op, _value(field, op, told, _below(at, "value")))


def _value(field: ConditionField, op: Op, told: Mapping[str, object], at: str) -> Scalar | tuple[Scalar, ...] | None:
    if op in _NULL_OPS:
        if told.get("value") is not None:
            raise _refused(at, f"{op} takes no value")
        return None
    if "value" not in told:
        raise _refused(at, f"{op} needs one")
    value = told["value"]
    if op is Op.BETWEEN:
        return _ends(field, value, at)
    if op in _LIST_OPS:
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_VALUES:
            raise _refused(at, f"{op} takes a list of 1 to {MOST_VALUES} values")
        return tuple(_scalar(field, one, f"{at}[{place}]") for place, one in enumerate(value))
    return _scalar(field, value, at)


def _ends(field: ConditionField, value: object, at: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise _refused(at, "between takes two values, both included")
    low, high = (_number(field, one, f"{at}[{place}]") for place, one in enumerate(value))
    if low > high:
        raise _refused(at, f"nothing lies between {low} and {high}")
    return low, high


def _scalar(field: ConditionField, value: object, at: str) -> Scalar:
    return _number(field, value, at) if field.type is FieldType.NUMBER else _text(field, value, at)


def _number(field: ConditionField, value: object, at: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(at, f"{field.name} is a number, this is not")
    if not abs(value) <= _LARGEST or (isinstance(value, float) and not math.isfinite(value)):
        raise _refused(at, "is not a finite number of ordinary size")
    if (field.least is not None and value < field.least) or (field.most is not None and value > field.most):
        bounds = f"from {field.least:g}" if field.most is None else f"from {field.least:g} to {field.most:g}"
        raise _refused(at, f"{value} is beyond what {field.name} can be: {bounds}")
    return value


def _text(field: ConditionField, value: object, at: str) -> str:
    if not isinstance(value, str):
        raise _refused(at, f"{field.name} is text, this is not")
    if not value or len(value) > _LONGEST_TEXT or _CONTROL.search(value) or not _encodes(value):
        raise _refused(at, f"is not a text of 1 to {_LONGEST_TEXT} characters without control characters")
    if field.values and value not in field.values:
        raise _refused(at, f"{field.name} is one of {', '.join(field.values)}")
    return value


def _encodes(text: str) -> bool:
    """Whether it holds no half of a surrogate pair, which no database stores."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _refused(at: str, why: str) -> ConditionRefused:
    return ConditionRefused(f"{at}: {why}" if at else why)


_SCHEMA = {
    "type": "object",
    "description": (
        '`{"field", "op", "value"}`, or `{"all": […]}`, `{"any": […]}`, `{"not": …}` of such; ops: '
        + ", ".join(Op)
        + ". A comparison with a value that is not known is false. Fields and examples: docs/offers.md."
    ),
    "examples": [{"all": [{"field": "stage", "op": "in", "value": ["buyer", "loyal"]}, {"field": "order_count", "op": "ge", "value": 3}]}],
}
# As a field of a pydantic model.
ConditionJson = Annotated[
    Comparison | AllOf | AnyOf | Not, PlainValidator(condition_from), PlainSerializer(condition_json), WithJsonSchema(_SCHEMA)
]
