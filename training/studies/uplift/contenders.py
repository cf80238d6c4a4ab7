"""The rows of the uplift table: every learner scores the same hidden folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.models.uplift.boosted import BoostedConfig
from training.models.uplift.chosen import Chosen, ChosenConfig
from training.models.uplift.experiment import Array, Experiment, Learner, out_of_fold
from training.models.uplift.meta_learners import DrLearner, Response, SLearner, TwoModel, XLearner
from training.models.uplift.tree_size import SIZES, Sized
from training.studies.study import Arrays, Contender, Task

DATA = "experiment"  # what the study's `prepare` writes


@dataclass(frozen=True)
class TreeRow:
    """A learner of the field.

    Attributes:
        name: of the row.
        make: settings of its trees → learner.
    """

    name: str
    make: Callable[[BoostedConfig], Learner]

    def answer(self, task: Task) -> Arrays:
        """Score the hidden folds; with a budget the size of the trees is chosen anew within every fold's training rows."""
        config = task.settings(BoostedConfig())
        if task.fixed is not None or task.budget_s == 0:
            return {"scores": _scores(task, self.make(config))}
        sized = Sized(self.make)
        scores = _scores(task, sized)
        _charge(task, sized.seconds)
        task.used.clear()  # there is no one setting to fix
        counts = [f"{size.num_leaves} leaves × {size.rounds} rounds {sized.picks.count(place)}" for place, size in enumerate(SIZES)]
        task.notes.append(f"trees chosen in {len(sized.picks)} folds: {', '.join(counts)}")
        return {"scores": scores}


@dataclass(frozen=True)
class ChosenRow:
    """Our own learner."""

    name: str = "chosen"

    def answer(self, task: Task) -> Arrays:
        """Score the hidden folds; the choice is made anew within every fold's training rows."""
        learner = Chosen(task.settings(ChosenConfig()))
        scores = _scores(task, learner)
        _charge(task, learner.seconds)
        picked = ", ".join(f"{name} {count}" for name, count in Counter(learner.picks).most_common())
        task.notes.append(f"chosen in {len(learner.picks)} folds: {picked}")
        return {"scores": scores}


def _scores(task: Task, learner: Learner) -> Array:
    """`(repeats, n)` out-of-fold scores."""
    data = task.arrays(DATA)
    experiment = Experiment(data["inputs"], tuple(data["levels"].tolist()), data["treated"], data["outcome"])
    scores = np.empty(data["fold"].shape)
    with task.fitting():
        for repeat, fold in enumerate(data["fold"]):
            task.tell(f"repeat {repeat + 1} of {len(scores)}")
            scores[repeat] = out_of_fold(learner, experiment, fold, seed=task.seed)
    return scores


def _charge(task: Task, seconds: float) -> None:
    """Choosing happened within the fits: it is tuning all the same."""
    task.seconds["tune"] += seconds
    task.seconds["fit"] -= seconds


CONTENDERS: tuple[Contender, ...] = (
    TreeRow("response", Response),
    TreeRow("two_model", TwoModel),
    TreeRow("s_learner", SLearner),
    TreeRow("x_learner", XLearner),
    TreeRow("dr_learner", DrLearner),
    ChosenRow(),
)
