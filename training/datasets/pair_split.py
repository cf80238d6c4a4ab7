"""Hides a part of every user's pairs, where no dates say which came last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def deal(pairs: sparse.csr_matrix, folds: int, *, seed: int) -> NDArray[np.int64]:
    """A fold for every stored pair, each user's pairs spread over the folds as evenly as can be.

    Args:
        pairs: CSR; the answer is in the order of its `data`.
        folds: 2 or more.
        seed: of the deal.
    """
    random = np.random.default_rng(seed)
    counts = np.diff(pairs.indptr)
    users = np.repeat(np.arange(len(counts)), counts)
    shuffled = np.lexsort((random.random(len(users)), users))
    place = np.arange(len(users)) - np.repeat(pairs.indptr[:-1], counts)
    offset = random.integers(0, folds, len(counts))  # or every single pair would fall into the first fold
    fold = np.empty(len(users), np.int64)
    fold[shuffled] = (place + offset[users]) % folds
    return fold


def keep(pairs: sparse.csr_matrix, chosen: NDArray[np.bool_]) -> sparse.csr_matrix:
    """The chosen stored pairs, in a matrix of the same shape; `chosen` is in the order of `data`."""
    kept = sparse.csr_matrix((pairs.data * chosen, pairs.indices.copy(), pairs.indptr.copy()), shape=pairs.shape)
    kept.eliminate_zeros()
    return kept


def hold_out(pairs: sparse.csr_matrix, folds: int, *, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """What stays and what is hidden: one fold of the pairs of users who keep at least one."""
    away = deal(pairs, folds, seed=seed) == 0
    away &= np.repeat(np.diff(pairs.indptr) > 1, np.diff(pairs.indptr))
    return keep(pairs, ~away), keep(pairs, away)
