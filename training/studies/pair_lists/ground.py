"""What contenders see of a study of ranked lists, and how they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.datasets.pair_split import hold_out
from training.evaluation.ranking import score_rankings
from training.studies.study import Task

TUNED_AT = 20
TUNED_BY = f"ndcg_{TUNED_AT}"
_TUNING_USERS = 5_000  # of more a sample: the mean's deviation is then about .003
INNER_FOLDS = 5  # without a file to choose settings on a fifth of each user's training pairs is hidden
_FILE = "ground"


@dataclass(frozen=True)
class Ground:
    """Training pairs, where settings are chosen, and whose lists are asked for.

    Attributes:
        known: what the answer may rest on.
        learning: what a trial of settings may rest on; `known` when there is a tuning file.
        tuning: CSR like `known.bought`, pairs that trials are scored on; none of `learning`.
        asked: `(n,)` rows whose lists are judged.
        depth: length of a list.
    """

    known: BundlePairs
    learning: BundlePairs
    tuning: sparse.csr_matrix
    asked: NDArray[np.int64]
    depth: int

    def tuning_users(self, seed: int) -> NDArray[np.int64]:
        """Rows that trials are scored on: those with tuning pairs, of very many a sample."""
        users = np.flatnonzero(np.diff(self.tuning.indptr))
        if len(users) > _TUNING_USERS:
            users = np.sort(np.random.default_rng(seed).choice(users, _TUNING_USERS, replace=False))
        return users

    def tuning_score(self, lists: NDArray[np.int64], users: NDArray[np.int64]) -> float:
        """NDCG@20 of lists of `tuning_users`."""
        wanted, owned = self.tuning[users], self.learning.bought[users]
        scores = score_rankings(lists, wanted, np.diff(wanted.indptr).astype(np.int64), owned, cuts=(TUNED_AT,))
        return scores.means()[TUNED_BY]


def protocol(columns: str, *, own_tune: bool) -> str:
    """What is hidden, where settings come from, what is judged.

    Args:
        columns: what is ranked, in the plural.
        own_tune: whether the user of the command gave a file to choose settings on.
    """
    chosen = "the tune file" if own_tune else f"one of {INNER_FOLDS} parts of each user's training pairs, hidden for that"
    return (
        f"All {columns} are ranked for each user with test pairs; a user's own training pairs are left out of their list, no others are. "
        f"Settings are chosen by NDCG@{TUNED_AT} on {chosen}; every model is then fitted on all training pairs and on nothing else. "
        f"NDCG is binary, its ideal list cut at k. Intervals: 95 %, bootstrap over users."
    )


def write_ground(folder: Path, ground: Ground, *, seed: int) -> None:
    """Leave it for the contenders; an empty `tuning` becomes a part of the training pairs, hidden from `learning`."""
    arrays: dict[str, NDArray[np.generic]] = {"asked": ground.asked, "depth": np.asarray(ground.depth)}
    learning, tuning = ground.learning.bought, ground.tuning
    if not tuning.nnz:
        learning, tuning = hold_out(ground.known.bought, INNER_FOLDS, seed=seed)
    matrices = {"bought": ground.known.bought, "items": ground.known.items, "contents": ground.known.contents}
    for name, matrix in {**matrices, "learning": learning, "tuning": tuning}.items():
        arrays |= {f"{name}_indices": matrix.indices, f"{name}_indptr": matrix.indptr, f"{name}_shape": np.asarray(matrix.shape)}
    np.savez(folder / f"{_FILE}.npz", allow_pickle=False, **arrays)


def read_ground(task: Task) -> Ground:
    """What `write_ground` left."""
    arrays = task.arrays(_FILE)

    def matrix(name: str) -> sparse.csr_matrix:
        indices, indptr = arrays[f"{name}_indices"], arrays[f"{name}_indptr"]
        return sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=tuple(arrays[f"{name}_shape"]))

    known = BundlePairs(matrix("bought"), matrix("items"), matrix("contents"))
    return Ground(known, known.knowing(matrix("learning")), matrix("tuning"), arrays["asked"], int(arrays["depth"]))
