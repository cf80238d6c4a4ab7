"""`huitou evaluate items`: which item a user takes next, learned from who took what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.studies.items.contenders import OWN
from training.studies.pair_lists.ground import Ground, protocol, write_ground
from training.studies.pair_lists.judgement import Truth, judge_lists
from training.studies.pair_lists.pair_file import Names
from training.studies.pair_lists.splits import Splits
from training.studies.study import Arrays, Judgement, Prepared, Tell

CUTS = (10, 20)
MEASURES = ("recall", "ndcg", "hit")


class ItemsStudy:
    """Ranks all items for every user with test pairs.

    Args:
        train, test, tune: files of pairs, or of one user a line followed by items; without `tune` settings are chosen on a part of `train`.
        seed: of that part.
    """

    name: ClassVar[str] = "items"
    contenders: ClassVar[str] = "training.studies.items.contenders"
    own: ClassVar[str] = OWN
    headline: ClassVar[tuple[str, ...]] = tuple(f"{measure}_{k}" for k in CUTS for measure in MEASURES)

    def __init__(self, train: Path, test: Path, tune: Path | None, *, seed: int) -> None:
        self.train, self.test, self.tune = train, test, tune
        self.seed = seed
        self._truth: Truth | None = None

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """Read and check; see `training.studies.study.Study`."""
        tell("reading pairs")
        splits = Splits.read(self.train, self.test, self.tune, lists=True)
        tune = splits.tune
        users = Names([*splits.train.left, *(tune.left if tune else ())])
        items = Names([*splits.train.right, *(tune.right if tune else ())])
        bought = splits.train.matrix(users, items)
        tuning = tune.matrix(users, items) if tune else sparse.csr_matrix(bought.shape, dtype=np.float32)
        judged = splits.truth(users, items, np.diff(bought.indptr) > 0)
        self._truth = judged.truth
        pairs = BundlePairs(bought, sparse.csr_matrix((len(users.ids), 0), dtype=np.float32), sparse.csr_matrix((len(items.ids), 0)))
        write_ground(folder, Ground(pairs, pairs, tuning, judged.asked, max(CUTS)), seed=self.seed)
        return Prepared(
            dataset=self.train.resolve().parent.name,
            protocol=protocol("items", own_tune=tune is not None),
            facts={
                "users": len(users.ids),
                "items": len(items.ids),
                "training pairs": int(bought.nnz),
                "tuning pairs": int(tuning.nnz),
                "users judged": len(judged.asked),
                "test pairs judged": int(judged.truth.wanted.sum()),
            },
            notes=[*(note for file in splits.files for note in file.notes), *judged.notes],
        )

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """Compare with the test pairs; see `training.studies.study.Study`."""
        assert self._truth is not None  # noqa: S101 - the runner prepares first
        return judge_lists(answers, self._truth, self.own, measures=MEASURES, cuts=CUTS, seed=seed)
