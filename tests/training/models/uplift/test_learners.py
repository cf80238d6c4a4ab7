"""Every learner finds an effect that is there, on numbers, categories and gaps, for a 0/1 and for a numeric outcome."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.training.models.uplift.planted import planted
from training.evaluation.uplift import qini_coefficient
from training.models.uplift.boosted import BoostedConfig
from training.models.uplift.chosen import Chosen, ChosenConfig, preferred
from training.models.uplift.experiment import Learner
from training.models.uplift.linear_design import LinearDesign
from training.models.uplift.meta_learners import DrLearner, Response, SLearner, TwoModel, XLearner
from training.models.uplift.risk_modified import EffectConfig, Residuals, RidgePath, RiskModified
from training.models.uplift.tree_size import SIZES, Sized

SMALL = BoostedConfig(num_leaves=6, rounds=40, min_data_in_leaf=50)
LEARNERS: list[Learner] = [TwoModel(SMALL), SLearner(SMALL), XLearner(SMALL), DrLearner(SMALL), RiskModified()]


@pytest.mark.parametrize("kind", ["binary", "number"])
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
def test_the_people_with_the_greater_effect_come_first(learner: Learner, kind: str) -> None:
    experiment, _ = planted(kind, seed=1)
    new, effect = planted(kind, seed=2)
    score = learner.fit(experiment, seed=1)(new.inputs)
    assert np.isfinite(score).all()
    assert spearmanr(score, effect).statistic > 0.5
    assert (learner.fit(experiment, seed=1)(new.inputs) == score).all()


def test_a_response_model_ranks_by_response() -> None:
    experiment, _ = planted(seed=1)
    new, effect = planted(seed=2)
    score = Response(SMALL).fit(experiment, seed=1)(new.inputs)
    assert spearmanr(score, new.inputs[:, 0]).statistic > spearmanr(score, effect).statistic


@pytest.mark.parametrize("kind", ["binary", "number"])
def test_an_effect_on_those_of_whom_little_is_expected_needs_the_risk(kind: str) -> None:
    experiment, _ = planted(kind, people=8000, seed=3, shape="risk")
    new, effect = planted(kind, people=8000, seed=4, shape="risk")
    score = RiskModified(EffectConfig(by_risk=True)).fit(experiment, seed=1)(new.inputs)
    assert score[effect > 0].mean() > score[effect == 0].mean()
    assert spearmanr(score, effect).statistic > 0.6


def test_the_effect_model_is_on_the_outcome_s_scale() -> None:
    experiment, effect = planted(people=20_000, seed=5)
    score = RiskModified(EffectConfig(penalty=30.0)).fit(experiment, seed=1)(experiment.inputs)
    for flag in (0.0, 1.0):
        mask = experiment.inputs[:, 1] == flag
        assert score[mask].mean() == pytest.approx(effect[mask].mean(), abs=0.04)


def test_the_expected_response_of_a_row_never_saw_its_outcome() -> None:
    experiment, _ = planted(people=400, seed=6)
    turned = experiment.outcome.copy()
    turned[7] = 1 - turned[7]
    before = Residuals.of(experiment, seed=1).risk
    other = type(experiment)(experiment.inputs, experiment.levels, experiment.treated, turned)
    after = Residuals.of(other, seed=1).risk
    # rescaling apart (mean and deviation are over all rows), row 7 keeps its place: it moved no more than its own fold's other rows
    same_fold = np.random.default_rng(1).permutation(400) % 5
    mates = np.flatnonzero(same_fold == same_fold[7])
    slope, level = np.polyfit(before[mates], after[mates], 1)
    assert after[7] == pytest.approx(slope * before[7] + level, abs=1e-6)


def test_the_ridge_path_is_a_weighted_ridge() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    columns, weight = rng.normal(size=(300, 4)) * [1, 10, 1, 1] + 3, rng.random(300) + 0.5
    target = columns[:, 0] - 0.2 * columns[:, 1] + rng.normal(size=300)
    scaled = columns / columns.std(axis=0)
    for penalty in (0.1, 50.0):
        expected = Ridge(alpha=penalty).fit(scaled, target, sample_weight=weight).predict(scaled)
        assert RidgePath.of(columns, target, weight).predict(columns, penalty) == pytest.approx(expected)


def test_the_design_copes_with_gaps_rare_categories_and_constants() -> None:
    rng = np.random.default_rng(0)
    inputs = np.column_stack([rng.normal(size=500), np.full(500, 2.0), rng.integers(0, 3, 500), np.full(500, np.nan)])
    inputs[:50, 0] = np.nan
    inputs[0, 2] = 3.0  # once only
    design = LinearDesign.of(inputs, (0, 0, 4, 0))
    columns = design(inputs)
    assert columns.mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    assert columns.std(axis=0) == pytest.approx(1.0)
    # number, five fifths, unknown; three common categories; no constant
    assert [part for part in design.parts if part[0] == 0] == [(0, None), *((0, k) for k in range(5)), (0, -1)]
    assert [part for part in design.parts if part[0] > 0] == [(2, 0), (2, 1), (2, 2)]
    odd = design(np.array([[1e12, np.nan, 9.0, 1.0]]))
    assert np.isfinite(odd).all()
    assert np.abs(odd).max() < 10


def test_the_choice_needs_evidence_to_leave_the_first() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (5, 3))
    assert preferred(noise + np.array([0.1, 0.1, 0.1]), doubt=3.0) == 0
    assert preferred(noise + np.array([0.1, 0.1, 0.2]), doubt=1.0) == 2
    assert preferred(np.array([[0.1, 0.3], [0.1, 0.0], [0.1, 0.1]]), doubt=1.0) == 0
    assert preferred(np.array([[0.1, 0.3], [0.1, 0.0], [0.1, 0.1]]), doubt=0.0) == 1


def test_chosen_takes_trees_where_only_they_can_see_the_effect() -> None:
    experiment, _ = planted("number", people=3000, seed=7, shape="pair")
    new, effect = planted("number", people=3000, seed=8, shape="pair")
    learner = Chosen(ChosenConfig(inner_folds=3))
    score = learner.fit(experiment, seed=1)(new.inputs)
    assert learner.picks[0] == "effect trees"
    assert spearmanr(score, effect).statistic > 0.5
    linear = RiskModified().fit(experiment, seed=1)(new.inputs)
    assert qini_coefficient(score, new.outcome, new.treated) > qini_coefficient(linear, new.outcome, new.treated)


def test_chosen_keeps_the_effect_by_risk_where_a_trait_tells_it() -> None:
    experiment, _ = planted(people=2500, seed=9)
    learner = Chosen(ChosenConfig(inner_folds=3, trees=False))
    learner.fit(experiment, seed=1)
    assert learner.picks[0].startswith(("effect by risk", "linear effect"))
    assert len(learner.candidates()) == 6


def test_a_peer_s_trees_are_sized_within_its_rows() -> None:
    experiment, _ = planted("number", people=900, seed=10)
    peer = Sized(TwoModel)
    score = peer.fit(experiment, seed=1)(experiment.inputs)
    assert np.isfinite(score).all()
    assert len(peer.picks) == 1
    assert peer.picks[0] in range(len(SIZES))
