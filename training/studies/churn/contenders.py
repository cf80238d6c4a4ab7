"""The rows of the churn table: each reads the prepared snapshots and answers P(no order within the horizon) of every judged row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from features.errors import TooLittleHistory
from training.datasets.hazard_rows import Snapshots, naive
from training.models.trees import TreeConfig
from training.studies.churn.snapshots import snapshots_of
from training.studies.study import Arrays, Contender, NotAnswered, Task
from training.studies.tuning import Between, Space, search

if TYPE_CHECKING:
    from training.evaluation.churn import Baseline

OWN, DIRECT = "return hazard", "direct LightGBM"
HISTORY, JUDGED, PLAN = "history", "judged", "plan.json"
_SPACE: Space = {
    "num_leaves": Between(4, 31, log=True, whole=True),
    "learning_rate": Between(0.01, 0.1, log=True),
    "rounds": Between(100, 600, log=True, whole=True),
    "min_data_in_leaf": Between(50, 1000, log=True, whole=True),
    "feature_fraction": Between(0.15, 1.0),
    "lambda_l2": Between(0.1, 100.0, log=True),
}


class Plan(BaseModel):
    """What is asked.

    Attributes:
        until: last moment a training label may look at, UTC.
        horizons: days.
    """

    model_config = ConfigDict(frozen=True)

    until: datetime
    horizons: tuple[int, ...]


def answer_key(horizon: int) -> str:
    """Name of the array of a horizon's answers."""
    return f"churn_{horizon}d"


@dataclass(frozen=True)
class _Asked:
    plan: Plan
    history: Snapshots
    judged: Snapshots

    @classmethod
    def of(cls, task: Task) -> _Asked:
        plan = Plan.model_validate(json.loads((task.folder / PLAN).read_text(encoding="utf-8")))
        return cls(plan, snapshots_of(task.arrays(HISTORY)), snapshots_of(task.arrays(JUDGED)))

    def answers(self, baseline: Baseline) -> Arrays:
        """Of the horizons that could be learned.

        Raises:
            NotAnswered: none could.
        """
        found = {answer_key(h): baseline(self.judged.stored, h) for h in self.plan.horizons}
        given = {key: values for key, values in found.items() if values is not None}
        if not given:
            shortest = min(self.plan.horizons)
            raise NotAnswered(
                f"No label of {shortest} days is closed by {self.plan.until.date()} with both outcomes, so there is nothing to learn from."
            )
        return given


@dataclass(frozen=True)
class Fitted:
    """A baseline without settings.

    Attributes:
        name: as the table shows it.
        fit: (snapshots, until) → (stored features, horizon) → P(no order).
    """

    name: str
    fit: Callable[[Snapshots, datetime], Baseline]

    def answer(self, task: Task) -> Arrays:
        """See `training.studies.study.Contender`."""
        task.settings(_NoSettings())
        asked = _Asked.of(task)
        try:
            with task.fitting():
                baseline = self.fit(asked.history, asked.plan.until)
            with task.predicting():
                return asked.answers(baseline)
        except TooLittleHistory as error:
            raise NotAnswered(str(error)) from error


@dataclass(frozen=True)
class Grown:
    """A LightGBM model with settings.

    Attributes:
        name: as the table shows it.
        default: shipped settings.
        fit: (snapshots, plan, settings, seed) → (stored features, horizon) → P(no order).
    """

    name: str
    default: TreeConfig
    fit: Callable[[Snapshots, Plan, Any, int], Baseline]

    def answer(self, task: Task) -> Arrays:
        """See `training.studies.study.Contender`."""
        asked = _Asked.of(task)
        try:
            settings = task.settings(self.default, lambda: self._tuned(asked, task))
            with task.fitting():
                baseline = self.fit(asked.history, asked.plan, settings, task.seed)
            with task.predicting():
                return asked.answers(baseline)
        except TooLittleHistory as error:
            raise NotAnswered(str(error)) from error

    def _tuned(self, asked: _Asked, task: Task) -> TreeConfig:
        """Settings with the least log loss at the newest training date that has a closed label, fitted on what was known by then."""
        inner = inner_dates(asked.history, asked.plan)
        if inner is None:
            task.notes.append("The history is too short to tune on; these are the shipped settings.")
            return self.default
        plan, horizon = inner
        judged = asked.history.at([plan.until])
        left = (judged.wait > horizon).astype(np.float64)

        def score(settings: TreeConfig) -> float:
            from training.evaluation.classification import log_loss

            p = self.fit(asked.history, plan, settings, task.seed)(judged.stored, horizon)
            return -np.inf if p is None else -log_loss(left, p)

        return search(self.default, _SPACE, score, budget_s=task.budget_s, seed=task.seed, tell=task.tell)


def inner_dates(history: Snapshots, plan: Plan) -> tuple[Plan, int] | None:
    """An earlier question of the same kind, all of whose labels are training labels: (plan, horizon); None in a short history."""
    dates = np.unique(history.as_of)
    days = (naive(plan.until) - dates) / np.timedelta64(1, "D")
    horizon = int(min(*plan.horizons, days.max(initial=0) / 3) // 7 * 7)
    closed = dates[days >= horizon]
    if horizon < 7 or len(closed) < 2:
        return None
    until = closed[-1].astype("datetime64[us]").item().replace(tzinfo=plan.until.tzinfo)
    return Plan(until=until, horizons=(horizon,)), horizon


class _NoSettings(BaseModel):
    model_config = ConfigDict(frozen=True)


def _logistic(columns: str) -> Callable[[Snapshots, datetime], Baseline]:
    def fit(history: Snapshots, until: datetime) -> Baseline:
        from training.models.churn_baselines import COLUMNS, fit_logistic

        return fit_logistic(history, COLUMNS[columns], until=until)

    return fit


def _bgnbd(history: Snapshots, until: datetime) -> Baseline:
    from training.models.bgnbd import fit_bgnbd
    from training.models.churn_baselines import fit_parametric

    return fit_parametric(history, fit_bgnbd, until=until)


def _pareto_nbd(history: Snapshots, until: datetime) -> Baseline:
    from training.models.churn_baselines import fit_parametric
    from training.models.pareto_nbd import fit_pareto_nbd

    return fit_parametric(history, fit_pareto_nbd, until=until)


def _direct(history: Snapshots, plan: Plan, config: TreeConfig, seed: int) -> Baseline:
    from training.models.churn_baselines import fit_direct

    return fit_direct(history, plan.horizons, until=plan.until, config=config, seed=seed)


def _hazard(history: Snapshots, plan: Plan, config: Any, seed: int) -> Baseline:  # noqa: ANN401 - its own settings, imported below
    from training.models.return_hazard import fit_return_hazard

    return fit_return_hazard(history, until=plan.until, config=config, seed=seed).churn_probability


def _own_default() -> TreeConfig:
    from training.models.return_hazard import ReturnHazardConfig

    return ReturnHazardConfig()


CONTENDERS: tuple[Contender, ...] = (
    Fitted("recency", _logistic("recency")),
    Fitted("frequency", _logistic("frequency")),
    Fitted("RFM logistic", _logistic("rfm_logistic")),
    Fitted("BG/NBD", _bgnbd),
    Fitted("Pareto/NBD", _pareto_nbd),
    Grown(DIRECT, TreeConfig(learning_rate=0.025, rounds=600), _direct),  # as many trees as ours
    Grown(OWN, _own_default(), _hazard),
)
