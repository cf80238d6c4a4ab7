"""Decisions and what came of them: the window, the money, the holdouts, no look ahead."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.assumptions import Assumptions, load_assumptions
from features.decisions.policy import DecisionPolicy, Holdouts
from features.decisions.record import Holdout
from features.errors import TooLittleHistory
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from tests.permitted import write_warehouse
from tests.shop import ASSUMPTIONS
from tests.training.decision_shop import LOGGING, START, considered, decisions, record, shop
from training.datasets.decision_inputs import decision_inputs
from training.datasets.decision_rewards import order_margins
from training.datasets.decision_rows import HoldoutRows, decision_rows, logged_decisions

LATE = START + timedelta(days=200)
SILENT = DecisionPolicy.model_validate({"exploration": {"share": 0.0}, "ranking": "best_single", "single_offer": "no_action"})


def order(order_id: str, after_days: float, *, customer: str = "c0", amount: float = 100.0, coupon: float = 0.0) -> dict[str, Any]:
    at = START + timedelta(days=after_days)
    return {"order_id": order_id, "customer_id": customer, "ordered_at": at, "store_id": None, "amount": amount,
            "discount": coupon, "coupon_discount": coupon, "line_count": 1, "quantity": 1.0}  # fmt: skip


@pytest.fixture
def assumptions(tmp_path: Path) -> Assumptions:
    (tmp_path / "a.toml").write_text(ASSUMPTIONS, encoding="utf-8")
    return load_assumptions(tmp_path / "a.toml")


def history(tmp_path: Path, *orders: dict[str, Any], **tables: list[dict[str, Any]]) -> Any:
    frames = {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in tables.items()}
    return write_warehouse(
        FeatureSettings(data_dir=tmp_path), {"orders": pl.DataFrame(orders), **frames}, {"source": "t"}, str(orders) + str(tables)
    )


def test_the_window_begins_after_the_moment_and_ends_with_the_horizon(tmp_path: Path, assumptions: Assumptions) -> None:
    rate = assumptions.margins.default
    inside = [order("moment after", 1e-6), order("end", 28.0)]
    outside = [order("at it", 0.0), order("before", -1.0), order("after the end", 28.001), order("other", 3.0, customer="c1")]
    warehouse = history(tmp_path, *inside, *outside)
    rows = decision_rows([record("c0", START, policy=SILENT)], warehouse, assumptions, LATE)
    assert rows.reward.tolist() == pytest.approx([2 * 100.0 * rate])
    assert (rows.taken.tolist(), rows.first.tolist(), rows.horizon_days) == ([0], [0, 3], 28)


def test_coupons_are_given_from_the_margin_and_messages_cost(tmp_path: Path, assumptions: Assumptions) -> None:
    rate = assumptions.margins.default
    warehouse = history(tmp_path, order("o", 3.0, amount=95.0, coupon=5.0))
    margins = order_margins(warehouse, assumptions)
    assert margins["margin"].to_list() == pytest.approx([rate * 100.0 - 5.0])
    sending = DecisionPolicy.model_validate({"exploration": {"share": 0.0}, "ranking": "best_single", "single_offer": "coupon:a"})
    of = next(r for r in (record(f"c{k}", START, policy=sending) for k in range(20)) if r.holdout is None)
    rows = decision_rows([of.model_copy(update={"customer_id": "c0"})], warehouse, assumptions, LATE)
    assert of.given[0].type == "coupon"
    assert rows.reward.tolist() == pytest.approx([rate * 100.0 - 5.0 - 0.1])


def test_the_margin_is_that_of_the_products_departments(tmp_path: Path, assumptions: Assumptions) -> None:
    department, rate = (
        next(iter(assumptions.margins.departments.items())) if assumptions.margins.departments else ("x", assumptions.margins.default)
    )
    product = {"product_id": "p", "name": None, "product_category": None, "department": department, "brand": None, "product_type": None,
               "package_size": None, "in_catalogue": True, "stock": None}  # fmt: skip
    line = {"order_id": "o", "line_number": 0, "customer_id": "c0", "ordered_at": START + timedelta(days=3), "product_id": "p",
            "quantity": 1.0, "amount": 100.0, "discount": 0.0}  # fmt: skip
    warehouse = history(tmp_path, order("o", 3.0), products=[product], order_lines=[line])
    assert order_margins(warehouse, assumptions)["margin"].to_list() == pytest.approx([rate * 100.0])


def test_what_is_given_back_within_the_window_earned_nothing(tmp_path: Path, assumptions: Assumptions) -> None:
    def refund(order_id: str, days: float) -> dict[str, Any]:
        return {"refund_id": f"r{order_id}", "line_number": 0, "customer_id": "c0", "refunded_at": START + timedelta(days=days),
                "product_id": None, "quantity": 1.0, "amount": 100.0, "order_id": order_id, "order_line_number": None}  # fmt: skip

    orders = [order("back", 2.0), order("kept", 3.0), order("later back", 4.0), order("older", -5.0)]
    warehouse = history(tmp_path, *orders, refunds=[refund("back", 9.0), refund("later back", 40.0), refund("older", 2.0)])
    rows = decision_rows([record("c0", START, policy=SILENT)], warehouse, assumptions, LATE)
    assert rows.reward.tolist() == pytest.approx([2 * 100.0 * assumptions.margins.default])


def test_nothing_after_the_horizon_moves_a_reward(tmp_path: Path, assumptions: Assumptions) -> None:
    records = decisions(40)
    before = shop(FeatureSettings(data_dir=tmp_path / "before"), records)[0]
    told = decision_rows(records, before, assumptions, LATE)
    cut = START + timedelta(days=28)
    seen = [row for row in before.read("orders").iter_rows(named=True) if row["ordered_at"] <= cut]
    later = [order(f"new{k}", 28.1 + k, customer=f"c{k}", amount=1e6) for k in range(40)]
    early = [r for r in records if r.now == START]
    alone = decision_rows(early, history(tmp_path / "after", *seen, *later), assumptions, cut)
    first = [at for at, r in enumerate(told.records) if r.now == START]
    assert alone.reward.tolist() == pytest.approx(told.reward[first].tolist())


def test_only_matured_decisions_over_one_horizon(tmp_path: Path, assumptions: Assumptions) -> None:
    warehouse = history(tmp_path, order("o", 3.0))
    short = LOGGING.changed({"horizon_days": 7})
    made = [record("c0", START), record("c1", START, number=1), record("c2", START, policy=short), record("c3", START + timedelta(days=5))]
    nobody = record("c4", START).model_copy(update={"customer_id": None})
    rows = decision_rows([*made, nobody], warehouse, assumptions, START + timedelta(days=28), holdouts=HoldoutRows.DESIGN)
    assert sorted(r.customer_id or "" for r in rows.records) == ["c0", "c1"]
    assert rows.left_out == {"for nobody in particular": 1, "whose horizon is not over": 1, "over another horizon than 28 days": 1}
    with pytest.raises(TooLittleHistory, match=r"whose horizon is not over"):
        decision_rows([made[3]], warehouse, assumptions, START + timedelta(days=28))


def test_holdouts_by_what_was_drawn_by_the_design_or_not_at_all(tmp_path: Path, assumptions: Assumptions) -> None:
    policy = LOGGING.changed({"holdouts": Holdouts(universal=0.3, model_control=0.3).model_dump()})
    made = [record(f"c{k}", START, policy=policy) for k in range(60)]
    held = {h: sum(r.holdout is h for r in made) for h in (Holdout.UNIVERSAL, Holdout.MODEL_CONTROL)}
    assert min(held.values()) > 5
    warehouse = history(tmp_path, order("o", 3.0))
    drawn, design, without = (decision_rows(made, warehouse, assumptions, LATE, holdouts=rule) for rule in HoldoutRows)
    assert (len(drawn.records), len(design.records)) == (60 - held[Holdout.UNIVERSAL], 60)
    assert len(without.records) == 60 - sum(held.values())
    for rows in (drawn, design, without):
        assert np.add.reduceat(rows.propensity, rows.first[:-1]) == pytest.approx(np.ones(len(rows.records)))
    policy_p = np.array([one.policy_propensity for one in made[0].considered])
    at = next(k for k, r in enumerate(design.records) if r.decision_id == made[0].decision_id)
    assert design.propensity[design.first[at] : design.first[at + 1]] == pytest.approx(0.4 * policy_p + 0.3 * np.array([1, 0, 0]) + 0.1)
    control = next(k for k, r in enumerate(drawn.records) if r.holdout is Holdout.MODEL_CONTROL)
    assert drawn.propensity[drawn.first[control] : drawn.first[control + 1]] == pytest.approx(np.full(3, 1 / 3))


def test_decisions_come_from_the_ledger_under_the_customers_own_id(tmp_path: Path) -> None:
    from features.ledger import identities

    settings = FeatureSettings(data_dir=tmp_path)
    made = decisions(5, rounds=1)
    shop(settings, made)
    ledger = open_ledger(settings)
    with ledger.database.writing() as connection:
        identities.link(connection, "c1", "c0", at=START, source="test")
    found = {r.decision_id: r for r in logged_decisions(ledger)}
    ledger.close()
    assert found["d-c1-0"].customer_id == "c0"
    assert found["d-c2-0"] == made[2]


def test_inputs_hold_what_was_known_and_nothing_that_came_of_it() -> None:
    made = [record("c0", START), record("c1", START).model_copy(update={"state": {"p_order": 0.6}})]
    inputs = decision_inputs(made)
    assert inputs.shape[0] == 2 * len(considered())
    assert np.isfinite(inputs).all()
    assert not np.array_equal(inputs[0], inputs[3])
    again = decision_inputs(
        [r.model_copy(update={"considered": tuple(o.model_copy(update={"slot": None}) for o in r.considered)}) for r in made]
    )
    assert np.array_equal(inputs, again)
