"""What the users nearest in taste bought lately: user-based collaborative filtering over decayed purchases.

After UP-CF@r (Faggioli, Polato and Aiolli, "Recency aware collaborative filtering for next basket recommendation", UMAP 2020), with a
decay in place of their window of r baskets and the plain cosine in place of their asymmetric one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]


class NeighbourSettings(BaseModel):
    """Settings; chosen by hand on Ta-Feng's users that no split tests, never searched.

    Attributes:
        decay: factor on a basket per step back, for who is near.
        decay_bought: the same, for what the neighbours bought.
        neighbours: how many nearest users count.
        power: of the similarity, as a neighbour's weight.
    """

    model_config = ConfigDict(frozen=True)

    decay: float = 0.8
    decay_bought: float = 0.6
    neighbours: int = 100
    power: float = 2.0


class BasketNeighbours:
    """Users by what they bought, and what each bought lately."""

    def __init__(self, sequences: BasketSequences, settings: NeighbourSettings) -> None:
        """Compute the vectors.

        Args:
            sequences: histories of all users, who are all possible neighbours.
            settings: see `NeighbourSettings`.
        """
        self._settings = settings
        vectors = sequences.weighted(sequences.decayed(settings.decay))
        norm = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        self._vectors = (sparse.diags(1 / np.maximum(norm, 1e-9)) @ vectors).astype(np.float32).tocsr()
        self._transposed = self._vectors.T.tocsr()
        self._bought = sequences.weighted(sequences.decayed(settings.decay_bought))

    def scores(self, users: Ints) -> Scores:
        """Score of every item, `(n, items)`; `users` should be a batch. A user without neighbours has zeros."""
        near = (self._vectors[users] @ self._transposed).toarray()
        near[np.arange(len(users)), users] = 0
        k = min(self._settings.neighbours, near.shape[1])
        chosen = np.argpartition(-near, k - 1, axis=1)[:, :k]
        weight = np.maximum(np.take_along_axis(near, chosen, axis=1), 0) ** self._settings.power
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        starts = np.arange(0, chosen.size + 1, k)
        share = sparse.csr_matrix((weight.ravel(), chosen.ravel(), starts), shape=near.shape)
        return np.asarray((share @ self._bought).toarray(), np.float32)
