"""No learner can see what it is judged by."""

from __future__ import annotations

import numpy as np

from tests.training.models.uplift.planted import planted
from training.evaluation.repeated_folds import stratified_folds
from training.models.uplift.experiment import Array, Experiment, Scorer, out_of_fold


class Remembering:
    """Gives people it has met their own outcome for a score: the best that a leak could do."""

    def __init__(self) -> None:
        self.met: list[set[bytes]] = []

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        known = {row.tobytes(): y for row, y in zip(experiment.inputs, experiment.outcome, strict=True)}
        self.met.append(set(known))
        return lambda inputs: np.array([known.get(row.tobytes(), -1.0) for row in inputs])


def test_a_learner_meets_every_row_but_those_it_scores() -> None:
    experiment, _ = planted(people=500)
    fold = stratified_folds(experiment.strata, folds=5, repeats=1, seed=3)[0]
    learner, told = Remembering(), []
    scores = out_of_fold(learner, experiment, fold, seed=1, tell=told.append)
    assert (scores == -1.0).all()  # nobody who is scored was known
    assert told == [0, 1, 2, 3, 4]
    rows = [row.tobytes() for row in experiment.inputs]
    for hidden, met in enumerate(learner.met):
        assert met == {row for row, k in zip(rows, fold, strict=True) if k != hidden}


def test_the_hidden_fold_s_outcomes_do_not_move_its_scores() -> None:
    experiment, _ = planted(people=600)
    fold = stratified_folds(experiment.strata, folds=5, repeats=1, seed=3)[0]
    turned = Experiment(
        experiment.inputs, experiment.levels, experiment.treated, np.where(fold == 2, 1 - experiment.outcome, experiment.outcome)
    )

    class Mean:
        def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
            level = experiment.outcome.mean()
            return lambda inputs: np.full(len(inputs), level)

    before, after = (out_of_fold(Mean(), e, fold, seed=1) for e in (experiment, turned))
    assert (before[fold == 2] == after[fold == 2]).all()
    assert (before[fold != 2] != after[fold != 2]).all()


def test_rows_and_strata() -> None:
    experiment, _ = planted(people=200)
    part: Experiment = experiment.rows(experiment.treated)
    assert part.treated.all()
    assert part.levels == experiment.levels
    assert experiment.binary
    assert not planted("number", people=200)[0].binary
    counts: Array = np.bincount(experiment.strata, minlength=4)
    assert counts.sum() == 200
    assert (counts > 0).all()
