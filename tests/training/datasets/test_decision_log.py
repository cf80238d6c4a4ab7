"""The log reads records as the service writes them: what is as by default is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.decisions.policy import DecisionPolicy, Holdouts
from features.decisions.record import NO_ACTION, Considered, DecisionRecord
from features.ledger.decisions import Decided, record_decisions
from features.ledger.ledger import open_ledger
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
