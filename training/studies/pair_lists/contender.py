"""The form of nearly every contender of a study of ranked lists: settings, where to look for better ones, and a fit that scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.evaluation.ranking import ranked_lists
from training.studies.pair_lists.ground import TUNED_AT, Ground, read_ground
from training.studies.study import Arrays, NotAnswered, Task
from training.studies.tuning import Space, search

Settings = TypeVar("Settings", bound=BaseModel)
Scorer = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Row numbers → a fresh `(rows, columns)` array of scores."""


class NoSettings(BaseModel):
    """Of a baseline without any."""


@dataclass(frozen=True)
class Scored(Generic[Settings]):
    """A contender that scores every column of a row.

    Attributes:
        name: as the table shows it.
        default: shipped settings.
        fit: pairs, settings, seed, threads → scorer.
        space: where to look for better settings; empty for a baseline without any.
        most_columns: it cannot answer on wider data.
        why: what `most_columns` is about, in the middle of a sentence.
    """

    name: str
    default: Settings
    fit: Callable[[BundlePairs, Settings, int, int], Scorer]
    space: Space = field(default_factory=dict)
    most_columns: int | None = None
    why: str = ""

    def answer(self, task: Task) -> Arrays:
        """Lists of the rows asked for; see `training.studies.study.Contender`."""
        ground = read_ground(task)
        columns = ground.known.bought.shape[1]
        if self.most_columns is not None and columns > self.most_columns:
            raise NotAnswered(f"{columns:,} columns, more than {self.most_columns:,}: {self.why}")
        settings = task.settings(self.default, (lambda: self.tuned(task, ground, budget_s=task.budget_s)) if self.space else None)
        with task.fitting():
            scorer = self.fit(ground.known, settings, task.seed, task.threads)
        with task.predicting():
            lists = lists_of(scorer, ground.known.bought, ground.asked, ground.depth)
        return {"lists": lists}

    def tuned(self, task: Task, ground: Ground, *, budget_s: float) -> Settings:
        """The best settings found within `budget_s` by NDCG@20 of the tuning pairs."""
        users = ground.tuning_users(task.seed)
        if not len(users):
            task.notes.append("No user has two training pairs, so settings could not be chosen: the shipped ones were taken.")
            return self.default

        def score(settings: Settings) -> float:
            scorer = self.fit(ground.learning, settings, task.seed, task.threads)
            return ground.tuning_score(lists_of(scorer, ground.learning.bought, users, TUNED_AT), users)

        return search(self.default, self.space, score, budget_s=budget_s, seed=task.seed, tell=task.tell)


def lists_of(scorer: Scorer, owned: sparse.csr_matrix, rows: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Ranked lists; a row of which the scorer knows nothing gets what most took."""
    return ranked_lists(scorer, owned, rows, k, fallback=np.bincount(owned.indices, minlength=owned.shape[1]).astype(np.float32))


def popularity(pairs: BundlePairs, _settings: NoSettings, _seed: int, _threads: int) -> Scorer:
    """The same for everybody: columns by number of takers."""
    takers = np.bincount(pairs.bought.indices, minlength=pairs.bought.shape[1]).astype(np.float32)
    return lambda rows: np.tile(takers, (len(rows), 1))
