"""Comparisons in columns hold of whom the function of one customer says they hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.feature_sets import CUSTOMER
from features.offers.customer_conditions import judge_of
from features.offers.offer import Offer
from serving.offers.book import WrittenOffer
from serving.offers.condition_columns import ConditionColumns

FIELDS = ("order_count", "days_since_last_order", "amount_mean")
PLACES = [CUSTOMER.columns.index(name) for name in FIELDS]
numbers = st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.0])


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    op = draw(st.sampled_from(["lt", "le", "gt", "ge", "between", "eq", "is_null", "not_null", "in"]))
    pair = sorted([draw(numbers), draw(numbers)])
    value = {"between": pair, "in": pair, "is_null": None, "not_null": None}.get(op, pair[0])
    return {"field": draw(st.sampled_from(FIELDS)), "op": op} | ({} if value is None else {"value": value})


conditions = st.one_of(
    comparisons(),
    st.lists(comparisons(), min_size=1, max_size=3).map(lambda parts: {"all": parts}),
    st.lists(comparisons(), min_size=1, max_size=2).map(lambda parts: {"any": parts}),
)


@given(st.lists(conditions, max_size=8), st.lists(st.one_of(numbers, st.just(math.nan)), min_size=3, max_size=3))
def test_both_readings_agree(asked: list[dict[str, Any]], told: list[float]) -> None:
    offers = [Offer.model_validate({"offer_id": f"o{i}", "type": "coupon", "conditions": one}) for i, one in enumerate(asked)]
    written = [WrittenOffer(one, judge_of(one.conditions)) for one in [*offers, Offer(offer_id="free", type="coupon")] if one.conditions]
    written.append(WrittenOffer(Offer(offer_id="free", type="coupon")))
    vector = np.full(len(CUSTOMER.columns), np.nan)
    vector[PLACES] = told
    columns = ConditionColumns.of(written)
    refused, nobody = columns.refused(vector), columns.refused(None)
    values = dict(zip(FIELDS, told, strict=True))
    for place, one in enumerate(written):
        judged = one.suits is None or one.suits(values.__getitem__)
        assert not (refused[place] and judged), "what is refused here does not suit"
        if columns.offers[place]:
            assert refused[place] != judged
            assert nobody[place]
    assert not columns.offers[-1]


def test_plain_comparisons_are_all_judged_in_columns() -> None:
    asked = {"all": [{"field": "order_count", "op": "ge", "value": 2}, {"field": "amount_mean", "op": "between", "value": [1, 9]}]}
    offer = Offer.model_validate({"offer_id": "o", "type": "coupon", "conditions": asked})
    assert ConditionColumns.of([WrittenOffer(offer, lambda _: True)]).offers.tolist() == [True]
