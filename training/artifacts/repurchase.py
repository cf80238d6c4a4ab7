"""The repurchase model as it serves: when a customer will need a category again, and how much of it.

`h(x, k)` is P(the customer buys the category within the next 7 days | the features at the as-of date, not bought in the 7·k days since).
The
chance within H days is `1 − Π (1 − h)` along the path on which it is not bought; a partial step of r days counts `(1 − h)^(r/7)`. It
never falls with the horizon, by construction. The usual quantity is the decayed mean of past quantities; it is not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.versions import content_hash
from training.artifacts.calibration import LogitMap
from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS, INPUTS, STEP_DAYS, TREE_INPUTS, tree_inputs_along
from training.artifacts.folder import Manifest, open_artifact, write_artifact
from training.artifacts.tree_scores import tree_scores

if TYPE_CHECKING:
    import pandas as pd

KIND = "repurchase"
HORIZONS = (7, 14, 28)
DUE_CAP_DAYS = 91  # a quarter: a due date further away is not a reminder any more
FEATURE_SET_HASH = content_hash(list(INPUTS))
_LEAD = TREE_INPUTS.index("lead")
_QUANTITY = CATEGORY_INPUTS.index("quantity_recent")
_MAX_HAZARD = 1.0 - 1e-9  # keeps the logarithm of every survival finite

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RepurchaseForecast:
    """What is expected of n pairs of customer and category; each array is (n,).

    Attributes:
        probability_7d, probability_14d, probability_28d: P(bought at least once within so many days after the as-of date).
        days_until_due: days after the as-of date at which the chance reaches one half; `DUE_CAP_DAYS` when it has not by then.
        quantity: usual quantity of a purchase, in the shop's units.
    """

    probability_7d: Array
    probability_14d: Array
    probability_28d: Array
    days_until_due: Array
    quantity: Array


class RepurchaseHeader(BaseModel):
    """What stands beside the trees.

    Attributes:
        calibration: map on the hazard's logit.
        max_lead: greatest lead the trees were grown on; later steps keep it while the path-known features go on.
    """

    model_config = ConfigDict(frozen=True)

    calibration: LogitMap
    max_lead: int


@dataclass(frozen=True)
class RepurchaseModel:
    """A finished model.

    Attributes:
        num_threads: of one prediction; 1 suits a server, a batch may set more (`dataclasses.replace`).
    """

    booster: lgb.Booster
    header: RepurchaseHeader
    manifest: Manifest | None = None
    num_threads: int = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        """Feature names in order: of the view `category_cycle`, then, each with the prefix `customer_`, of the view `purchasing`."""
        return INPUTS

    @property
    def category_inputs(self) -> tuple[str, ...]:
        """Columns of the view `category_cycle`, in order."""
        return CATEGORY_INPUTS

    @property
    def customer_inputs(self) -> tuple[str, ...]:
        """Columns of the view `purchasing`, in order, without prefix."""
        return CUSTOMER_INPUTS

    @property
    def feature_set_hash(self) -> str:
        """Content hash of `inputs`."""
        return FEATURE_SET_HASH

    def predict(self, category_features: Array, customer_features: Array) -> RepurchaseForecast:
        """Probabilities, due date and quantity of n pairs.

        Args:
            category_features: (n, `category_inputs`) at the as-of date; NaN where unknown.
            customer_features: (`customer_inputs`,) of one customer who owns all pairs, or (n, `customer_inputs`).
        """
        stay = self._log_survival(category_features, customer_features, DUE_CAP_DAYS // STEP_DAYS)
        return RepurchaseForecast(
            probability_7d=-np.expm1(stay[:, 1]),
            probability_14d=-np.expm1(stay[:, 2]),
            probability_28d=-np.expm1(stay[:, 4]),
            days_until_due=_median_days(stay),
            quantity=np.array(category_features[:, _QUANTITY], dtype=np.float64),
        )

    def probability(self, category_features: Array, customer_features: Array, horizon_days: float) -> Array:
        """P(bought at least once within any number of days >= 0), (n,)."""
        return self.probabilities(category_features, customer_features, [horizon_days])[:, 0]

    def probabilities(self, category_features: Array, customer_features: Array, horizons: Sequence[float]) -> Array:
        """The same for several numbers of days at the cost of the greatest, (n, horizons).

        Raises:
            ValueError: a horizon is below zero.
        """
        days = np.array(horizons, dtype=np.float64)
        if days.min(initial=0.0) < 0:
            raise ValueError(f"A horizon of {days.min():g} days lies before the as-of date; horizons count forward from it.")
        steps = max(1, math.ceil(days.max(initial=0.0) / STEP_DAYS))
        stay = self._log_survival(category_features, customer_features, steps)
        whole = np.minimum((days // STEP_DAYS).astype(int), steps - 1)
        rest = days / STEP_DAYS - whole
        return np.asarray(-np.expm1(stay[:, whole] + rest * (stay[:, whole + 1] - stay[:, whole])))

    def hazards(self, category_features: Array, customer_features: Array, lead: int) -> Array:
        """Calibrated hazard of the step that begins `lead` steps after the as-of date, (n,)."""
        return self.hazards_along(category_features, customer_features, [lead])[:, 0]

    def hazards_along(self, category_features: Array, customer_features: Array, leads: Sequence[int]) -> Array:
        """`hazards` of several leads, (n, leads), at the price of one call."""
        count = len(category_features)
        customer = np.broadcast_to(np.atleast_2d(customer_features), (count, len(CUSTOMER_INPUTS)))
        rows = tree_inputs_along(category_features, customer, leads)
        rows[:, _LEAD] = np.minimum(rows[:, _LEAD], self.header.max_lead)
        raw = tree_scores(self.booster, rows, threads=self.num_threads)
        return np.clip(self.header.calibration(raw), 0.0, _MAX_HAZARD).reshape(len(leads), count).T

    @property
    def frame_inputs(self) -> dict[str, Literal["double"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return dict.fromkeys(self.inputs, "double")

    @property
    def frame_outputs(self) -> dict[str, Literal["double"]]:
        """Columns that `predict_frame` answers with."""
        return {field.name: "double" for field in fields(RepurchaseForecast)}

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The forecast for a pandas frame that has `inputs` as columns."""
        values = frame[list(self.inputs)].to_numpy(dtype=np.float64)
        forecast = self.predict(values[:, : len(CATEGORY_INPUTS)], values[:, len(CATEGORY_INPUTS) :])
        return type(frame)(vars(forecast), index=frame.index)

    def save(self, folder: Path, manifest: Manifest) -> Manifest:
        """Write as LightGBM text and JSON."""
        texts = {"hazard.txt": self.booster.model_to_string(), "header.json": self.header.model_dump_json(indent=1)}
        return write_artifact(folder, manifest, texts=texts)

    @classmethod
    def load(cls, folder: Path) -> RepurchaseModel:
        """Open and check.

        Raises:
            ArtifactBroken: damaged, of another format, or made for other features.
        """
        artifact = open_artifact(folder, kind=KIND, feature_set_hash=FEATURE_SET_HASH)
        header = RepurchaseHeader.model_validate(artifact.json("header.json"))
        return cls(lgb.Booster(model_str=artifact.text("hazard.txt")), header, artifact.manifest)

    def _log_survival(self, category_features: Array, customer_features: Array, steps: int) -> Array:
        """Logarithm of P(not bought by the end of each step), (n, steps + 1), 0 at the as-of date."""
        stay = np.zeros((len(category_features), steps + 1))
        if not len(category_features):
            return stay
        for lead in range(steps):  # one step at a time: all steps of a batch at once would not fit in memory
            stay[:, lead + 1] = stay[:, lead] + np.log1p(-self.hazards(category_features, customer_features, lead))
        return stay


def _median_days(stay: Array) -> Array:
    """Days at which the survival crosses one half, (n,); the hazard is constant inside a step, so its logarithm is linear there."""
    half = np.log(0.5)
    below = stay <= half
    crosses = below.any(axis=1)
    first = np.where(crosses, below.argmax(axis=1), 1)
    rows = np.arange(len(stay))
    high, low = stay[rows, first - 1], stay[rows, first]
    inside = np.divide(high - half, high - low, out=np.ones(len(stay)), where=crosses)
    return np.where(crosses, (first - 1 + inside) * STEP_DAYS, float(DUE_CAP_DAYS))
