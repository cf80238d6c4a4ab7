"""No discount follows who somebody is: neither by a condition nor by what offers' effects are learned from."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from features.decisions.sensitive import SENSITIVE_TAGS, is_sensitive, sensitive_fields
from features.decisions.state import STATE
from features.definitions.profile import FEATURES
from features.offers.offer import Offer
from training.artifacts.effect_design import COLUMNS


def offer(conditions: dict[str, Any] | None, **more: Any) -> Offer:
    return Offer.model_validate({"offer_id": "o", "type": "coupon", "conditions": conditions, **more})


def test_everything_of_the_profile_is_sensitive() -> None:
    assert sensitive_fields() == set(FEATURES)
    assert {"age_from", "income_from", "household_size", "children_count", "is_married"} <= sensitive_fields()


def test_what_effects_are_learned_from_holds_none_of_it() -> None:
    assert sensitive_fields().isdisjoint(STATE)
    assert not [column for column in COLUMNS for name in sensitive_fields() if name in column]


@pytest.mark.parametrize("gives", [{"discount": 5, "margin": 9}, {"discount_share": 0.1}])
@pytest.mark.parametrize("field", sorted(sensitive_fields()))
def test_a_discount_by_who_somebody_is_is_refused_when_written(field: str, gives: dict[str, float]) -> None:
    hidden = {"any": [{"field": "order_count", "op": "gt", "value": 3}, {"not": {"field": field, "op": "ge", "value": 1}}]}
    with pytest.raises(ValidationError, match=f"conditions ask for {field} while the offer gives a discount"):
        offer(hidden, **gives)
    assert offer(hidden).conditions is not None  # without a discount anybody may be addressed
    with pytest.raises(ValidationError, match=field):
        offer({"field": field, "op": "not_null"}, **gives)


def test_tags_that_tell_the_same_are_refused_and_others_are_not() -> None:
    for kind in SENSITIVE_TAGS:
        assert is_sensitive("tags", f"{kind}:x")
        with pytest.raises(ValidationError, match="tags"):
            offer({"field": "tags", "op": "contains", "value": f"{kind}:x"}, discount_share=0.1)
    assert offer({"field": "tags", "op": "contains", "value": "tag:敏感肌"}, discount_share=0.1).discount_share == 0.1
    assert offer({"field": "order_count", "op": "gt", "value": 3}, discount_share=0.1).conditions is not None
