from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from training.evaluation.comparison import compare, judge_probabilities
from training.evaluation.ranking import (
    NONE,
    bootstrap_interval,
    bootstrap_intervals,
    coverage_at,
    hit_rate_at,
    membership,
    ndcg_at,
    ranked_lists,
    recall_at,
    repeat_share_at,
    score_rankings,
    top_k,
)

LISTS = np.array([[0, 1, 2], [3, 0, NONE]])
RELEVANT = sparse.csr_matrix(np.array([[1, 0, 1, 0, 1], [0, 1, 0, 0, 0]]))


def test_top_k_sorts_and_leaves_places_empty() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [-np.inf, -np.inf, 0.2]], np.float32)
    assert top_k(scores, 2).tolist() == [[1, 2], [2, NONE]]
    assert top_k(scores, 9).shape == (2, 3)


def test_membership_sees_pairs_and_no_empty_place() -> None:
    assert membership(LISTS, RELEVANT).tolist() == [[True, False, True], [False, False, False]]
    last = sparse.csr_matrix(np.array([[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]))  # row 1, column -1 must not reach back to row 0
    assert not membership(LISTS, last).any()
    assert not membership(LISTS, sparse.csr_matrix((2, 5))).any()


def test_measures_by_hand() -> None:
    hits, wanted = membership(LISTS, RELEVANT), np.array([3, 1])
    assert recall_at(hits, wanted, 3).tolist() == pytest.approx([2 / 3, 0])
    ideal = 1 + 1 / np.log2(3) + 0.5
    assert ndcg_at(hits, wanted, 3).tolist() == pytest.approx([(1 + 0.5) / ideal, 0])
    assert ndcg_at(hits, wanted, 1).tolist() == [1.0, 0.0]  # the ideal list is cut at k as well
    assert hit_rate_at(hits, 3).tolist() == [1.0, 0.0]
    assert coverage_at(LISTS, 5, 3) == pytest.approx(4 / 5)
    assert repeat_share_at(np.array([[True, False, True], [True, False, False]]), LISTS, 3).tolist() == pytest.approx([2 / 3, 1 / 2])


def test_customers_who_wanted_nothing_are_not_judged() -> None:
    scores = score_rankings(LISTS, RELEVANT, np.array([3, 0]), RELEVANT, cuts=(2, 3))
    assert scores.by_customer["recall_3"].tolist() == pytest.approx([2 / 3])
    assert scores.means()["coverage_2"] == pytest.approx(2 / 5)
    assert "explore_recall_3" in scores.named("explore_").by_customer


def test_bootstrap_covers_the_mean_and_narrows() -> None:
    random = np.random.default_rng(1)
    few, many = random.normal(0.3, 1, 50), random.normal(0.3, 1, 5000)
    low, high = bootstrap_interval(many, seed=1)
    assert low < many.mean() < high
    assert high - low == pytest.approx(4 * 0.98 / np.sqrt(5000), rel=0.15)
    assert np.subtract(*bootstrap_interval(few, seed=1)[::-1]) > 5 * (high - low)
    assert bootstrap_interval(many, seed=1) == (low, high)


def test_the_difference_is_taken_to_the_best_baseline_that_is_no_part() -> None:
    def scored(value: float) -> dict[str, object]:
        lists = np.array([[0], [0], [0], [0]]) if value else np.array([[1]] * 4)
        return {
            "": score_rankings(lists, sparse.csr_matrix(np.eye(1, 2).repeat(4, 0)), np.ones(4, int), sparse.csr_matrix((4, 2)), cuts=(1,))
        }

    metrics, intervals, differences = compare(
        scored(1),
        {"weak": scored(0), "strong": scored(1), "part": scored(1)},
        parts=("part",),
        seed=1,  # type: ignore[arg-type,dict-item]
    )
    assert metrics["recall_1"] == 1.0
    assert intervals["recall_1"] == (1.0, 1.0)
    assert differences["recall_1 vs strong"] == (0.0, 0.0)


def test_probabilities_are_judged_beside_a_constant() -> None:
    random = np.random.default_rng(2)
    p = random.uniform(0.01, 0.5, 20_000)
    measured = judge_probabilities(p, (random.random(len(p)) < p).astype(float), seed=1)
    assert measured["ece_candidates"] < 1.5 * measured["ece_candidates_if_perfect_95th"]
    assert measured["log_loss_candidates"] < measured["log_loss_candidates_constant"]


def test_intervals_of_several_series_are_those_of_each() -> None:
    random = np.random.default_rng(5)
    series = [random.random(40), random.random(40) ** 3, np.zeros(40)]
    together = bootstrap_intervals(series, seed=2, resamples=50)
    assert np.allclose(together, [bootstrap_interval(values, seed=2, resamples=50) for values in series], rtol=0, atol=1e-12)


def test_lists_are_the_same_in_blocks_and_rows_without_opinion_take_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    scores = random.random((30, 12)).astype(np.float32)
    scores[3] = 0.0
    owned = sparse.csr_matrix((random.random((30, 12)) < 0.3).astype(np.float32))
    fallback = np.arange(12, dtype=np.float32)
    rows = np.array([3, 7, 29, 1])
    whole = ranked_lists(lambda chosen: scores[chosen], owned, rows, 5, fallback=fallback)
    monkeypatch.setattr("training.evaluation.ranking._CELLS", 12)
    assert np.array_equal(whole, ranked_lists(lambda chosen: scores[chosen], owned, rows, 5, fallback=fallback))
    assert list(whole[0]) == [column for column in range(11, -1, -1) if not owned[3, column]][:5]
    expected = np.where(owned[7].toarray()[0] > 0, -np.inf, scores[7])
    assert list(whole[1]) == list(np.argsort(-expected)[:5])
    assert ranked_lists(lambda chosen: scores[chosen], owned, rows[:0], 5).shape == (0, 5)
