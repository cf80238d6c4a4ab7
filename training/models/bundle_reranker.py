"""Re-ranks the first bundles of the stacked factorisation with gradient-boosted trees.

The labels come from an inner split: each user's known pairs are dealt into folds; one fold is hidden, everything (factorisations included)
is computed anew from the rest, and the trees learn which candidates were hidden. So every known pair serves as a label once, and nothing
that is tuned or judged on is ever learned from. Measured: docs/evidence.md, "Bundles".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.datasets.bundle_pairs import BundlePairs
from training.datasets.pair_split import deal, keep
from training.evaluation.ranking import NONE, membership
from training.models.bundle_candidates import Block, Candidates, Knowledge
from training.models.stacked_als import StackedAlsSettings, StackedFactors, fit_stacked_als
from training.models.trees import Task, TreeConfig, grow

_LABEL_USERS = 10_000  # per fold; more say the same and cost memory
_FEWEST_LABELS = 50  # hidden pairs among the candidates; below that the first ranking is left as it is
_VIEWS = ((1.0, 1.0), (2.0, 1.42))  # factors on alpha and regularization: views that err differently, each as good as the other on Youshu
_GROVES = 2  # boosters, each with negatives of its own, averaged


class RerankerTrees(TreeConfig):
    """Trees for some hundred thousand candidates; chosen on Youshu's validation pairs among 7 to 31 leaves, 100 to 300 rounds."""

    num_leaves: int = 15
    rounds: int = 200
    min_data_in_leaf: int = 100
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.7
    lambda_l2: float = 10.0


class RerankerSettings(BaseModel):
    """What may be set.

    Attributes:
        stack: of the factorisation below.
        trees: of the trees above.
        candidates: first bundles of the factorisation that are ranked again.
        folds: into which the known pairs are dealt; 4 hides about as much as Youshu's test set holds.
        negatives: share of the candidates that were not hidden that the trees learn from.
    """

    model_config = ConfigDict(frozen=True)

    stack: StackedAlsSettings = StackedAlsSettings()
    trees: RerankerTrees = RerankerTrees()
    candidates: int = 150
    folds: int = 4
    negatives: float = 0.3


@dataclass(frozen=True)
class Labelled:
    """Candidates of users of whom a part was hidden.

    Attributes:
        columns: `(rows, features)`, one row per user and candidate.
        hidden: `(rows,)` whether the candidate was.
        names: of the features.
    """

    columns: Block
    hidden: NDArray[np.bool_]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Reranker:
    """Trees and what they look at; without trees the factorisation's own order stands."""

    boosters: Sequence[lgb.Booster]
    knowledge: Knowledge
    candidates: int

    def lists(self, users: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        """The k best bundles of each user, `(n, ≤ k)`, best first, `NONE` where nothing is left."""
        return self.ranked(self.knowledge.candidates(users, self.candidates), k)

    def ranked(self, found: Candidates, k: int) -> NDArray[np.int64]:
        """Candidates found before, in the trees' order."""
        shape = found.bundles.shape
        score = found.columns[:, :, found.names.index("als")].astype(np.float64)
        if self.boosters:
            flat = found.columns.reshape(-1, len(found.names))
            score = np.mean([np.asarray(b.predict(flat, raw_score=True)) for b in self.boosters], axis=0).reshape(shape)
        score[found.vacant] = -np.inf
        order = np.argsort(-score, axis=1, kind="stable")[:, :k]
        vacant = np.take_along_axis(found.vacant, order, axis=1)
        return np.where(vacant, NONE, np.take_along_axis(found.bundles, order, axis=1))


def fit_reranker(
    pairs: BundlePairs, settings: RerankerSettings, *, seed: int, threads: int, tell: Callable[[str], None] = lambda _: None
) -> Reranker:
    """Hide, learn, and look at everything again.

    Args:
        pairs: all that may be seen.
        settings: see there.
        seed: of everything random.
        threads: of the factorisations, and trees grown side by side.
        tell: progress.
    """
    labelled = label_candidates(pairs, settings, seed=seed, threads=threads, tell=tell)
    tell("fitting: everything that is known")
    knowledge = know(pairs, settings.stack, seed=seed, threads=threads)
    tell("fitting: trees")
    return Reranker(grow_reranker(labelled, settings, seed=seed, threads=threads), knowledge, settings.candidates)


def know(pairs: BundlePairs, stack: StackedAlsSettings, *, seed: int, threads: int) -> Knowledge:
    """Factorise the pairs in several views."""
    views: list[StackedFactors] = []
    for number, (alpha, regularization) in enumerate(_VIEWS):
        update = {"alpha": stack.alpha * alpha, "regularization": stack.regularization * regularization}
        views.append(fit_stacked_als(pairs, stack.model_copy(update=update), seed=seed + number, threads=threads))
    return Knowledge(pairs, views, seed)


def label_candidates(
    pairs: BundlePairs, settings: RerankerSettings, *, seed: int, threads: int, tell: Callable[[str], None] = lambda _: None
) -> Labelled:
    """Hide each fold in turn and note which candidates were in it."""
    fold = deal(pairs.bought, settings.folds, seed=seed)
    random = np.random.default_rng(seed)
    columns: list[Block] = []
    hidden: list[NDArray[np.bool_]] = []
    names: tuple[str, ...] = ()
    for number in range(settings.folds):
        tell(f"fitting: labels from fold {number + 1} of {settings.folds}")
        away = keep(pairs.bought, fold == number)
        users = np.flatnonzero(np.diff(away.indptr))
        if not len(users):
            continue
        if len(users) > _LABEL_USERS:
            users = np.sort(random.choice(users, _LABEL_USERS, replace=False))
        known = know(pairs.knowing(keep(pairs.bought, fold != number)), settings.stack, seed=seed + 100 * (number + 1), threads=threads)
        found = known.candidates(users, settings.candidates)
        was_hidden = membership(found.bundles, away[users])
        telling = np.asarray(
            was_hidden.any(axis=1), np.bool_
        )  # a user none of whose hidden pairs is a candidate teaches nothing about their order
        use = telling[:, None] & ~found.vacant
        columns.append(found.columns[use])
        hidden.append(was_hidden[use])
        names = found.names
    if not columns:
        return Labelled(np.empty((0, 0), np.float32), np.empty(0, np.bool_), ())
    return Labelled(np.concatenate(columns), np.concatenate(hidden), names)


def grow_reranker(labelled: Labelled, settings: RerankerSettings, *, seed: int, threads: int) -> list[lgb.Booster]:
    """Grow the trees; none when there is too little to learn from."""
    if labelled.hidden.sum() < _FEWEST_LABELS or labelled.hidden.all():
        return []
    random = np.random.default_rng(seed)
    tasks = []
    for _ in range(_GROVES):
        use = labelled.hidden | (random.random(len(labelled.hidden)) < settings.negatives)
        tasks.append(Task(labelled.columns[use].astype(np.float64), labelled.hidden[use].astype(np.float64)))
    return grow(tasks, settings.trees, names=labelled.names, seed=seed % 2**31, workers=threads)
