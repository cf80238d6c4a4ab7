"""The rows of `huitou evaluate bundles`."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from training.datasets.bundle_pairs import BundlePairs
from training.models.bundle_reranker import (
    Reranker,
    RerankerSettings,
    RerankerTrees,
    fit_reranker,
    grow_reranker,
    know,
    label_candidates,
)
from training.models.stacked_als import StackedAlsSettings, fit_stacked_als
from training.studies.pair_lists.contender import NoSettings, Scored, Scorer, popularity
from training.studies.pair_lists.factorised import als, ease
from training.studies.pair_lists.ground import TUNED_AT, Ground, read_ground
from training.studies.study import Arrays, Task
from training.studies.tuning import Between, OneOf, Space, search

OWN = "stacked ALS, re-ranked"

STACK_SPACE: Space = {
    "factors": Between(32, 192, log=True, whole=True),
    "regularization": Between(1.0, 500.0, log=True),
    "alpha": Between(1.0, 60.0, log=True),
    "iterations": Between(5, 12, whole=True),
    "item_weight": Between(0.02, 2.0, log=True),
    "content_weight": Between(0.05, 4.0, log=True),
    "identity_weight": Between(0.1, 10.0, log=True),
    "size_exponent": Between(0.0, 1.0),
}
_TREE_SPACE: Space = {
    "num_leaves": OneOf((7, 15, 31)),
    "rounds": OneOf((100, 200, 300)),
    "min_data_in_leaf": OneOf((30, 100, 300)),
    "feature_fraction": OneOf((0.3, 0.5, 0.8)),
    "lambda_l2": OneOf((1.0, 10.0, 50.0)),
}
_WORTHWHILE = 2.0  # the labels' own time that must be left of the budget, or trees are not worth beginning with
_STACK_SHARE = 0.6  # of the budget goes to the factorisation, on which everything rests; the trees' labels take a part of the rest


def fit_stack(pairs: BundlePairs, settings: StackedAlsSettings, seed: int, threads: int) -> Scorer:
    """Stacked ALS as a scorer."""
    factors = fit_stacked_als(pairs, settings, seed=seed, threads=threads)
    return lambda rows: np.asarray(factors.users[rows] @ factors.bundles.T, np.float32)


STACK = Scored("stacked ALS", StackedAlsSettings(), fit_stack, STACK_SPACE)


@dataclass(frozen=True)
class Reranked:
    """Stacked ALS under trees; our own."""

    name: str = OWN

    def answer(self, task: Task) -> Arrays:
        """Lists of the rows asked for; see `training.studies.study.Contender`."""
        ground = read_ground(task)
        _note_what_is_absent(task, ground)
        settings = task.settings(RerankerSettings(), lambda: self._tuned(task, ground))
        with task.fitting():
            reranker = fit_reranker(ground.known, settings, seed=task.seed, threads=task.threads, tell=task.tell)
        if not reranker.boosters:
            task.notes.append("Too few pairs to learn a re-ranking from; the order is the factorisation's.")
        with task.predicting():
            lists = reranker.lists(ground.asked, ground.depth)
        return {"lists": lists}

    def _tuned(self, task: Task, ground: Ground) -> RerankerSettings:
        """First the factorisation by its own ranking, then the trees above the one that was chosen."""
        started = time.perf_counter()
        users = ground.tuning_users(task.seed)
        shipped = RerankerSettings()
        if not len(users):
            return shipped
        settings = shipped.model_copy(update={"stack": STACK.tuned(task, ground, budget_s=_STACK_SHARE * task.budget_s)})
        begun = time.perf_counter()
        knowledge = know(ground.learning, settings.stack, seed=task.seed, threads=task.threads)
        found = knowledge.candidates(users, settings.candidates)
        now = time.perf_counter()
        if task.budget_s - (now - started) < _WORTHWHILE * settings.folds * (now - begun):
            task.notes.append("The budget went to the factorisation; its trees have the shipped settings.")
            return settings
        task.tell("tuning: labels for the trees")
        labelled = label_candidates(ground.learning, settings, seed=task.seed, threads=task.threads)

        def score(trees: RerankerTrees) -> float:
            boosters = grow_reranker(labelled, settings.model_copy(update={"trees": trees}), seed=task.seed, threads=task.threads)
            return ground.tuning_score(Reranker(boosters, knowledge, settings.candidates).ranked(found, TUNED_AT), users)

        left = max(task.budget_s - (time.perf_counter() - started), 0.0)
        trees = search(settings.trees, _TREE_SPACE, score, budget_s=left, seed=task.seed, tell=task.tell)
        return settings.model_copy(update={"trees": trees})


def _note_what_is_absent(task: Task, ground: Ground) -> None:
    for matrix, what in ((ground.known.items, "user's items"), (ground.known.contents, "bundle's contents")):
        if not matrix.nnz:
            task.notes.append(f"No {what} are known; what they would have told is missing.")


CONTENDERS = (
    Scored("popularity", NoSettings(), popularity),
    als("ALS on pairs"),
    ease("EASE on pairs"),
    STACK,
    Reranked(),
)
