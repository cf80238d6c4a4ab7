"""Grows several small LightGBM models at once, each on one thread.

The churn models are fitted on about 100,000 rows: there a second OpenMP thread saves a third of the time on an idle machine and costs many
times more on a busy one, where it spins. Whole models side by side use both cores either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Array = NDArray[np.float64]


class TreeConfig(BaseModel):
    """Settings of a binary LightGBM, named as LightGBM names them."""

    model_config = ConfigDict(frozen=True)

    num_leaves: int = 7
    learning_rate: float = 0.05
    rounds: int = 300
    min_data_in_leaf: int = 300
    feature_fraction: float = 0.4
    bagging_fraction: float = 0.6
    lambda_l2: float = 20.0


@dataclass(frozen=True)
class Task:
    """One model to grow.

    Attributes:
        inputs: (n, features).
        label: (n,) 0 or 1.
    """

    inputs: NDArray[np.floating[Any]]
    label: Array


def grow(tasks: Sequence[Task], config: TreeConfig, *, names: Sequence[str], seed: int, workers: int) -> list[lgb.Booster]:
    """Grow one booster per task, in the order of the tasks; equal seeds give equal models, whatever `workers` is.

    Args:
        tasks: what to learn.
        config: settings of all of them.
        names: the features' names.
        seed: of bagging and feature sampling.
        workers: models grown at the same time.
    """
    parameters = {
        "objective": "binary",
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
        **config.model_dump(include=set(TreeConfig.model_fields) - {"rounds"}),
    }

    def one(task: Task) -> lgb.Booster:
        return lgb.train(parameters, lgb.Dataset(task.inputs, task.label, feature_name=list(names)), num_boost_round=config.rounds)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(one, tasks))
