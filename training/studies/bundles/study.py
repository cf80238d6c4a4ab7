"""`huitou evaluate bundles`: which bundle a user takes next, learned from who took which bundle and item and from what bundles hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.studies.bundles.contenders import OWN
from training.studies.pair_lists.ground import Ground, protocol, write_ground
from training.studies.pair_lists.judgement import Truth, judge_lists
from training.studies.pair_lists.pair_file import Names, PairFile, read_pairs
from training.studies.pair_lists.splits import Splits
from training.studies.study import Arrays, Judgement, Prepared, StudyRefused, Tell

CUTS = (20, 40)
MEASURES = ("recall", "ndcg")


class BundlesStudy:
    """Ranks all bundles for every user with test pairs.

    Args:
        directory: holds `user_bundle_train.txt` and `user_bundle_test.txt`; `user_bundle_tune.txt`, `user_item.txt` and `bundle_item.txt`
            where they exist.
        seed: of the part of the training pairs on which settings are chosen when there is no tune file.
    """

    name: ClassVar[str] = "bundles"
    contenders: ClassVar[str] = "training.studies.bundles.contenders"
    own: ClassVar[str] = OWN
    headline: ClassVar[tuple[str, ...]] = tuple(f"{measure}_{k}" for k in CUTS for measure in MEASURES)

    def __init__(self, directory: Path, *, seed: int) -> None:
        self.directory = directory
        self.seed = seed
        self._truth: Truth | None = None

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """Read and check; see `training.studies.study.Study`."""
        if not self.directory.is_dir():
            raise StudyRefused(f"--dir {self.directory}: there is no such folder.")
        tell("reading pairs")
        tune = self._optional_path("user_bundle_tune.txt")
        splits = Splits.read(self.directory / "user_bundle_train.txt", self.directory / "user_bundle_test.txt", tune, lists=False)
        user_item, bundle_item = self._optional("user_item.txt"), self._optional("bundle_item.txt")
        users = Names([*splits.train.left, *_left(user_item), *_left(splits.tune)])
        bundles = Names([*splits.train.right, *_left(bundle_item), *_right(splits.tune)])
        items = Names([*_right(user_item), *_right(bundle_item)])
        pairs = BundlePairs(
            bought=splits.train.matrix(users, bundles),
            items=_matrix(user_item, users, items),
            contents=_matrix(bundle_item, bundles, items),
        )
        tuning = _matrix(splits.tune, users, bundles)
        judged = splits.truth(users, bundles, (np.diff(pairs.bought.indptr) + np.diff(pairs.items.indptr)) > 0)
        self._truth = judged.truth
        write_ground(folder, Ground(pairs, pairs, tuning, judged.asked, max(CUTS)), seed=self.seed)
        return Prepared(
            dataset=self.directory.resolve().name,
            protocol=protocol("bundles", own_tune=tune is not None),
            facts={
                "users": len(users.ids),
                "bundles": len(bundles.ids),
                "items": len(items.ids),
                "training pairs": int(pairs.bought.nnz),
                "tuning pairs": int(tuning.nnz),
                "users judged": len(judged.asked),
                "test pairs judged": int(judged.truth.wanted.sum()),
                "user-item pairs": int(pairs.items.nnz),
                "bundle-item pairs": int(pairs.contents.nnz),
            },
            notes=[*(note for file in _present(*splits.files, user_item, bundle_item) for note in file.notes), *judged.notes],
        )

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """Compare with the test pairs; see `training.studies.study.Study`."""
        assert self._truth is not None  # noqa: S101 - the runner prepares first
        return judge_lists(answers, self._truth, self.own, measures=MEASURES, cuts=CUTS, seed=seed)

    def _optional_path(self, name: str) -> Path | None:
        path = self.directory / name
        return path if path.exists() else None

    def _optional(self, name: str) -> PairFile | None:
        path = self._optional_path(name)
        return None if path is None else read_pairs(path, lists=False)


def _present(*files: PairFile | None) -> list[PairFile]:
    return [file for file in files if file is not None]


def _left(file: PairFile | None) -> Iterable[str]:
    return file.left if file else ()


def _right(file: PairFile | None) -> Iterable[str]:
    return file.right if file else ()


def _matrix(file: PairFile | None, rows: Names, columns: Names) -> sparse.csr_matrix:
    return file.matrix(rows, columns) if file else sparse.csr_matrix((len(rows.ids), len(columns.ids)), dtype=np.float32)
