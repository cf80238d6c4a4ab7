"""Items near what a user bought lately: cosine of the users, of the baskets, or of a basket and the next.

A user's score of an item is the sum over what the user bought, decayed per basket, of the similarity between the two items. Only each
item's nearest items are kept (Sarwar et al., "Item-based collaborative filtering", WWW 2001), so that cost follows the number of items.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]


class SimilaritySettings(BaseModel):
    """Settings of an item similarity; the shipped ones are the best of 16, in as much time as `TifuKnnSettings` had, on the same users.

    Attributes:
        kind: what makes two items alike: the same users buy them (each user's items weigh 1 together), the same baskets hold them, or
            one's basket is followed by one with the other.
        decay: factor on a user's basket per step back.
        shrink: added to the product of the two norms: what is seen together once is no sign yet.
        nearest: most similar items kept for an item.
        own: similarity of an item to itself, which a user's own items rise by.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["users", "baskets", "next"] = "next"
    decay: float = 0.94
    shrink: float = 0.17
    nearest: int = 740
    own: float = 1.0


class ItemSimilarity:
    """Similarities of items and the users' decayed purchases."""

    def __init__(self, sequences: BasketSequences, settings: SimilaritySettings) -> None:
        """Compute the similarities.

        Args:
            sequences: histories of all users.
            settings: see `SimilaritySettings`.
        """
        left, right = _occasions(sequences, settings.kind)
        found = cosines(left, right, shrink=settings.shrink, nearest=settings.nearest)
        self._similar = (found + settings.own * sparse.identity(sequences.items, np.float32, "csr")).tocsr() if settings.own else found
        self._bought = sequences.weighted(sequences.decayed(settings.decay))

    def scores(self, users: Ints) -> Scores:
        """Score of every item, `(n, items)`; `users` should be a batch."""
        return np.asarray((self._bought[users] @ self._similar).toarray(), np.float32)


def cosines(left: sparse.csr_matrix, right: sparse.csr_matrix, *, shrink: float, nearest: int) -> sparse.csr_matrix:
    """Cosine between the columns of two matrices with the same rows, the diagonal left out, the `nearest` of each row kept.

    Args:
        left: CSR occasion × item.
        right: CSR of the same rows.
        shrink: added to the product of the norms.
        nearest: entries kept a row.
    """
    norm = [np.sqrt(np.asarray(part.multiply(part).sum(axis=0)).ravel()) for part in (left, right)]
    columns, parts = left.T.tocsr(), []
    for start in range(0, columns.shape[0], 1000):  # a thousand rows at once: the whole product may not fit
        together = (columns[start : start + 1000] @ right).tocsr()
        row = np.repeat(np.arange(start, start + together.shape[0]), np.diff(together.indptr))
        together.data = (together.data / (norm[0][row] * norm[1][together.indices] + shrink)).astype(np.float32)
        together.data[together.indices == row] = 0
        parts.append(_largest(together, nearest))
    return sparse.vstack(parts, "csr", np.float32)


def _largest(matrix: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """The k largest entries of each row."""
    matrix.eliminate_zeros()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, row))
    rank = np.arange(len(row)) - matrix.indptr[row[order]]
    kept = order[rank < k]
    return sparse.csr_matrix((matrix.data[kept], (row[kept], matrix.indices[kept])), shape=matrix.shape)


def _occasions(sequences: BasketSequences, kind: str) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Occasion × item twice: what was bought there, and what counts as bought with it."""
    if kind == "users":
        pairs = sequences.pairs
        distinct = np.diff(pairs.start)[pairs.user]
        bought = pairs.matrix(1 / np.sqrt(distinct), sequences.items)
        return bought, bought
    baskets = sequences.lines
    if kind == "baskets":
        return baskets, baskets
    owner = np.repeat(np.arange(sequences.users), sequences.baskets)
    earlier = np.flatnonzero(owner[1:] == owner[:-1])
    return baskets[earlier], baskets[earlier + 1]
