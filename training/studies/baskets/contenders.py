"""The rows of the table: who predicts next baskets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from training.datasets.basket_sequences import BasketSequences
from training.evaluation.next_basket import score_baskets
from training.evaluation.ranking import top_k
from training.models.basket_als import BasketAls, BasketAlsSettings
from training.models.basket_similarity import ItemSimilarity, SimilaritySettings
from training.models.next_basket.candidates import CandidateRows
from training.models.next_basket.ranker import NextBasketRanker, NextBasketSettings, prepare
from training.models.tifu_knn import TifuKnn, TifuKnnSettings, batches
from training.models.top_frequency import global_lists, personal_lists
from training.studies.baskets.ground import SplitGround, read_histories, read_split
from training.studies.study import Arrays, Contender, Task
from training.studies.tuning import Between, OneOf, Space, search

Ints = NDArray[np.int64]
Settings = TypeVar("Settings", bound=BaseModel)

LENGTH = 20  # places of a list: the longest cut that is judged
OWN = "repurchase ranker"
CHOSEN_BY = "recall_10"  # what settings are chosen by, for all rows alike


class Scores(Protocol):
    """A fitted model that scores every item."""

    def scores(self, users: Ints) -> NDArray[np.float32]:
        """`(n, items)`, greater is better."""
        ...


def choose(
    default: Settings, space: Space, lists: Callable[[Settings, SplitGround], Ints], task: Task, histories: BasketSequences
) -> Callable[[], Settings]:
    """A search that judges settings on the users of the tuning split; `lists` answers for them."""

    def tune() -> Settings:
        ground = read_split(task, "tuning", histories)
        judged = ground.split.val
        pairs = histories.pairs
        owned = pairs.matrix(np.ones(len(pairs.user)), histories.items)[judged]
        wanted = ground.next_baskets[judged]

        def score(settings: Settings) -> float:
            return float(score_baskets(lists(settings, ground), wanted, owned, cuts=(10,))[CHOSEN_BY].mean())

        if not len(judged):
            return default
        return search(default, space, score, budget_s=task.budget_s, seed=task.seed, tell=task.tell)

    return tune


@dataclass(frozen=True)
class Frequency:
    """A counting baseline without settings.

    Attributes:
        name: as the table shows it.
        lists: histories, users, length → lists.
    """

    name: str
    lists: Callable[[BasketSequences, Ints, int], Ints]

    def answer(self, task: Task) -> Arrays:
        """Lists of every split's test users."""
        histories, splits = read_histories(task)
        with task.predicting():
            asked = [read_split(task, f"split_{number}", histories).split.test for number in range(splits)]
            return {f"split_{number}": self.lists(histories, users, LENGTH) for number, users in enumerate(asked)}


@dataclass(frozen=True)
class Scored(Generic[Settings]):
    """A model that scores every item.

    Attributes:
        name: as the table shows it.
        default: shipped settings.
        space: where better ones are looked for.
        fit: fits on the histories; train users of the split and the task's seed and threads are there for who needs them.
    """

    name: str
    default: Settings
    space: Space
    fit: Callable[[BasketSequences, Ints, Settings, Task], Scores]

    def answer(self, task: Task) -> Arrays:
        """Lists of every split's test users."""
        histories, splits = read_histories(task)

        def lists(settings: Settings, ground: SplitGround) -> Ints:
            return best_items(self.fit(histories, ground.split.train, settings, task), ground.split.val)

        settings = task.settings(self.default, choose(self.default, self.space, lists, task, histories))
        answers: Arrays = {}
        for number in range(splits):
            split = read_split(task, f"split_{number}", histories).split
            with task.fitting():
                model = self.fit(histories, split.train, settings, task)
            with task.predicting():
                answers[f"split_{number}"] = best_items(model, split.test)
        return answers


def best_items(model: Scores, users: Ints) -> Ints:
    """The best items of each user, `(n, LENGTH)`."""
    return np.concatenate([top_k(model.scores(batch), LENGTH) for batch in batches(users)])


class Ranker:
    """Our model. Candidates and features come from histories alone, so all splits share them; the boosters are each split's own."""

    name = OWN
    space: ClassVar[Space] = {
        "rounds": Between(120, 500, log=True, whole=True),
        "num_leaves": Between(15, 63, log=True, whole=True),
        "min_data_in_leaf": Between(30, 300, log=True, whole=True),
        "feature_fraction": Between(0.25, 0.8),
        "lambda_l2": Between(1.0, 50.0, log=True),
    }

    def answer(self, task: Task) -> Arrays:
        """Lists of every split's test users."""
        histories, splits = read_histories(task)
        made: list[CandidateRows] = []

        def rows(settings: NextBasketSettings) -> CandidateRows:
            if not made:  # nothing in the space changes the candidates
                made.append(prepare(histories, np.arange(histories.users), settings, seed=task.seed, threads=task.threads))
            return made[0]

        def ranker(settings: NextBasketSettings, ground: SplitGround) -> NextBasketRanker:
            task.tell("learning")
            return NextBasketRanker(rows(settings), ground.next_baskets, ground.split.train, settings, seed=task.seed, threads=task.threads)

        def lists(settings: NextBasketSettings, ground: SplitGround) -> Ints:
            return ranker(settings, ground).lists(ground.split.val, LENGTH)

        default = NextBasketSettings()
        settings = task.settings(default, choose(default, self.space, lists, task, histories))
        answers: Arrays = {}
        with task.fitting():
            rows(settings)
        for number in range(splits):
            ground = read_split(task, f"split_{number}", histories)
            with task.fitting():
                model = ranker(settings, ground)
            with task.predicting():
                answers[f"split_{number}"] = model.lists(ground.split.test, LENGTH)
        return answers


def _tifu(histories: BasketSequences, train: Ints, settings: TifuKnnSettings, _: Task) -> Scores:
    return TifuKnn(histories, train, settings)


def _cosine(histories: BasketSequences, _: Ints, settings: SimilaritySettings, __: Task) -> Scores:
    return ItemSimilarity(histories, settings)


def _als(histories: BasketSequences, _: Ints, settings: BasketAlsSettings, task: Task) -> Scores:
    return BasketAls(histories, settings, seed=task.seed, threads=task.threads)


CONTENDERS: tuple[Contender, ...] = (
    Frequency("G-TopFreq", global_lists),
    Frequency("P-TopFreq", lambda histories, users, k: personal_lists(histories, users, k, filled=False)),
    Frequency("GP-TopFreq", lambda histories, users, k: personal_lists(histories, users, k, filled=True)),
    Scored(
        "TIFU-kNN",
        TifuKnnSettings(),
        {
            "groups": Between(2, 20, whole=True),
            "within_decay": Between(0.5, 1.0),
            "group_decay": Between(0.5, 1.0),
            "neighbours": Between(50, 1500, log=True, whole=True),
            "alpha": Between(0.02, 0.9),
        },
        _tifu,
    ),
    Scored(
        "item cosine",
        SimilaritySettings(),
        {
            "kind": OneOf(("users", "baskets", "next")),
            "decay": Between(0.3, 1.0),
            "shrink": Between(0.01, 50.0, log=True),
            "nearest": Between(30, 2000, log=True, whole=True),
            "own": Between(0.05, 5.0, log=True),
        },
        _cosine,
    ),
    Scored(
        "ALS",
        BasketAlsSettings(),
        {
            "factors": Between(16, 256, log=True, whole=True),
            "regularization": Between(0.1, 300.0, log=True),
            "alpha": Between(0.3, 100.0, log=True),
            "decay": Between(0.4, 1.0),
            "exponent": Between(0.2, 1.5),
        },
        _als,
    ),
    Ranker(),
)
