"""docs/offers.md: its offer is taken, its conditions are judged as it says, its lists are complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

from features.assumptions import Catalogue, Offers
from features.offers.conditions import Op, condition_from
from features.offers.customer_conditions import judge_of
from features.offers.fields import OTHERS
from features.offers.offer import Offer
from serving.offers.offer_types import WRITABLE

PAGE = (Path(__file__).parents[2] / "docs" / "offers.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)]


def test_the_offer_is_taken_and_its_conditions_hold_for_whom_they_say() -> None:
    offer = Offer.model_validate(EXAMPLES[0])
    assert WRITABLE[offer.type](offer) is None
    assert offer.conditions is not None
    judge = judge_of(offer.conditions)
    known = {"order_count": 3.0, "tags": {"tag:敏感肌"}, "days_until_birthday": None, "channel_left": 0.0}
    assert judge(known.__getitem__)
    assert judge({**known, "tags": set(), "days_until_birthday": 14}.__getitem__)
    assert not judge({**known, "tags": set()}.__getitem__)
    assert not judge({**known, "channel_left": 1.0}.__getitem__)


def test_a_comparison_with_what_is_not_known_is_false() -> None:
    conditions = EXAMPLES[1:]
    assert [told["op"] for told in conditions] == ["gt", "le"]
    assert not any(judge_of(condition_from(told))({"days_since_last_order": None}.__getitem__) for told in conditions)


def test_every_field_type_op_and_bound_is_named() -> None:
    fields = {name for name in Offer.model_fields if f"`{name}`" not in PAGE}
    assert fields == set()
    assert {name for name in WRITABLE if f"`{name}`" not in PAGE} == set()
    assert {field.name for field in OTHERS if f"`{field.name}`" not in PAGE} == set()
    assert {op.value for op in Op if op.value not in PAGE} == set()
    named = set(re.findall(r"`(?:\[catalogue\] )?([a-z]\w+)`", PAGE))
    assert {"birthday_within_days", "no_discounts_from_share", "tier_points"} <= named & set(Offers.model_fields)
    assert "durable_categories" in named & set(Catalogue.model_fields)
