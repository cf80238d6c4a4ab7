"""`huitou audit prices`: from decision records to groups, and when it objects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from features.decisions.policy import DecisionPolicy
from features.decisions.record import Considered, DecisionRecord, Factors, Holdout
from features.errors import HuitouError
from features.ledger import identities
from features.ledger.decisions import Decided, record_decisions
from features.ledger.ledger import Ledger, open_ledger
from features.settings import FeatureSettings
from huitou.main import app
from tests.serving.small_shop import CUSTOMERS, write_small_shop

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prices") / "data"
    write_small_shop(folder)
    (folder / "policy.toml").write_text("[fairness]\nmost_spread = 2.0\n", encoding="utf-8")
    return folder


@pytest.fixture
def ledger(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Ledger]:
    address = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("HUITOU_LEDGER_URL", address)
    ledger = open_ledger(FeatureSettings(data_dir=shop, ledger_url=address), clock=lambda: NOW)
    yield ledger
    ledger.close()


def decided(number: int, who: str, stage: str, discount: float, *, holdout: Holdout | None = None, record: str | None = "") -> Decided:
    nothing = Considered(offer_id="no_action", type="no_action", propensity=0.5, policy_propensity=0.5, slot=2)
    coupon = Considered(
        offer_id="c", type="coupon", factors=Factors(discount=discount, margin=20), propensity=0.5, policy_propensity=0.5, slot=1
    )
    made = DecisionRecord(
        decision_id=f"d{number}",
        customer_id=who,
        now=NOW,
        policy=DecisionPolicy(),
        considered=(coupon, nothing),
        seed=1,
        holdout=holdout,
    )
    body = json.dumps({"stage": stage, "layer": "regular"})
    return Decided(f"d{number}", who, NOW, body, record=made.model_dump_json(exclude_defaults=True) if record == "" else record)


def fill(ledger: Ledger, loyal: float, buyers: float) -> None:
    with ledger.database.writing() as connection:
        identities.link(connection, "card", CUSTOMERS[0], at=NOW, source="test")
        told = [decided(n, who, "loyal" if n % 2 else "buyer", loyal if n % 2 else buyers) for n, who in enumerate(CUSTOMERS)]
        told += [
            decided(1001, "card", "buyer", buyers),
            decided(1002, CUSTOMERS[1], "loyal", 500.0, holdout=Holdout.MODEL_CONTROL),
            decided(1003, CUSTOMERS[1], "loyal", 500.0, record=None),
            decided(1004, CUSTOMERS[1], "loyal", 500.0, record='{"format": 99}'),
        ]
        record_decisions(connection, told)


def run(shop: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", "prices", "--data-dir", str(shop), *arguments])


def test_a_spread_within_the_policy_is_printed(shop: Path, ledger: Ledger) -> None:
    fill(ledger, loyal=6.0, buyers=4.0)
    found = run(shop, "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.output)
    means = {(group["attribute"], group["group"]): (group["mean"], group["customers"], group["decisions"]) for group in told["groups"]}
    half = len(CUSTOMERS) // 2
    assert means["stage", "buyer"] == (4.0, half, half + 1)  # the card's decision is its customer's
    assert means["stage", "loyal"] == (6.0, half, half)  # neither the holdout's nor what kept no record
    assert means["layer", "regular"][1] == len(CUSTOMERS)
    spread = next(one for one in told["spreads"] if one["attribute"] == "stage")
    assert (spread["ratio"], spread["objects"]) == (1.5, False)
    assert "By stage, loyal against buyer: 1.50 times" in run(shop).output


def test_one_beyond_it_fails_and_names_the_groups(shop: Path, ledger: Ledger) -> None:
    fill(ledger, loyal=9.0, buyers=0.0)
    found = run(shop, "--json")
    assert isinstance(found.exception, HuitouError)
    assert "By stage, loyal was offered at least" in str(found.exception)
    assert json.loads(found.output)["spreads"][0]["ratio"] is None


def test_without_records_nothing_is_said(shop: Path, ledger: Ledger) -> None:
    found = run(shop)
    assert (found.exit_code, "nothing can be said" in found.output) == (0, True)
