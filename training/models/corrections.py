"""Trees that correct a parametric model: its expectation is the offset, what they learn is a factor on it.

A customer of whom little is known falls into leaves with many like them and keeps nearly the parametric expectation, which borrows strength
from everybody; where the features say more, the factor moves away from one. The offset also carries what a young history cannot
teach trees: how the expectation goes on with age and horizon.
"""

from __future__ import annotations

from typing import Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.models.trees import TreeConfig

Array = NDArray[np.float64]


def grow_correction(
    inputs: Array,
    label: Array,
    offset: Array,
    config: TreeConfig,
    *,
    names: tuple[str, ...],
    seed: int,
    objective: Literal["poisson", "gamma"],
    weight: Array | None = None,
) -> lgb.Booster:
    """Grow trees whose raw score is the logarithm of the factor.

    Args:
        inputs: (n, features).
        label: (n,) what came; above zero for `gamma`.
        offset: (n,) what the parametric model expects, above zero.
        config: settings of the trees.
        names: the features' names.
        seed: of bagging and feature sampling.
        objective: `poisson` for numbers, `gamma` for amounts.
        weight: (n,) of the rows; all equal by default.
    """
    parameters = {
        "objective": objective,
        "boost_from_average": False,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
        **config.model_dump(include=set(TreeConfig.model_fields) - {"rounds"}),
    }
    rows = lgb.Dataset(inputs, label, weight=weight, init_score=np.log(offset), feature_name=list(names))
    return lgb.train(parameters, rows, num_boost_round=config.rounds)
