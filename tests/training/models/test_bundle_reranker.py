"""The re-ranker: never what a user owns, never what was hidden, and better than the first ranking where contents tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.datasets.pair_split import hold_out
from training.evaluation.ranking import NONE, score_rankings
from training.models import bundle_reranker
from training.models.bundle_candidates import Knowledge
from training.models.bundle_reranker import RerankerSettings, RerankerTrees, fit_reranker, know, label_candidates
from training.models.stacked_als import StackedAlsSettings

SETTINGS = RerankerSettings(
    # a factorisation told almost nothing of contents, so that the trees have something to find
    stack=StackedAlsSettings(factors=4, regularization=20.0, iterations=3, item_weight=0.01, content_weight=0.01),
    trees=RerankerTrees(rounds=60, min_data_in_leaf=20, num_leaves=7),
    candidates=40,
)


@pytest.fixture(scope="module")
def pairs() -> BundlePairs:
    """200 users who take the bundles that hold their own items."""
    random = np.random.default_rng(0)
    contents = (random.random((60, 80)) < 0.08).astype(np.float32)
    items = (random.random((200, 80)) < 0.1).astype(np.float32)
    pull = items @ contents.T + random.gumbel(0, 0.4, (200, 60))
    bought = (pull >= np.sort(pull, axis=1)[:, [-6]]).astype(np.float32)
    return BundlePairs(*(sparse.csr_matrix(block) for block in (bought, items, contents)))


def ndcg(lists: np.ndarray, hidden: sparse.csr_matrix, owned: sparse.csr_matrix) -> float:
    return score_rankings(lists, hidden, np.diff(hidden.indptr).astype(np.int64), owned, cuts=(10,)).means()["ndcg_10"]


def test_it_finds_what_the_factorisation_was_not_told(pairs: BundlePairs) -> None:
    stays, hidden = hold_out(pairs.bought, 5, seed=1)
    reranker = fit_reranker(pairs.knowing(stays), SETTINGS, seed=1, threads=1)
    users = np.arange(200)
    first = replace(reranker, boosters=[]).lists(users, 10)
    again = reranker.lists(users, 10)
    assert ndcg(again, hidden, stays) > ndcg(first, hidden, stays) + 0.1
    assert np.array_equal(again, fit_reranker(pairs.knowing(stays), SETTINGS, seed=1, threads=1).lists(users, 10))


def test_nobody_is_recommended_what_they_own(pairs: BundlePairs) -> None:
    known = know(pairs, SETTINGS.stack, seed=1, threads=1)
    found = known.candidates(np.arange(200), 60)
    owned = pairs.bought.toarray()[np.arange(200)[:, None], found.bundles] > 0
    assert np.array_equal(owned, found.vacant)
    lists = bundle_reranker.Reranker([], known, 60).lists(np.arange(200), 60)
    assert ((lists == NONE).sum(axis=1) == np.diff(pairs.bought.indptr)).all()
    assert np.isfinite(found.columns).all()


def test_what_is_known_never_holds_the_hidden_pairs(pairs: BundlePairs, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[sparse.csr_matrix] = []
    true_know = bundle_reranker.know

    def watched(known: BundlePairs, *args: object, **named: object) -> Knowledge:
        seen.append(known.bought)
        return true_know(known, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(bundle_reranker, "know", watched)
    labelled = label_candidates(pairs, SETTINGS, seed=1, threads=1)
    missing = [pairs.bought - known for known in seen]
    assert len(seen) == SETTINGS.folds
    assert (sum(missing[1:], missing[0]) != pairs.bought).nnz == 0  # each pair is hidden exactly once
    assert 0 < labelled.hidden.sum() <= pairs.bought.nnz
    assert labelled.columns.shape == (len(labelled.hidden), len(labelled.names))


def test_large_data_is_cut_into_blocks_without_changing_anything(pairs: BundlePairs, monkeypatch: pytest.MonkeyPatch) -> None:
    known = know(pairs, SETTINGS.stack, seed=1, threads=1)
    whole = known.candidates(np.arange(200), 20)
    monkeypatch.setattr("training.models.bundle_candidates._CELLS", 700)
    blocks = known.candidates(np.arange(200), 20)
    assert np.array_equal(whole.bundles, blocks.bundles)
    assert blocks.columns == pytest.approx(whole.columns, abs=1e-4)


def test_without_contents_or_with_too_few_pairs_it_still_answers(pairs: BundlePairs) -> None:
    bare = BundlePairs(pairs.bought, sparse.csr_matrix((200, 0), dtype=np.float32), sparse.csr_matrix((60, 0), dtype=np.float32))
    assert fit_reranker(bare, SETTINGS, seed=1, threads=1).lists(np.arange(5), 10).shape == (5, 10)
    few = BundlePairs(pairs.bought[:4], pairs.items[:4], pairs.contents)
    reranker = fit_reranker(few, SETTINGS, seed=1, threads=1)
    assert reranker.boosters == []
    assert (reranker.lists(np.arange(4), 5) != NONE).all()
