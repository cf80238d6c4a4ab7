"""Conditions for all customers at once, as an Ibis expression: the same answers as `customer_conditions`, row by row.

For commands only: a request never needs Ibis.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any

import ibis
from ibis.expr.types import BooleanValue, Table, Value

from features.offers.conditions import AllOf, AnyOf, Comparison, Condition, Not, Op
from features.offers.fields import FIELDS, FieldType

_COMPARED: dict[Op, Callable[[Any, Any], Any]] = {Op.EQ: eq, Op.NE: ne, Op.LT: lt, Op.LE: le, Op.GT: gt, Op.GE: ge}


def condition_over(condition: Condition, table: Table) -> BooleanValue:
    """The condition as a boolean column, never null.

    Args:
        condition: any.
        table: one row per customer; numbers, texts and arrays of texts by the names of `fields.FIELDS`. A field it has no column of is not
            known of anybody.
    """
    match condition:
        case AllOf(parts):
            return reduce(and_, (condition_over(part, table) for part in parts))
        case AnyOf(parts):
            return reduce(or_, (condition_over(part, table) for part in parts))
        case Not(part):
            return ~condition_over(part, table)
        case Comparison():
            return _comparison(condition, table)


def _comparison(told: Comparison, table: Table) -> BooleanValue:
    if told.field not in table.columns:
        return ibis.literal(told.op is Op.IS_NULL)
    column = _known(told.field, table)
    if told.op is Op.IS_NULL:
        return column.isnull()
    if told.op is Op.NOT_NULL:
        return column.notnull()
    return _compared(column, told.op, told.value).fill_null(False)


def _known(field: str, table: Table) -> Value:
    """The column with null for whatever is not known: a database holds NaN above every number, a customer's NaN says nothing."""
    column = table[field]
    if FIELDS[field].type is not FieldType.NUMBER:
        return column
    number = column.cast("float64")
    return ibis.ifelse(number.isnan(), ibis.null().cast("float64"), number)


def _compared(column: Any, op: Op, value: Any) -> Any:  # noqa: ANN401 - Ibis types its operators by their operands
    match op:
        case Op.IN:
            return column.isin(value)
        case Op.NOT_IN:
            return column.notin(value)
        case Op.BETWEEN:
            return column.between(*value)
        case Op.CONTAINS:
            return column.contains(value)
        case _:
            return _COMPARED[op](column, value)
