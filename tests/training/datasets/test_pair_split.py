"""Hiding a part of every user's pairs: nothing lost, nothing twice, evenly."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from training.datasets.pair_split import deal, hold_out, keep


def pairs(seed: int, users: int = 30, columns: int = 12, share: float = 0.3) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.random.default_rng(seed).random((users, columns)) < share).astype(np.float32))


@given(seed=st.integers(0, 1000), folds=st.integers(2, 6))
def test_every_users_pairs_are_dealt_evenly(seed: int, folds: int) -> None:
    bought = pairs(seed)
    fold = deal(bought, folds, seed=seed)
    for start, stop in zip(bought.indptr[:-1], bought.indptr[1:], strict=True):
        counts = np.bincount(fold[start:stop], minlength=folds)
        assert counts.max() - counts.min() <= 1
    parts = [keep(bought, fold == number) for number in range(folds)]
    assert (sum(parts[1:], parts[0]) != bought).nnz == 0


def test_single_pairs_fall_into_different_folds() -> None:
    assert set(deal(sparse.identity(60, format="csr"), 3, seed=1)) == {0, 1, 2}


def test_the_deal_is_random_and_repeatable() -> None:
    bought = pairs(1)
    assert (deal(bought, 4, seed=1) == deal(bought, 4, seed=1)).all()
    assert (deal(bought, 4, seed=1) != deal(bought, 4, seed=2)).any()


def test_whoever_loses_a_pair_keeps_one() -> None:
    bought = pairs(3, users=200, columns=10, share=0.15)
    stays, hidden = hold_out(bought, 5, seed=1)
    assert (stays + hidden != bought).nnz == 0
    assert stays.multiply(hidden).nnz == 0
    lost = np.diff(hidden.indptr) > 0
    assert lost.any()
    assert (np.diff(stays.indptr)[lost] > 0).all()
    assert bought.nnz == bought.data.size  # the original is left as it was
