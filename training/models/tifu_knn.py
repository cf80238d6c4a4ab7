"""TIFU-kNN: a user's decayed item frequencies, mixed with the mean of the nearest users' (Hu, He, Gao and Zhang, SIGIR 2020).

The baskets of a user are cut into groups of equal size; frequencies decay within a group and from group to group. The neighbours are
nearest by Euclidean distance between these vectors, as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]

BATCH = 500  # users scored at once: 500 × 14,000 items are 28 MB


class TifuKnnSettings(BaseModel):
    """Settings of TIFU-kNN; the shipped ones are the best of 22 on Ta-Feng's validation users that no split tests (docs/evidence.md).

    The settings published for Ta-Feng (7 groups, .9, .7, 300 neighbours, alpha .7) found a sixth less there.

    Attributes:
        groups: most groups a history is cut into.
        within_decay: factor on a basket per step back within its group.
        group_decay: factor on a group per step back.
        neighbours: how many nearest users are averaged.
        alpha: weight of the user's own vector; the rest goes to the neighbours' mean.
    """

    model_config = ConfigDict(frozen=True)

    groups: int = 4
    within_decay: float = 0.84
    group_decay: float = 0.7
    neighbours: int = 1400
    alpha: float = 0.09


def frequency_vectors(sequences: BasketSequences, *, groups: int, within_decay: float, group_decay: float) -> sparse.csr_matrix:
    """Decayed item frequencies of every user, CSR user × item, float32 (equations 1 to 3 of the paper).

    The newest groups are the longer ones where the baskets do not divide evenly; a history shorter than `groups` has one basket a group.
    """
    length = sequences.baskets[sequences.user]
    of_groups = np.minimum(length, groups)
    size = length // of_groups
    short = of_groups - (length - size * of_groups)  # groups of `size` baskets; the later ones hold one more
    border = short * size
    late = sequences.position >= border
    since = np.where(late, sequences.position - border, sequences.position)
    size = size + late
    group = since // size + short * late
    weight = within_decay ** (size - 1 - since % size) / size * group_decay ** (of_groups - 1 - group) / of_groups
    return sequences.weighted(weight)


def batches(users: Ints) -> Iterator[Ints]:
    """Users in parts small enough for a dense row of items each."""
    for start in range(0, len(users), BATCH):
        yield users[start : start + BATCH]


class TifuKnn:
    """User vectors and the users that may be neighbours."""

    def __init__(self, sequences: BasketSequences, pool: Ints, settings: TifuKnnSettings) -> None:
        """Compute the vectors.

        Args:
            sequences: histories of all users.
            pool: users that may be neighbours.
            settings: see `TifuKnnSettings`.
        """
        self._settings = settings
        self._pool = pool
        self._vectors = frequency_vectors(
            sequences, groups=settings.groups, within_decay=settings.within_decay, group_decay=settings.group_decay
        )
        self._near = self._vectors[pool]
        self._transposed = self._near.T.tocsr()
        self._squares = np.asarray(self._near.multiply(self._near).sum(axis=1)).ravel()

    def neighbour_mean(self, users: Ints) -> Scores:
        """Mean vector of the nearest users other than oneself, `(n, items)`; `users` should be a batch."""
        k = min(self._settings.neighbours, len(self._pool) - 1)
        distance = self._squares[None, :] - 2 * (self._vectors[users] @ self._transposed).toarray()
        distance[self._pool[None, :] == users[:, None]] = np.inf
        nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
        starts = np.arange(0, nearest.size + 1, k)
        share = sparse.csr_matrix((np.full(nearest.size, 1 / k, np.float32), nearest.ravel(), starts), shape=distance.shape)
        return np.asarray((share @ self._near).toarray(), np.float32)

    def scores(self, users: Ints) -> Scores:
        """Score of every item, `(n, items)`; `users` should be a batch."""
        own = self._vectors[users].toarray()
        return np.asarray(self._settings.alpha * own + (1 - self._settings.alpha) * self.neighbour_mean(users), np.float32)
