"""What a study of next baskets is asked of, whatever files it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences
from training.studies.study import StudyRefused

Ints = NDArray[np.int64]

LEAK_SHARE = 0.5  # of the users whose target is their last known basket; on Ta-Feng it is 0.2 %, in a file that holds the target all
SMALLEST_TUNING = 200  # users: below, a recall's deviation (about .3 a user) hides any difference between settings


@dataclass(frozen=True)
class Split:
    """Users of one split, by number, ascending.

    Attributes:
        name: of the file or draw.
        train, val, test: learned from; chosen on; judged.
    """

    name: str
    train: Ints
    val: Ints
    test: Ints


@dataclass(frozen=True)
class BasketSet:
    """Histories, targets and splits.

    Attributes:
        name: for the table.
        histories: what everybody may see.
        next_baskets: CSR `(users, items)` of ones, an empty row where the target is not known.
        splits: at least one; every test user has a target.
        protocol: sentences about how targets and splits came to be.
        notes: what was odd.
    """

    name: str
    histories: BasketSequences
    next_baskets: sparse.csr_matrix
    splits: list[Split]
    protocol: str
    notes: list[str] = field(default_factory=list)

    @property
    def owned(self) -> sparse.csr_matrix:
        """CSR `(users, items)` of ones: what the histories hold."""
        pairs = self.histories.pairs
        return pairs.matrix(np.ones(len(pairs.user)), self.histories.items)

    def targets_of(self, users: Ints) -> sparse.csr_matrix:
        """The targets with every other user's row empty: what a contender is given to learn from."""
        kept = np.zeros(self.next_baskets.shape[0], np.float32)
        kept[users] = 1
        masked = (sparse.diags(kept) @ self.next_baskets).tocsr()
        masked.eliminate_zeros()
        return masked


def with_targets(split: Split, targets: sparse.csr_matrix, source: str) -> tuple[Split, str]:
    """Leave out users without a target.

    Returns:
        The split and a note about who was left out, "" if nobody.

    Raises:
        StudyRefused: no train or no test user has a target.
    """
    known = np.diff(targets.indptr) > 0
    kept = {part: getattr(split, part)[known[getattr(split, part)]] for part in ("train", "val", "test")}
    lost = {part: len(getattr(split, part)) - len(users) for part, users in kept.items()}
    for part in ("train", "test"):
        if not len(kept[part]):
            raise StudyRefused(f"{source}: none of the {lost[part]:,} users in {part!r} has a next basket: nothing to learn or judge.")
    told = ", ".join(f"{count:,} of {part}" for part, count in lost.items() if count)
    return Split(split.name, **kept), f"{source}: users without a next basket were left out: {told}." if told else ""


def refuse_leak(histories: BasketSequences, targets: sparse.csr_matrix, where: str) -> str:
    """Compare every target with the user's last known basket.

    Args:
        histories: what everybody may see.
        targets: CSR `(users, items)` of ones.
        where: the files, for the message.

    Returns:
        A note when a few users' targets equal their last basket, as happens; "" when none does.

    Raises:
        StudyRefused: half of them do: the histories hold the targets.
    """
    last = histories.weighted((histories.age == 1).astype(np.float64))
    size, wanted = np.asarray(last.sum(axis=1)).ravel(), np.diff(targets.indptr)
    shared = np.asarray(last.multiply(targets).sum(axis=1)).ravel()
    asked = wanted > 0
    equal = int((asked & (shared == size) & (shared == wanted)).sum())
    share = equal / max(int(asked.sum()), 1)
    if share >= LEAK_SHARE:
        raise StudyRefused(
            f"{where}: the next basket of {equal:,} of {int(asked.sum()):,} users ({share:.0%}) is the last basket of their history, so "
            "the histories hold what is to be predicted. Take the last basket out of the histories."
        )
    return f"The next basket of {equal:,} users ({share:.1%}) equals their last known one." if equal else ""


def tuning_split(splits: Sequence[Split], users: int) -> tuple[Split, str]:
    """Whom settings are chosen on: validation users whom no split tests; learned from: the first split's train users but those.

    Args:
        splits: of the study.
        users: how many there are.

    Returns:
        A split whose `test` is empty, and a note where there are too few such users and the first split's validation users are taken.
    """
    tested = np.zeros(users, np.bool_)
    for split in splits:
        tested[split.test] = True
    first = splits[0]
    known = np.union1d(first.train, first.val)
    val = np.unique(np.concatenate([split.val for split in splits]))
    clean = np.intersect1d(val[~tested[val]], known)
    note = ""
    if len(clean) < min(SMALLEST_TUNING, len(first.val)):
        clean = first.val
        note = "Hardly a validation user is in no split's test: settings are chosen on the first split's, who are tested in other splits."
    return Split("tuning", np.setdiff1d(first.train, clean), clean, np.zeros(0, np.int64)), note
