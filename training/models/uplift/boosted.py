"""The LightGBM regression that the tree-based uplift learners share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Array = NDArray[np.float64]


class BoostedConfig(BaseModel):
    """Settings of one LightGBM, named as LightGBM names them; the defaults suit tens of thousands of people and weak effects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_leaves: int = Field(default=15, ge=2)
    learning_rate: float = Field(default=0.05, gt=0)
    rounds: int = Field(default=100, ge=1)
    min_data_in_leaf: int = Field(default=100, ge=1)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    lambda_l2: float = Field(default=0.0, ge=0)


class Boosted:
    """A fitted LightGBM; `expected` gives probabilities for a binary target, means otherwise."""

    def __init__(self, booster: Any) -> None:  # noqa: ANN401 - LightGBM has no types
        self._booster = booster

    def expected(self, inputs: Array) -> Array:
        """`(m, p)` → `(m,)` expected target."""
        return np.asarray(self._booster.predict(inputs, num_threads=1))


def boost(
    inputs: Array,
    levels: Sequence[int],
    target: Array,
    config: BoostedConfig,
    *,
    seed: int,
    weight: Array | None = None,
    kind: Literal["binary", "regression"] = "regression",
) -> Boosted:
    """Grow on one thread.

    Args:
        inputs: `(n, p)`, NaN = unknown.
        levels: per column the number of categories, 0 for a number.
        target: `(n,)`.
        config: settings.
        seed: of feature sampling.
        weight: `(n,)` of the rows.
        kind: `binary` fits log loss on 0 and 1.
    """
    import lightgbm as lgb

    parameters = {
        "objective": kind,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
        **config.model_dump(exclude={"rounds"}),
    }
    # Two categories are a flag. More are left to LightGBM's own grouping.
    categorical = [column for column, count in enumerate(levels) if count > 2]
    data = lgb.Dataset(inputs, target, weight=weight, categorical_feature=categorical)
    return Boosted(lgb.train(parameters, data, num_boost_round=config.rounds))
