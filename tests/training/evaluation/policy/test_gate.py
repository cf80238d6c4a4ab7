"""A policy takes the champion's place only where it earns more for certain and harms nobody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from features.decisions.policy import DecisionPolicy, Exploration
from features.settings import FeatureSettings
from tests.training.decision_shop import LOGGING, START, decisions, shop
from training.datasets.decision_rows import DecisionRows, decision_rows
from training.evaluation.policy.candidates import Candidate
from training.evaluation.policy.gate import Verdict, judge_promotion

LATE = START + timedelta(days=200)
ITEM = DecisionPolicy(name="item", ranking="best_single", single_offer="item:b", exploration=Exploration(share=0.1))  # type: ignore[arg-type]


def rows_of(folder: Path, *, leaving: float = 0.0, late: bool = True) -> DecisionRows:
    made = decisions(2000, rounds=1)
    warehouse, assumptions = shop(FeatureSettings(data_dir=folder), made, leaving=leaving)
    return decision_rows(made, warehouse, assumptions, LATE if late else START + timedelta(days=40))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> DecisionRows:
    return rows_of(tmp_path_factory.mktemp("shop"))


def verdict(rows: DecisionRows, candidate: DecisionPolicy, champion: DecisionPolicy = LOGGING) -> Verdict:
    return judge_promotion(rows, Candidate("candidate", candidate), Candidate("champion", champion), seed=1, draws=300)


def test_what_earns_more_and_harms_nobody_is_promoted(rows: DecisionRows) -> None:
    found = verdict(rows, ITEM)
    assert found.promoted, found.reasons
    assert [one.name for one in found.guardrails] == ["money", "unsubscribed", "repurchased_90d"]
    assert found.guardrails[0].low is not None
    assert found.guardrails[0].low > 0
    assert found.reasons == ()


def test_what_earns_less_is_not(rows: DecisionRows) -> None:
    found = verdict(rows, LOGGING, ITEM)
    assert not found.promoted
    assert any("not certainly above 0" in reason for reason in found.reasons)
    assert not found.guardrails[2].kept  # it would lose orders too


def test_more_by_luck_is_not_more_for_certain(rows: DecisionRows) -> None:
    silent = DecisionPolicy(name="silent", ranking="nothing", exploration=Exploration(share=0.02))  # type: ignore[arg-type]
    money = verdict(rows, silent, LOGGING).guardrails[0]  # silence has happened to earn more in these decisions
    assert money.difference is not None
    assert money.low is not None
    assert money.low < 0 < money.difference
    assert not money.kept


def test_what_drives_customers_away_is_not(tmp_path: Path) -> None:
    found = verdict(rows_of(tmp_path, leaving=0.1), ITEM)
    assert [one.kept for one in found.guardrails] == [True, False, True]
    assert "Unsubscriptions differ by" in found.reasons[0]


def test_nobody_is_promoted_before_repurchases_are_known(tmp_path: Path) -> None:
    found = verdict(rows_of(tmp_path, late=False), ITEM)
    assert [one.kept for one in found.guardrails] == [True, True, False]
    assert found.guardrails[2].difference is None
    assert "90 days old yet" in found.reasons[0]


def test_what_the_log_cannot_judge_is_not_promoted(rows: DecisionRows) -> None:
    same = verdict(rows, LOGGING)
    assert "as the champion does" in same.reasons[0]
    other = verdict(rows, ITEM.changed({"contact": {"cool_off_days": 1.0}}))
    assert "Its contact differ" in other.reasons[0]
    assert all(one.kept for one in other.guardrails)
