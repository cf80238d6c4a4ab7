"""The ranker on planted habits: what is due, what is new and wanted now, and nobody's own next basket in their features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from tests.training.basket_shop import ITEMS, NOVELTY, histories_and_next, sequences
from training.datasets.basket_sequences import BasketSequences
from training.evaluation.next_basket import score_baskets
from training.models.next_basket.candidates import CandidateRows
from training.models.next_basket.features import item_features
from training.models.next_basket.ranker import NOW, NextBasketRanker, NextBasketSettings, fill_now, held, prepare
from training.models.top_frequency import personal_lists

HISTORIES, NEXT = histories_and_next()
SETTINGS = NextBasketSettings(best=10, popular=10, rounds=60, min_data_in_leaf=20, negative_share=0.5)
LEARNERS, JUDGED = np.arange(200), np.arange(200, 300)


@pytest.fixture(scope="module")
def shop() -> BasketSequences:
    return sequences(HISTORIES)


@pytest.fixture(scope="module")
def wanted() -> sparse.csr_matrix:
    pairs = [(u, i) for u, basket in enumerate(NEXT.values()) for i in set(basket)]
    row, column = np.array(pairs).T
    return sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(NEXT), ITEMS))


@pytest.fixture(scope="module")
def rows(shop: BasketSequences) -> CandidateRows:
    return prepare(shop, np.arange(shop.users), SETTINGS, seed=1, threads=1)


def copied(rows: CandidateRows) -> CandidateRows:
    return CandidateRows(rows.user, rows.item, rows.inputs.copy(), rows.names)


def test_due_staples_beat_frequent_ones(shop: BasketSequences, wanted: sparse.csr_matrix, rows: CandidateRows) -> None:
    owned = shop.pairs.matrix(np.ones(len(shop.pairs.user)), ITEMS)[JUDGED]
    lists = NextBasketRanker(copied(rows), wanted, LEARNERS, SETTINGS, seed=1, threads=1).lists(JUDGED, 20)
    ours = score_baskets(lists, wanted[JUDGED], owned, cuts=(3,))
    counting = score_baskets(personal_lists(shop, JUDGED, 20, filled=True), wanted[JUDGED], owned, cuts=(3,))
    assert ours["recall_3"].mean() > counting["recall_3"].mean() + 0.15
    first_time = ~owned.toarray()[:, NOVELTY].astype(bool)
    assert (lists[first_time, :5] == NOVELTY).any(axis=1).mean() > 0.9  # bought by few so far, and wanted now


def test_test_users_next_baskets_are_never_read(wanted: sparse.csr_matrix, rows: CandidateRows) -> None:
    masked = wanted.copy().tolil()
    masked[JUDGED] = 0
    whole, hidden = (
        NextBasketRanker(copied(rows), given, LEARNERS, SETTINGS, seed=1, threads=1).lists(JUDGED, 9) for given in (wanted, masked.tocsr())
    )
    assert np.array_equal(whole, hidden)


def test_what_is_bought_now_is_counted_from_other_folds_only(wanted: sparse.csr_matrix, rows: CandidateRows) -> None:
    made = copied(rows)
    fill_now(made, wanted, LEARNERS, np.random.default_rng(0))
    now, new = made.inputs[:, made.names.index(NOW[0])], made.inputs[:, made.names.index(NOW[1])]
    assert (new <= now + 1e-6).all()
    asked = np.isin(made.user, JUDGED)
    assert now[asked] == pytest.approx(wanted[LEARNERS].toarray().mean(axis=0)[made.item[asked]], abs=1e-6)
    # one learner's own basket does not move the learner's own features
    changed = wanted.copy().tolil()
    changed[0] = 0
    changed[0, 7] = 1
    other = copied(rows)
    fill_now(other, changed.tocsr(), LEARNERS, np.random.default_rng(0))
    own = made.user == 0
    assert np.array_equal(made.inputs[own][:, -2:], other.inputs[own][:, -2:])
    assert not np.array_equal(made.inputs[~own][:, -2:], other.inputs[~own][:, -2:])


def test_features_come_from_the_history_alone(shop: BasketSequences, rows: CandidateRows) -> None:
    user = 17
    mine = rows.user == user
    cycle = {name: rows.inputs[mine, column] for column, name in enumerate(rows.names)}
    baskets = list(HISTORIES.values())[user]
    for item, count, last in zip(rows.item[mine], cycle["count"], cycle["age_last"], strict=True):
        ages = [len(baskets) - at for at, basket in enumerate(baskets) if item in basket]
        assert count == len(ages)
        assert np.isnan(last) if not ages else last == min(ages)
    assert set(np.concatenate(baskets)) <= set(rows.item[mine])  # all own items are candidates
    follows = item_features(sequences({"a": [[0, 1], [0]], "b": [[0], [0, 1]], "c": [[1], [0]]}, items=2))["item_next_share"]
    assert follows == pytest.approx([(2 + 0.05) / (2 + 1), (0 + 0.05) / (2 + 1)])


def test_a_user_without_history_is_answered(wanted: sparse.csr_matrix) -> None:
    shop = sequences(HISTORIES)
    kept = shop.user != 250
    lonely = BasketSequences(shop.users, shop.items, shop.user[kept], shop.position[kept], shop.item[kept])
    rows = prepare(lonely, np.arange(shop.users), SETTINGS, seed=1, threads=1)
    lists = NextBasketRanker(rows, wanted, LEARNERS, SETTINGS, seed=1, threads=1).lists(np.array([249, 250]), 10)
    assert (lists >= 0).all()
    assert np.isfinite(rows.inputs[:, rows.names.index("similar_users_share")]).all()


def test_equal_seeds_give_equal_lists_and_members_differ(wanted: sparse.csr_matrix, rows: CandidateRows) -> None:
    def probabilities(seed: int, members: int) -> np.ndarray:
        settings = SETTINGS.model_copy(update={"members": members, "rounds": 20})
        return NextBasketRanker(copied(rows), wanted, LEARNERS, settings, seed=seed, threads=1).probabilities(np.arange(500))

    assert np.array_equal(probabilities(1, 1), probabilities(1, 1))
    assert not np.array_equal(probabilities(1, 1), probabilities(1, 2))


def test_probabilities_are_calibrated_in_spite_of_sampled_candidates(wanted: sparse.csr_matrix, rows: CandidateRows) -> None:
    ranker = NextBasketRanker(copied(rows), wanted, LEARNERS, SETTINGS, seed=1, threads=1)
    asked = np.flatnonzero(np.isin(rows.user, JUDGED))
    bought = held(rows.user, rows.item, wanted, np.isin(rows.user, JUDGED))[asked]
    assert ranker.probabilities(asked).sum() == pytest.approx(bought.sum(), rel=0.15)
