"""`huitou evaluate policy` and `huitou policy promote` on a shop whose effects are known."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.decisions.policy import DecisionPolicy, Exploration, load_policy
from features.ledger import consents
from features.ledger.consents import ANY, Purpose, State, Statement
from features.ledger.ledger import open_ledger
from features.ledger.tombstones import TOMBSTONES, pseudonym, pseudonym_key
from features.settings import FeatureSettings
from tests.huitou.conftest import Huitou
from tests.training.decision_shop import decisions, shop

ITEM = 'name = "item"\nranking = "best_single"\nsingle_offer = "item:b"\n[exploration]\nshare = 0.1\n'
LOGGED = 'name = "first"\n[exploration]\nshare = 0.6\nfloor = 1.0\ndraws = 0\n'


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    policy = DecisionPolicy(name="first", exploration=Exploration(share=0.6, floor=1.0, draws=0))
    shop(FeatureSettings(data_dir=folder), decisions(2000, policy=policy, rounds=1))
    return folder


@pytest.fixture
def item(tmp_path: Path) -> Path:
    file = tmp_path / "item.toml"
    file.write_text(ITEM, encoding="utf-8")
    return file


def test_a_table_of_policies(huitou: Huitou, data_dir: Path, item: Path, tmp_path: Path) -> None:
    (data_dir / "policy.toml").write_text(LOGGED, encoding="utf-8")
    out = tmp_path / "out" / "table.json"
    asked = ("--ranking", "propensity", "--exploration", "0", "--policy", str(item), "--json", str(out))
    done = huitou("evaluate", "policy", "--data-dir", str(data_dir), *asked)
    assert done.code == 0, done.err
    table = json.loads(out.read_text(encoding="utf-8"))
    names = [one["name"] for one in table["policies"]]
    assert names == ["logged", "in force", "always nothing", "uniform", str(item), "ranking propensity", "exploration 0"]
    assert table["policies"][4]["difference"]["dr"]["low"] > 0
    assert table["policies"][1]["difference"]["dr"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert "in the universal holdout" in table["left_out"]
    flat = " ".join(done.out.split())
    assert "the holdout measures that" in flat
    assert "1 decisions" not in flat
    again = huitou("evaluate", "policy", "--data-dir", str(data_dir), "--holdouts", "design", "--reward-model", "trees")
    assert again.code == 0, again.err
    assert "universal holdout" not in again.out


def test_who_withdrew_or_was_erased_is_not_judged_and_counted(huitou: Huitou, data_dir: Path, tmp_path: Path) -> None:
    mine, out = tmp_path / "shop", tmp_path / "table.json"
    shutil.copytree(data_dir, mine)
    (mine / "policy.toml").write_text(LOGGED, encoding="utf-8")
    asked = ("evaluate", "policy", "--data-dir", str(mine), "--json", str(out))
    assert huitou(*asked).code == 0
    before = json.loads(out.read_text(encoding="utf-8"))
    settings = FeatureSettings(data_dir=mine)
    ledger = open_ledger(settings)
    late = datetime(2100, 1, 1, tzinfo=UTC)
    with ledger.database.writing() as connection:
        consents.state(connection, [Statement(f"c{n}", Purpose.PROFILING, ANY, State.WITHDRAWN, late, "test") for n in range(300)])
        key = pseudonym_key(connection)  # a decision that came to the ledger after the wish, before the erasure was finished
        connection.execute(TOMBSTONES.insert(), [{"subject_hash": pseudonym(key, f"c{n}"), "erased_at": late} for n in range(300, 350)])
    ledger.close()
    done = huitou(*asked)
    assert done.code == 0, done.err
    after = json.loads(out.read_text(encoding="utf-8"))
    assert after["left_out"]["of customers who withdrew their consent or never gave it"] == 300
    assert after["left_out"]["of customers who were erased"] == 50
    assert "300 of customers who withdrew their consent or never gave it" in " ".join(done.out.split())
    assert after["decisions"] == before["decisions"] - sum(after["left_out"].values()) + sum(before["left_out"].values())
    # What they ordered is nobody's now: judged all the same, every offer would seem to have brought nothing.
    value = {name: one["policies"][0]["value"]["dr"] for name, one in (("before", before), ("after", after))}
    assert value["before"]["low"] < value["after"]["value"] < value["before"]["high"]


def test_a_better_policy_takes_the_place_of_the_one_in_force_and_the_audit_log_says_so(huitou: Huitou, data_dir: Path, item: Path) -> None:
    (data_dir / "policy.toml").write_text(LOGGED, encoding="utf-8")
    done = huitou("policy", "promote", str(item), "--data-dir", str(data_dir))
    assert done.code == 0, done.err
    assert load_policy(data_dir / "policy.toml") == load_policy(item)
    assert [path.name for path in data_dir.glob(".policy*")] == []
    entry = json.loads(huitou("audit", "list", "--data-dir", str(data_dir), "--json").out.splitlines()[-1])
    detail = json.loads(entry["detail"])
    assert (entry["action"], detail["to"]) == ("policy_promoted", load_policy(item).version)
    assert detail["differences"]["money"][1] > 0
    assert huitou("policy", "show", "--data-dir", str(data_dir)).out.startswith("item@")
    # And not once more: it is in force.
    assert "as the champion does" in huitou("policy", "promote", str(item), "--data-dir", str(data_dir)).refusal


def test_a_worse_policy_stays_out_with_the_reason(huitou: Huitou, data_dir: Path, item: Path, tmp_path: Path) -> None:
    (data_dir / "policy.toml").write_text(ITEM, encoding="utf-8")
    worse = tmp_path / "worse.toml"
    worse.write_text(LOGGED, encoding="utf-8")
    done = huitou("policy", "promote", str(worse), "--data-dir", str(data_dir))
    assert done.code == 1
    assert "was not put in force" in done.refusal
    assert "not certainly above 0" in done.refusal
    assert (data_dir / "policy.toml").read_text(encoding="utf-8") == ITEM


def test_what_does_not_do_is_said(huitou: Huitou, data_dir: Path, tmp_path: Path) -> None:
    where = ("--data-dir", str(data_dir))
    assert huitou("evaluate", "policy", *where, "--ranking", "best").code == 2
    assert huitou("evaluate", "policy", *where, "--holdouts", "none").code == 2
    assert huitou("evaluate", "policy", *where, "--clip", "0").code == 2
    assert "is no file" in huitou("evaluate", "policy", *where, "--policy", str(tmp_path / "none.toml")).refusal
    assert "was given twice" in huitou("evaluate", "policy", *where, "--exploration", "0", "--exploration", "0").refusal
    assert "is no file" in huitou("policy", "promote", str(tmp_path / "none.toml"), *where).refusal
    assert "whose horizon is not over" in huitou("evaluate", "policy", *where, "--now", "2026-01-20").refusal
