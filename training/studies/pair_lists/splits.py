"""The splits of a study of ranked lists, read, checked against each other, and turned into matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.studies.pair_lists.judgement import Truth
from training.studies.pair_lists.pair_file import Names, PairFile, read_pairs, refuse_leak
from training.studies.study import StudyRefused


@dataclass(frozen=True)
class Splits:
    """Who took what, split by the user of the command.

    Attributes:
        train, test, tune: files; without `tune` settings are chosen on a part of `train`.
    """

    train: PairFile
    test: PairFile
    tune: PairFile | None

    @classmethod
    def read(cls, train: Path, test: Path, tune: Path | None, *, lists: bool) -> Splits:
        """Read the files and refuse pairs that stand in two of them.

        Raises:
            StudyRefused: see `read_pairs` and `refuse_leak`.
        """
        splits = cls(read_pairs(train, lists=lists), read_pairs(test, lists=lists), None if tune is None else read_pairs(tune, lists=lists))
        refuse_leak(splits.test, splits.train)
        if splits.tune is not None:
            refuse_leak(splits.tune, splits.train)
            refuse_leak(splits.test, splits.tune)
        return splits

    @property
    def files(self) -> list[PairFile]:
        """Those that there are."""
        return [self.train, self.test] if self.tune is None else [self.train, self.tune, self.test]

    def truth(self, users: Names, columns: Names, known: NDArray[np.bool_]) -> Judged:
        """Whose lists are judged, and by what.

        Args:
            users: everybody of whom training knows.
            columns: everything that can be ranked.
            known: `(users,)` of whom training knows anything that tells them from others.

        Raises:
            StudyRefused: no user of the test file is known.
        """
        rows = users.places(self.test.left)
        strangers = {name for name, row in zip(self.test.left, rows, strict=True) if row < 0 or not known[row]}
        if len(strangers) == len(set(self.test.left)):
            raise StudyRefused(
                f"{self.test.path}: none of its {len(strangers):,} users stands in {self.train.path} (its first is {self.test.left[0]}, "
                f"there the first is {self.train.left[0]}). Both files must name users alike."
            )
        distinct = {*zip(self.test.left, self.test.right, strict=True)}
        wanted = np.bincount(users.places([pair[0] for pair in distinct if pair[0] not in strangers]), minlength=len(users.ids))
        asked = np.flatnonzero(wanted)
        notes = []
        if strangers:
            notes.append(f"{len(strangers):,} users of {self.test.path.name} are unknown in training and are not judged.")
        unknown = {name for name, place in zip(self.test.right, columns.places(self.test.right), strict=True) if place < 0}
        if unknown:
            notes.append(f"{len(unknown):,} ids of {self.test.path.name} are unknown in training; they count as missed.")
        relevant: sparse.csr_matrix = self.test.matrix(users, columns)[asked]
        return Judged(asked, Truth(relevant, wanted[asked].astype(np.int64)), notes)


@dataclass(frozen=True)
class Judged:
    """Rows whose lists are judged, by what, and what was odd about it."""

    asked: NDArray[np.int64]
    truth: Truth
    notes: list[str] = field(default_factory=list)
