"""Candidates are asked through the code that decides, and the truth of a shop that is known comes out."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from features.decisions.policy import DecisionPolicy, Exploration, Value
from features.errors import HuitouError
from features.settings import FeatureSettings
from tests.training.decision_shop import AMOUNT, BASE, ITEM, LOGGING, START, decisions, shop
from training.datasets.decision_rows import DecisionRows, HoldoutRows, decision_rows
from training.evaluation.policy.candidates import LOGGED, NOTHING, UNIFORM, Candidate, probabilities
from training.evaluation.policy.policy_comparison import CAVEAT, PolicyComparison, compare_policies

LATE = START + timedelta(days=200)
BEST_ITEM = DecisionPolicy(name="item", ranking="best_single", single_offer="item:b", exploration=Exploration(share=0.0))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> DecisionRows:
    made = decisions(800)
    warehouse, assumptions = shop(FeatureSettings(data_dir=tmp_path_factory.mktemp("shop")), made)
    return decision_rows(made, warehouse, assumptions, LATE)


@pytest.mark.parametrize(
    "candidate",
    [Candidate(LOGGED), Candidate(NOTHING), Candidate(UNIFORM), Candidate("p", LOGGING), Candidate("item", BEST_ITEM)],
    ids=lambda one: one.name,
)
def test_probabilities_sum_to_one_in_every_decision(rows: DecisionRows, candidate: Candidate) -> None:
    assert np.add.reduceat(probabilities(rows, candidate), rows.first[:-1]) == pytest.approx(np.ones(len(rows.records)))


def test_the_logged_policy_asked_again_says_what_was_logged(rows: DecisionRows) -> None:
    assert probabilities(rows, Candidate("again", LOGGING)) == pytest.approx(probabilities(rows, Candidate(LOGGED)))


def test_another_horizon_is_refused(rows: DecisionRows) -> None:
    with pytest.raises(HuitouError, match=r"short: its horizon_days is 7, .* valued for 28 days"):
        probabilities(rows, Candidate("short", LOGGING.changed({"horizon_days": 7})))


def test_values_come_close_to_the_truth(rows: DecisionRows) -> None:
    greedy = LOGGING.changed({"name": "no exploring", "exploration": {"share": 0.0}})
    blind = LOGGING.changed({"name": "blind", "value": Value(uplift=False).model_dump(), "contact": {"cool_off_days": 1.0}})
    candidates = [
        Candidate(LOGGED),
        Candidate(NOTHING),
        Candidate("item", BEST_ITEM),
        Candidate("greedy", greedy),
        Candidate("blind", blind),
    ]
    table = compare_policies(rows, candidates, champion=LOGGED, holdouts=HoldoutRows.DRAWN, seed=1, draws=300)
    line = {one.name: one for one in table.policies}
    margin = 0.25 * AMOUNT
    true = {NOTHING: BASE * margin, "item": (BASE + ITEM) * margin - 0.1}
    for name, value in true.items():
        found = line[name].value["dr"]
        assert found.low is not None
        assert found.high is not None
        assert found.low < value < found.high
    better = line["item"].difference["dr"]
    assert better.low is not None
    assert better.low > 0
    assert (line["item"].sent, line[NOTHING].sent) == (1.0, 0.0)
    assert line["item"].value["dm"].low is None
    assert line[LOGGED].difference == {}
    assert "contact differ" in line["blind"].warnings[-1]
    assert table.caveat == CAVEAT
    assert PolicyComparison.model_validate_json(table.model_dump_json()) == table
