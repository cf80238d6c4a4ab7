"""Measures of a predicted basket, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from training.evaluation.next_basket import score_baskets
from training.evaluation.ranking import NONE


def test_measures_by_hand() -> None:
    recommended = np.array([[0, 1, 2], [3, NONE, NONE]])
    basket = sparse.csr_matrix(np.array([[1, 0, 1, 1, 1], [0, 0, 0, 0, 1]], np.float32))
    owned = sparse.csr_matrix(np.array([[1, 1, 0, 1, 0], [0, 0, 0, 1, 0]], np.float32))
    found = score_baskets(recommended, basket, owned, cuts=(1, 3))
    assert found["recall_1"].tolist() == [0.25, 0.0]
    assert found["recall_3"].tolist() == [0.5, 0.0]
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4) + 1 / np.log2(5)  # of all four wanted, though only k = 1 is shown
    assert found["ndcg_1"][0] == pytest.approx(1 / ideal)
    assert found["ndcg_3"][0] == pytest.approx((1 + 1 / np.log2(4)) / ideal)
    assert found["phr_3"].tolist() == [1.0, 0.0]
    assert found["repeat_recall_3"][0] == 0.5  # 0 of {0, 3}; 1 was bought before but not now
    assert found["explore_recall_3"].tolist() == [0.5, 0.0]  # 2 of {2, 4}
    assert np.isnan(found["repeat_recall_3"][1])  # the second basket repeats nothing
    assert found["explore_phr_1"].tolist() == [0.0, 0.0]
    assert found["repeat_share_3"].tolist() == [2 / 3, 1.0]  # empty places do not count


def test_a_basket_longer_than_the_list_is_judged_whole() -> None:
    basket = sparse.csr_matrix(np.ones((1, 30), np.float32))
    found = score_baskets(np.arange(10)[None, :], basket, sparse.csr_matrix((1, 30), dtype=np.float32), cuts=(10, 20))
    assert found["recall_10"][0] == found["recall_20"][0] == pytest.approx(1 / 3)
    assert found["ndcg_10"][0] < 1
