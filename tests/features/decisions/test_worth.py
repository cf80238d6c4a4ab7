"""What an offer is worth, and that what is explained of it adds up to that."""

from __future__ import annotations

import pytest

from features.decisions.breakdown import breakdown
from features.decisions.policy import DecisionPolicy, Value
from features.decisions.record import Considered, Factors
from features.decisions.slate import FactorColumns
from features.decisions.worth import worth

LASTING = Factors(p0=0.6, tau=0.1, margin=10.0, discount=2.0, contact_cost=0.02)
WEEK = LASTING.model_copy(update={"p0_valid": 0.2})


def value(factors: Factors, **rules: object) -> float:
    return float(worth([factors], Value.model_validate(rules)).mean[0])


def test_a_discount_is_charged_for_those_who_would_come_while_it_can_be_had() -> None:
    assert value(LASTING) == pytest.approx(0.1 * 10 - (0.6 + 0.1) * 2 - 0.02)
    assert value(WEEK) == pytest.approx(0.1 * 10 - (0.2 + 0.1) * 2 - 0.02)
    assert value(WEEK, budget_price=0.5) == pytest.approx(0.1 * 10 - (0.2 + 0.1) * 2 * 1.5 - 0.02 * 1.5)
    assert value(WEEK, discount=False) == value(LASTING, discount=False)
    assert value(WEEK, uplift=False) == value(LASTING, uplift=False), "there every response is taken for caused"


@pytest.mark.parametrize("factors", [LASTING, WEEK])
@pytest.mark.parametrize("rules", [{}, {"uplift": False}, {"budget_price": 0.5}, {"discount": False}])
def test_the_parts_sum_to_the_value_and_say_who_gets_the_discount(factors: Factors, rules: dict[str, object]) -> None:
    one = Considered(offer_id="c", type="coupon", factors=factors, propensity=0.5, policy_propensity=0.5)
    parts = breakdown(one, DecisionPolicy().changed({"value": rules}))
    assert sum(part.amount for part in parts) == pytest.approx(value(factors, **rules))
    assert ("20.0%" in parts[1].sentence_en) == ("20.0%" in parts[1].sentence_zh) == (factors is WEEK)


def test_rows_become_columns_and_rows_again() -> None:
    columns = FactorColumns.of([LASTING, WEEK])
    assert [columns.row(0), columns.row(1)] == [LASTING, WEEK]
