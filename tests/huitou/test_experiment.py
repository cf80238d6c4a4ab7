"""`huitou experiment report` and `holdout` on the sample shop: customers met two arms in which nothing differs."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from features.decisions.assignment import arm_of, holdout_of
from features.decisions.experiment import Experiment
from features.decisions.policy import DecisionPolicy, Holdouts
from features.decisions.record import Considered, DecisionRecord
from features.ledger.catalogue import Kind, put_documents
from features.ledger.decisions import Decided, record_decisions
from features.ledger.exposures import Exposure
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.huitou.conftest import Huitou

HOLDOUTS = Holdouts(universal=0.3, model_control=0.0)


@pytest.fixture(scope="module")
def tried(built_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment") / "data"
    shutil.copytree(built_folder, folder)
    settings = FeatureSettings(data_dir=folder)
    warehouse = open_warehouse(settings)
    met = warehouse.last_event - timedelta(days=40)
    people = sorted(warehouse.read("customers")["customer_id"].to_list())
    told = {"arms": [{"name": "a"}, {"name": "b"}], "starts_at": met - timedelta(days=1), "metric": {"within_days": 28}}
    written = [
        Experiment.model_validate({"experiment_id": "fixed", "size": len(people) // 4, **told}).sized(),
        Experiment.model_validate({"experiment_id": "locked", "size": 10**6, **told}).sized(),
    ]
    ledger = open_ledger(settings)
    with ledger.database.writing() as connection:
        put_documents(connection, Kind.EXPERIMENT, {one.experiment_id: one.model_dump_json() for one in written}, at=met)
        decided = []
        for number, who in enumerate(people):
            record = DecisionRecord(
                decision_id=f"d{number}",
                customer_id=who,
                now=met,
                policy=DecisionPolicy(holdouts=HOLDOUTS),
                considered=(Considered(offer_id="no_action", type="no_action", propensity=1, policy_propensity=1, slot=1),),
                seed=0,
                holdout=holdout_of(who, HOLDOUTS),
            )
            exposures = tuple(Exposure(one.experiment_id, who, arm_of(who, one.salt or "", [("a", 1), ("b", 1)]), met) for one in written)
            decided.append(Decided(f"d{number}", who, met, "{}", record=record.model_dump_json(exclude_defaults=True), exposures=exposures))
        record_decisions(connection, decided)
    ledger.close()
    return folder


def test_a_report_reads_the_planned_customers(huitou: Huitou, tried: Path, tmp_path: Path) -> None:
    ran = huitou("experiment", "report", "fixed", "--data-dir", tried, "--json", tmp_path / "r.json")
    assert ran.code == 0, ran.err
    told = json.loads((tmp_path / "r.json").read_text())
    effect = told["reading"]["arms"][0]["effect"]
    assert sum(effect["customers"]) == told["reading"]["size"]
    assert effect["low"] <= effect["difference"] <= effect["high"]
    assert "waiting" in ran.out  # ninety days have not passed
    early = huitou("experiment", "report", "fixed", "--data-dir", tried, "--now", "2000-01-01")
    assert "there are 0" in early.err


def test_a_locked_one_says_so_and_an_unknown_one_names_the_others(huitou: Huitou, tried: Path) -> None:
    ran = huitou("experiment", "report", "locked", "--data-dir", tried)
    assert ran.code == 0
    assert "Planned for 1,000,000 customers" in ran.err
    assert "fixed, locked" in huitou("experiment", "report", "nowhere", "--data-dir", tried).refusal


def test_the_holdouts_lift(huitou: Huitou, tried: Path, tmp_path: Path) -> None:
    ran = huitou("experiment", "holdout", "--data-dir", tried, "--json", tmp_path / "h.json")
    assert ran.code == 0, ran.err
    told = json.loads((tmp_path / "h.json").read_text())["reading"]
    assert told["ratio"]["counts"]["policy"] > 0
    assert {one["against"] for one in told["lifts"]} == {"universal", "model_control"}
    for one in told["lifts"]:
        assert one["effect"] is None or one["effect"]["low"] <= 0 <= one["effect"]["high"]  # nothing was sent to anybody
