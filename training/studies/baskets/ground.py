"""What contenders may see: all histories, and per split the next baskets of its train and validation users."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences
from training.studies.baskets.basket_set import BasketSet, Split, tuning_split
from training.studies.study import Arrays, Task

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SplitGround:
    """One split without its answers.

    Attributes:
        split: who is in it.
        next_baskets: CSR `(users, items)` of ones; rows of test users are empty.
    """

    split: Split
    next_baskets: sparse.csr_matrix


def write_ground(given: BasketSet, folder: Path) -> str:
    """Write what contenders may see; returns a note on the choice of settings, "" if there is none."""
    histories = given.histories
    np.savez(
        folder / "histories.npz",
        allow_pickle=False,
        size=np.array([histories.users, histories.items, len(given.splits)]),
        user=histories.user,
        position=histories.position,
        item=histories.item,
    )
    tuning, note = tuning_split(given.splits, histories.users)
    for name, split in [*((f"split_{number}", split) for number, split in enumerate(given.splits)), ("tuning", tuning)]:
        seen = given.targets_of(np.union1d(split.train, split.val)).tocoo()
        np.savez(
            folder / f"{name}.npz",
            allow_pickle=False,
            train=split.train,
            val=split.val,
            test=split.test,
            user=seen.row.astype(np.int64),
            item=seen.col.astype(np.int64),
        )
    return note


def read_histories(task: Task) -> tuple[BasketSequences, int]:
    """Histories and the number of splits."""
    stored = task.arrays("histories")
    users, items, splits = map(int, stored["size"])
    return BasketSequences(users, items, stored["user"], stored["position"], stored["item"]), splits


def read_split(task: Task, name: str, histories: BasketSequences) -> SplitGround:
    """`split_0` … or `tuning`."""
    stored: Arrays = task.arrays(name)
    ones = np.ones(len(stored["user"]), np.float32)
    baskets = sparse.csr_matrix((ones, (stored["user"], stored["item"])), shape=(histories.users, histories.items))
    return SplitGround(Split(name, stored["train"], stored["val"], stored["test"]), baskets)
