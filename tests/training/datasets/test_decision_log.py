"""The log reads records as the service writes them: what is as by default is left out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from features.decisions.policy import DecisionPolicy, Holdouts
from features.decisions.record import NO_ACTION, Considered, DecisionRecord, DroppedOffer, Factors
from features.decisions.record_columns import NUMBERS
from features.ledger.decisions import Decided, record_decisions, recorded_decisions
from features.ledger.ledger import open_ledger
from features.ledger.slates import KeptSlate
from features.settings import FeatureSettings
from features.sources.tabular.shop_assumptions import install_shop_assumptions
from training.datasets.decision_log import decision_log

NOW = datetime(2024, 5, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "days", "universal", "control"),
    [
        (DecisionPolicy(), 7, 0.05, 0.02),
        (DecisionPolicy(effect_days=14), 14, 0.05, 0.02),
        (DecisionPolicy(horizon_days=5), 5, 0.05, 0.02),  # effects are learned within the horizon
        (DecisionPolicy(holdouts=Holdouts(universal=0.0)), 7, 0.0, 0.02),
    ],
)
def test_what_a_record_leaves_out_is_read_as_the_default(
    tmp_path: Path, policy: DecisionPolicy, days: int, universal: float, control: float
) -> None:
    settings = FeatureSettings(data_dir=tmp_path)
    install_shop_assumptions(tmp_path, "EUR", ["wecom"])
    nothing = Considered(offer_id=NO_ACTION, type=NO_ACTION, propensity=1.0, policy_propensity=1.0, slot=1)
    record = DecisionRecord(decision_id="d1", customer_id="c1", now=NOW, channel="wecom", policy=policy, considered=(nothing,), seed=1)
    told = record.model_dump_json(exclude_defaults=True)
    ledger = open_ledger(settings)
    with ledger.database.writing() as connection:
        record_decisions(connection, [Decided("d1", "c1", NOW, "{}", record=told)])
    ledger.close()
    row = decision_log(settings).row(0, named=True)
    assert (row["learned_days"], row["universal"], row["model_control"]) == (days, universal, control)
    assert row["customer_id"] == "c1"


def in_columns(record: DecisionRecord) -> tuple[str, KeptSlate]:
    """A record as the service keeps it."""
    told = record.model_dump(mode="json")
    rows = told.pop("considered")
    factors = {name: [row["factors"][name] for row in rows] for name in (*NUMBERS, "tau_source")}
    offers = {name: [row[name] for row in rows] for name in ("offer_id", "type", "product_ids", "value", "policy_propensity")} | factors
    given = sorted((row["slot"], place) for place, row in enumerate(rows) if row["slot"] is not None)
    own = {name: told.pop(name) for name in ("decision_id", "now", "seed", "explored", "limit", "channel")}
    own |= {"slots": [place for _, place in given], "propensities": [row["propensity"] for row in rows]}
    fallen = told.pop("dropped")
    body = json.dumps({**told, "fallen": fallen, "offers": offers})
    return json.dumps(own), KeptSlate.of(body, record.customer_id)


def some_record(number: int) -> DecisionRecord:
    def offer(name: str, slot: int | None) -> Considered:
        kind = name if name == NO_ACTION else "coupon"
        factors = Factors(p0=0.2, p0_soon=None if number % 2 else 0.1, margin=number, discount=0.5)
        products = () if name == NO_ACTION else (f"p{number}", name)
        return Considered(offer_id=name, type=kind, product_ids=products, factors=factors, propensity=0.3, policy_propensity=0.2, slot=slot)

    return DecisionRecord(
        decision_id=f"d{number}",
        customer_id=f"c{number // 3}",
        now=NOW + timedelta(hours=number),
        channel="wecom",
        policy=DecisionPolicy(),
        considered=(offer("a", 2), offer("b", None), offer(NO_ACTION, 1)),
        dropped=(DroppedOffer(offer_id="x", type="item", step="eligible", code="ended", sentence_en="It had ended", sentence_zh="已结束"),),
        seed=number,
    )


def test_columns_are_read_as_rows_are(tmp_path: Path) -> None:
    logs = []
    records = [some_record(number) for number in range(9)]
    for form, alike in (("rows", False), ("columns", True)):
        settings = FeatureSettings(data_dir=tmp_path / form)
        install_shop_assumptions(settings.data_dir, "EUR", ["wecom"])
        ledger = open_ledger(settings)
        with ledger.database.writing() as connection:
            for record in records:
                own, slate = in_columns(record) if alike and record.seed % 4 else (record.model_dump_json(), None)
                record_decisions(connection, [Decided(record.decision_id, record.customer_id, record.now, "{}", record=own, slate=slate)])
        with ledger.database.reading() as connection:
            assert [DecisionRecord.model_validate_json(one.record) for page in recorded_decisions(connection) for one in page] == records
        ledger.close()
        logs.append(decision_log(settings))
    assert len(logs[0]) == 9
    assert_frame_equal(*logs)
