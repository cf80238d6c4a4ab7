"""The rows of the purchases table: each answers expected order days and spend of every judged customer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.errors import TooLittleHistory
from training.datasets.hazard_rows import Snapshots
from training.datasets.order_periods import OrderDays
from training.models.value_fit import ValueConfig
from training.studies.churn.contenders import HISTORY, JUDGED, PLAN, Plan
from training.studies.churn.snapshots import snapshots_of
from training.studies.study import Arrays, Contender, NotAnswered, Task
from training.studies.tuning import Between, Space, search

if TYPE_CHECKING:
    from training.artifacts.value import ValueModel

OWN, ORDER_DAYS = "value model", "order_days"
QUANTITIES = ("orders", "spend")
_SPACE: Space = {
    "rounds": Between(30, 400, log=True, whole=True),
    "num_leaves": Between(4, 31, log=True, whole=True),
    "min_data_in_leaf": Between(50, 1000, log=True, whole=True),
    "lambda_l2": Between(1.0, 100.0, log=True),
}

Array = NDArray[np.float64]
Forecast = Callable[[Array, float], tuple[Array, Array]]  # (stored features, days) → expected order days, expected spend


def answer_key(quantity: str, horizon: int) -> str:
    """Name of the array of a quantity within a horizon."""
    return f"{quantity}_{horizon}d"


def write_order_days(folder: Path, order_days: OrderDays) -> None:
    """Keep for the contenders."""
    np.savez(
        folder / f"{ORDER_DAYS}.npz",
        allow_pickle=False,
        customer_id=order_days.customer_id,
        key=order_days.key,
        spend=order_days.spend,
        scale=np.array([order_days.start, order_days.span]),
    )


def order_days_of(arrays: Arrays) -> OrderDays:
    """From the arrays that `write_order_days` kept."""
    start, span = (int(value) for value in arrays["scale"])
    return OrderDays(arrays["customer_id"], arrays["key"], arrays["spend"], start, span)


class RepeatBuying(Protocol):
    """A parametric model of orders."""

    def expected_orders(self, repeats: Array, last: Array, age: Array, horizon: float) -> Array:
        """Expected orders within the horizon given the history, (n,)."""
        ...


class _NoSettings(BaseModel):
    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True)
class Asked:
    """What a contender is asked.

    Attributes:
        plan: horizons, and the last moment of a label.
        history: snapshots to learn from.
        judged: every customer at the as-of date.
        order_days: the orders up to that moment.
    """

    plan: Plan
    history: Snapshots
    judged: Snapshots
    order_days: OrderDays

    @classmethod
    def of(cls, task: Task) -> Asked:
        """Read what was prepared."""
        plan = Plan.model_validate(json.loads((task.folder / PLAN).read_text(encoding="utf-8")))
        history, judged = (snapshots_of(task.arrays(name)) for name in (HISTORY, JUDGED))
        return cls(plan, history, judged, order_days_of(task.arrays(ORDER_DAYS)))

    def answers(self, forecast: Forecast) -> Arrays:
        """Both quantities at every horizon."""
        found: Arrays = {}
        for horizon in self.plan.horizons:
            for quantity, values in zip(QUANTITIES, forecast(self.judged.stored, float(horizon)), strict=True):
                found[answer_key(quantity, horizon)] = values
        return found


@dataclass(frozen=True)
class Simple:
    """A row without settings.

    Attributes:
        name: as the table shows it.
        fit: from the judged customers' features, which hold all that it reads of the history.
    """

    name: str
    fit: Callable[[Array], Forecast]

    def answer(self, task: Task) -> Arrays:
        """See `training.studies.study.Contender`."""
        task.settings(_NoSettings())
        asked = Asked.of(task)
        try:
            with task.fitting():
                forecast = self.fit(asked.judged.stored)
            with task.predicting():
                return asked.answers(forecast)
        except TooLittleHistory as error:
            raise NotAnswered(str(error)) from error


@dataclass(frozen=True)
class Value:
    """The value model."""

    name: str = OWN

    def answer(self, task: Task) -> Arrays:
        """See `training.studies.study.Contender`."""
        from training.models.value_fit import fit_value

        asked = Asked.of(task)
        try:
            settings = task.settings(ValueConfig(), lambda: _tuned(asked, task))
            with task.fitting():
                model = fit_value(asked.history, asked.order_days, until=asked.plan.until, config=settings, seed=task.seed)
            with task.predicting():
                found = asked.answers(model.forecast)
                return found | _intervals(model, asked)
        except TooLittleHistory as error:
            raise NotAnswered(str(error)) from error


def _intervals(model: ValueModel, asked: Asked) -> Arrays:
    bounds: Arrays = {}
    for horizon in asked.plan.horizons:
        _, low, high = model.spend(asked.judged.stored, float(horizon))
        bounds |= {f"spend_low_{horizon}d": low, f"spend_high_{horizon}d": high}
    return bounds


def _tuned(asked: Asked, task: Task) -> ValueConfig:
    """Settings with the least Poisson deviance of the orders since an earlier date, fitted on what was known by then."""
    from datetime import timedelta

    from training.models.value_fit import fit_value

    dates = sorted({moment.item() for moment in np.unique(asked.history.as_of)})
    zone = asked.plan.until.tzinfo
    horizon = min(*asked.plan.horizons, (asked.plan.until.replace(tzinfo=None) - dates[0]).days // 3)
    earlier = [date for date in dates if date + timedelta(days=horizon) <= asked.plan.until.replace(tzinfo=None)]
    if horizon < 28 or len(earlier) < 10:
        task.notes.append("The history is too short to tune on; these are the shipped settings.")
        return ValueConfig()
    until = earlier[-1].replace(tzinfo=zone)
    judged = asked.history.at([until])
    outcome, _ = asked.order_days.within(judged.customer_id, judged.as_of, horizon)

    def score(settings: ValueConfig) -> float:
        model = fit_value(asked.history, asked.order_days.until(until), until=until, config=settings, seed=task.seed)
        expected = np.maximum(model.orders(judged.stored, np.array([float(horizon)]))[:, 0], 1e-9)
        return float((outcome * np.log(expected) - expected).mean())

    return search(ValueConfig(), _SPACE, score, budget_s=task.budget_s, seed=task.seed, tell=task.tell)


def _mean_of_past(_: Array) -> Forecast:
    from training.evaluation.value import mean_of_past

    return mean_of_past


def _with_amounts(stored: Array, model: RepeatBuying) -> Forecast:
    """Orders by the model, spend by gamma–gamma's amount of each."""
    from training.artifacts.value import purchase_history, usual_amount
    from training.models.value_fit import fit_amounts

    amounts = fit_amounts(stored)

    def forecast(customers: Array, days: float) -> tuple[Array, Array]:
        orders = model.expected_orders(*purchase_history(customers), days)
        return orders, orders * (0.0 if amounts is None else usual_amount(amounts, customers))

    return forecast


def _bgnbd(stored: Array) -> Forecast:
    from training.artifacts.value import purchase_history
    from training.models.bgnbd import fit_bgnbd

    return _with_amounts(stored, fit_bgnbd(*purchase_history(stored)))


def _pareto_nbd(stored: Array) -> Forecast:
    from training.artifacts.value import purchase_history
    from training.models.pareto_nbd import fit_pareto_nbd

    return _with_amounts(stored, fit_pareto_nbd(*purchase_history(stored)))


CONTENDERS: tuple[Contender, ...] = (
    Simple("mean of the past", _mean_of_past),
    Simple("BG/NBD, gamma–gamma", _bgnbd),
    Simple("Pareto/NBD, gamma–gamma", _pareto_nbd),
    Value(),
)
