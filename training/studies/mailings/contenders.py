"""The rows of the response table: base rates, what a marketer would sort by, logistic regression, LightGBM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.models.uplift.boosted import BoostedConfig, boost
from training.models.uplift.linear_design import LinearDesign
from training.studies.study import Arrays, Contender, Task

Array = NDArray[np.float64]
Fit = Callable[[Array, Array, Task], Callable[[Array], Array]]

DATA = "mailings"  # what the study's `prepare` writes
_HABIT = 2  # column of `training.datasets.mailing_rows.INPUTS`: campaigns redeemed before
_MAILED = 0  # its mailings before
_SMALL = BoostedConfig(num_leaves=7, learning_rate=0.03, rounds=150, min_data_in_leaf=40, feature_fraction=0.5, lambda_l2=10.0)


class NoSettings(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class AnswerRow:
    """One way to foretell answers.

    Attributes:
        name: of the row.
        fit: inputs, answers, task → probability of anybody.
    """

    name: str
    fit: Fit

    def answer(self, task: Task) -> Arrays:
        """Fit each outcome on earlier campaigns, score the later ones."""
        data = task.arrays(DATA)
        outcomes = [key.removeprefix("answer ") for key in data if key.startswith("answer ")]
        scores = {}
        for outcome in outcomes:
            with task.fitting():
                model = self.fit(data["inputs"], data[f"answer {outcome}"], task)
            with task.predicting():
                scores[outcome] = model(data["later"])
        return scores


def _base(inputs: Array, answers: Array, task: Task) -> Callable[[Array], Array]:  # noqa: ARG001
    rate = float(answers.mean())
    return lambda new: np.full(len(new), rate)


def _habit(inputs: Array, answers: Array, task: Task) -> Callable[[Array], Array]:  # noqa: ARG001
    """Share of earlier mailings that were redeemed, drawn towards the base rate by ten mailings' weight, then set to scale by one logit."""

    def share(x: Array) -> Array:
        return np.asarray((x[:, _HABIT] + 10 * rate) / (x[:, _MAILED] + 10))[:, None]

    rate = float(answers.mean())
    return _logit(share(inputs), answers, share)


def _linear(inputs: Array, answers: Array, task: Task) -> Callable[[Array], Array]:  # noqa: ARG001
    design = LinearDesign.of(inputs, (0,) * inputs.shape[1])
    return _logit(design(inputs), answers, design)


def _logit(columns: Array, answers: Array, made: Callable[[Array], Array]) -> Callable[[Array], Array]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=0.1, solver="newton-cholesky").fit(columns, answers)
    return lambda new: np.asarray(model.predict_proba(made(new))[:, 1])


def _trees(inputs: Array, answers: Array, task: Task) -> Callable[[Array], Array]:
    config = task.settings(_SMALL)
    return boost(inputs, (0,) * inputs.shape[1], answers, config, seed=task.seed, kind="binary").expected


CONTENDERS: tuple[Contender, ...] = (
    AnswerRow("base rate", _base),
    AnswerRow("past redemptions", _habit),
    AnswerRow("logistic", _linear),
    AnswerRow("response model", _trees),
)
