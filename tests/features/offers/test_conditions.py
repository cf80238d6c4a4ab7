"""Conditions are refused when they are written: each with the place and the remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from features.feature_sets import CUSTOMER
from features.offers.conditions import DEEPEST, AllOf, Comparison, ConditionRefused, Not, Op, condition_from, condition_json
from features.offers.fields import FIELDS, OTHERS, nearest_fields
from features.offers.offer import Offer
from tests.features.offers.written import conditions

ORDERS = {"field": "order_count", "op": "ge", "value": 3}


def nested(levels: int) -> dict[str, Any]:
    told: dict[str, Any] = ORDERS
    for _ in range(levels):
        told = {"not": told}
    return told


def test_what_is_written_is_read() -> None:
    told = {"all": [ORDERS, {"not": {"field": "tags", "op": "contains", "value": "tag:干皮"}}, {"field": "locale", "op": "is_null"}]}
    read = condition_from(told)
    assert read == AllOf(
        (
            Comparison("order_count", Op.GE, 3),
            Not(Comparison("tags", Op.CONTAINS, "tag:干皮")),
            Comparison("locale", Op.IS_NULL),
        )
    )
    assert condition_json(read) == told
    assert condition_from(read) is read


@given(conditions())
def test_reading_is_the_inverse_of_writing(told: dict[str, Any]) -> None:
    read = condition_from(told)
    assert condition_from(json.loads(json.dumps(condition_json(read)))) == read


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (None, "is neither"),
        ([], "is neither"),
        ({}, "holds nothing"),
        ({"all": []}, "all: is not a list of at least one"),
        ({"any": ORDERS}, "any: is not a list"),
        ({"all": [ORDERS], "any": [ORDERS]}, "holds all, any"),
        ({**ORDERS, "unit": "days"}, "holds field, op, unit, value"),
        (
            {"all": [ORDERS, {**ORDERS, "field": "order_cuont"}]},
            r"all\[1\].field: there is no field order_cuont; the nearest are order_count",
        ),
        ({**ORDERS, "field": "zzzzzz"}, "docs/offers.md lists them"),
        ({**ORDERS, "field": 7}, "there is no field 7"),
        ({**ORDERS, "field": "x" * 10_000}, "there is no field"),
        ({**ORDERS, "op": "like"}, "op: like does not do for order_count, a number: it takes eq, ne"),
        ({**ORDERS, "op": ["ge"]}, "does not do for order_count"),
        ({**ORDERS, "op": "contains"}, "contains does not do"),
        ({"field": "stage", "op": "gt", "value": "buyer"}, "gt does not do for stage, a text"),
        ({"field": "tags", "op": "eq", "value": "x"}, "eq does not do for tags, a texts: it takes contains"),
        ({"field": "order_count", "op": "ge"}, "value: ge needs one"),
        ({**ORDERS, "value": "3"}, "order_count is a number"),
        ({**ORDERS, "value": True}, "order_count is a number"),
        ({**ORDERS, "value": None}, "order_count is a number"),
        ({**ORDERS, "value": float("nan")}, "not a finite number"),
        ({**ORDERS, "value": float("inf")}, "not a finite number"),
        ({**ORDERS, "value": 10**400}, "not a finite number"),
        ({**ORDERS, "op": "in", "value": [1, float("nan")]}, r"value\[1\]: is not a finite"),
        ({**ORDERS, "op": "in", "value": []}, "list of 1 to"),
        ({**ORDERS, "op": "in", "value": 3}, "list of 1 to"),
        ({**ORDERS, "op": "between", "value": [1]}, "between takes two"),
        ({**ORDERS, "op": "between", "value": [3, 1]}, "nothing lies between 3 and 1"),
        ({**ORDERS, "op": "is_null"}, "is_null takes no value"),
        ({"field": "churn_probability_28d", "op": "gt", "value": 35}, "35 is beyond what churn_probability_28d can be: from 0 to 1"),
        ({"field": "predicted_clv", "op": "lt", "value": -1}, "from 0"),
        ({"field": "stage", "op": "eq", "value": "Buyer"}, "stage is one of stranger"),
        ({"field": "locale", "op": "eq", "value": 1}, "locale is text"),
        ({"field": "locale", "op": "eq", "value": ""}, "is not a text"),
        ({"field": "locale", "op": "eq", "value": "a\x00"}, "without control characters"),
        ({"field": "locale", "op": "eq", "value": "\ud800"}, "is not a text"),
        (nested(DEEPEST + 1), "nested deeper than"),
        ({"all": [ORDERS] * 101}, "101 comparisons; at most 100"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_place_and_remedy(told: object, said: str) -> None:
    with pytest.raises(ConditionRefused, match=said):
        condition_from(told)


def test_nesting_is_measured_before_it_is_followed() -> None:
    assert condition_json(condition_from(nested(DEEPEST))) == nested(DEEPEST)
    with pytest.raises(ConditionRefused, match="nested"):
        condition_from(nested(100_000))


def test_every_feature_and_every_other_fact_is_a_field() -> None:
    assert set(FIELDS) == set(CUSTOMER.columns) | {field.name for field in OTHERS}
    assert len(FIELDS) == len(CUSTOMER.columns) + len(OTHERS), "a fact is named like a feature"
    assert nearest_fields("days_since_order")[0].startswith("days_since")


def test_an_offer_holds_its_conditions_and_comes_back_the_same() -> None:
    offer = Offer.model_validate({"offer_id": "a", "type": "coupon", "conditions": {"any": [ORDERS]}})
    assert offer.model_dump(mode="json")["conditions"] == {"any": [ORDERS]}
    assert Offer.model_validate_json(offer.model_dump_json()) == offer
    assert hash(offer.conditions) == hash(condition_from({"any": [ORDERS]}))


def test_an_offer_with_a_bad_condition_is_refused_as_a_field() -> None:
    with pytest.raises(ValidationError, match="there is no field order_cuont") as caught:
        Offer.model_validate({"offer_id": "a", "type": "coupon", "conditions": {**ORDERS, "field": "order_cuont"}})
    assert caught.value.errors()[0]["loc"] == ("conditions",)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_anything_else_is_refused_and_nothing_breaks(told: object) -> None:
    with pytest.raises(ConditionRefused):
        condition_from(told)
