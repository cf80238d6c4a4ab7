"""The judge of ranked lists: figures by hand, differences paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from training.studies.pair_lists.judgement import Truth, judge_lists

TRUTH = Truth(sparse.csr_matrix(np.array([[1, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0]], np.float32)), np.array([2, 1, 2]))
LISTS = {"ours": np.array([[0, 1], [3, 0], [2, 1]]), "theirs": np.array([[2, 0], [0, -1], [1, 2]])}


def test_figures_by_hand() -> None:
    answers = {name: {"lists": lists} for name, lists in LISTS.items()}
    found = judge_lists(answers, TRUTH, "ours", measures=("recall", "ndcg", "hit"), cuts=(1, 2), seed=1)
    second = 1 / np.log2(3)
    assert found.metrics["ours"]["recall_2"] == pytest.approx((1 + 1 + 0.5) / 3)  # the third wanted one more that cannot be ranked
    assert found.metrics["ours"]["ndcg_2"] == pytest.approx((1 + 1 + second / (1 + second)) / 3)
    assert found.metrics["theirs"]["ndcg_2"] == pytest.approx((second / (1 + second) + 0 + 1 / (1 + second)) / 3)
    assert found.metrics["theirs"]["hit_1"] == pytest.approx(1 / 3)
    assert found.metrics["ours"]["coverage_2"] == 1.0
    assert set(found.differences) == {"theirs"}
    low, high = found.differences["theirs"]["recall_2"]
    assert low <= (0.5 + 1 + 0) / 3 <= high
    assert {curve.label for curve in found.curves} == {"ours", "theirs"}
