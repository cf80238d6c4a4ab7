"""What an item recommender has to beat: popularity, the customer's own frequency, and item-to-item cosine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Scorer = Callable[[slice], NDArray[np.float32]]
"""Rows of customers → a fresh `(rows, columns)` array of scores."""

_TIE_BREAK = 1e-4  # popularity, scaled below any real difference of personal frequency


def popularity(buyers: NDArray[np.int32]) -> Scorer:
    """The same list for everybody: columns by number of buyers."""
    scores = buyers.astype(np.float32)
    return lambda rows: np.tile(scores, (rows.stop - rows.start, 1))


def personal_frequency(weights: sparse.csr_matrix, buyers: NDArray[np.int32]) -> Scorer:
    """What the customer bought most, ties and the places after it by popularity.

    Args:
        weights: CSR customers × columns; counts, or counts that decay with age.
        buyers: `(columns,)`.
    """
    fill = (buyers / max(int(buyers.max(initial=1)), 1) * _TIE_BREAK).astype(np.float32)
    return lambda rows: weights[rows].toarray() + fill


def item_cosine(weights: sparse.csr_matrix, pairs: sparse.csr_matrix) -> Scorer:
    """Sum over the customer's items of weight × cosine between the two items' customers (Sarwar et al. 2001), all neighbours.

    Since cos(i, j) = xᵢ·xⱼ with unit columns x, the scores are (W Xᵀ) X: customers × customers first, and no items × items matrix.

    Args:
        weights: CSR customers × columns.
        pairs: CSR of the same shape; who bought what.
    """
    ones = sparse.csr_matrix((np.ones_like(pairs.data, np.float32), pairs.indices, pairs.indptr), shape=pairs.shape)
    norms = np.sqrt(np.maximum(np.asarray(ones.sum(axis=0)).ravel(), 1.0))
    unit = (ones @ sparse.diags(1.0 / norms)).tocsr().astype(np.float32)
    likeness = (weights @ unit.T).toarray().astype(np.float32)
    columns = unit.T.tocsr()
    return lambda rows: np.asarray((columns @ likeness[rows].T).T, np.float32, order="C").copy()
