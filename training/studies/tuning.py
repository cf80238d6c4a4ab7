"""Chooses settings within a time budget: Optuna's tree-structured Parzen estimator, the shipped settings tried first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from training.studies.study import Tell

if TYPE_CHECKING:
    from optuna import Trial

Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True)
class Between:
    """A number between two bounds, both included.

    Attributes:
        log: whether ratios matter more than differences.
        whole: whether only integers are lawful.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[int | float | str | bool, ...]


Space = Mapping[str, Between | OneOf]


def search(
    default: Settings,
    space: Space,
    score: Callable[[Settings], float],
    *,
    budget_s: float,
    seed: int,
    tell: Tell,
    most_trials: int = 1000,
) -> Settings:
    """The settings with the greatest score found before the budget ends.

    The shipped settings are always tried, however small the budget; a trial that has begun is finished. Two machines of different speed
    try different numbers of settings: fix what was found to repeat a run.

    Args:
        default: shipped settings; what is not in `space` stays as it is there.
        space: setting → where to look.
        score: greater is better; on data the final judge does not use.
        budget_s: seconds.
        seed: of the sampler.
        tell: progress.
        most_trials: stop after so many; a space of few choices ends when each has been tried.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: value for name, value in default.model_dump().items() if name in space})
    started = time.perf_counter()
    tried: dict[str, float] = {}
    best = (-math.inf, default)
    for number in range(most_trials):
        trial = study.ask()
        settings = default.model_copy(update={name: _drawn(trial, name, where) for name, where in space.items()})
        key = settings.model_dump_json()
        if key not in tried:
            tried[key] = score(settings)
            best = max(best, (tried[key], settings), key=lambda pair: pair[0])
        study.tell(trial, tried[key])
        spent = time.perf_counter() - started
        tell(f"tuning: {len(tried)} tried, best {best[0]:.4f}, {spent:.0f} of {budget_s:.0f} s")
        if spent >= budget_s or len(tried) >= _choices(space) or number >= 3 * len(tried) + 20:
            break
    return best[1]


def _drawn(trial: Trial, name: str, where: Between | OneOf) -> int | float | str | bool:
    if isinstance(where, OneOf):
        value: int | float | str | bool = trial.suggest_categorical(name, list(where.values))
        return value
    if where.whole:
        return int(trial.suggest_int(name, int(where.low), int(where.high), log=where.log))
    return float(trial.suggest_float(name, where.low, where.high, log=where.log))


def _choices(space: Space) -> float:
    return math.prod(len(where.values) if isinstance(where, OneOf) else math.inf for where in space.values())
