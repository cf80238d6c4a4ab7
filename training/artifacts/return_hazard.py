"""The return-hazard model as it serves: churn at any horizon from one hazard, survival monotone by construction.

`h(x)` is P(the customer orders within the next 7 days | what is known). Churn within H is the survival along the path on which nothing
is bought:
`S(H) = Π (1 − h(x(t + 7k)))`; a last, partial step of r days counts `(1 − h)^(r/7)`.
Beyond the longest silence the trees have seen they are flat: there the hazard's log odds are the mean of theirs and of Pareto/NBD's, and
the answer says so (docs/adr/0007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.feature_sets import CUSTOMER
from training.artifacts.bgnbd import BgNbd
from training.artifacts.calibration import LogitMap, logit, sigmoid
from training.artifacts.folder import ArtifactBroken, ArtifactFolder, Manifest, open_artifact, write_artifact
from training.artifacts.hazard_path import STEP_DAYS, HazardPath
from training.artifacts.pareto_nbd import ParetoNbd
from training.artifacts.reasons import CAUSES, Reason
from training.artifacts.survival import survival_at
from training.artifacts.tree_scores import tree_scores

if TYPE_CHECKING:
    import pandas as pd

KIND = "return_hazard"
HORIZONS = (14, 28, 56, 91)
_MAX_STEPS = 26  # half a year: expected dates further away are reported as "not within"
_MIN_EFFECT = 0.005  # smaller changes of a probability are noise, not reasons

Array = NDArray[np.float64]


class HazardHeader(BaseModel):
    """What stands beside the trees.

    Attributes:
        calibration: map on the hazard's logit.
        habits: BG/NBD in days, fitted on the same history, whose beliefs are inputs of the trees; None: the trees have no such inputs.
        tail: Pareto/NBD in days, fitted on the same history.
        longest_silence: greatest `days_since_last_order` among the training rows, leads included.
        reference: median of every stored feature among the customers at the refit's last as-of date: what a cause is compared with.
        churn_quantiles: horizon (days) → 101 quantiles of the churn probability over the same customers, for percentiles.
    """

    model_config = ConfigDict(frozen=True)

    calibration: LogitMap
    habits: BgNbd | None = None
    tail: ParetoNbd
    longest_silence: float
    reference: list[float | None]
    churn_quantiles: dict[int, list[float]]


@dataclass(frozen=True)
class ReturnHazard:
    """A finished model."""

    booster: lgb.Booster
    header: HazardHeader
    manifest: Manifest | None = None

    @cached_property
    def path(self) -> HazardPath:
        """How the inputs of the trees follow from the stored features."""
        return HazardPath(CUSTOMER, self.header.habits)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Stored features the model reads, in order."""
        return self.path.features.columns

    def hazards(self, stored: Array, steps: int, *, first: int = 0) -> Array:
        """Calibrated hazard of each step along the path without orders.

        Args:
            stored: (n, features) at the as-of date.
            steps: number of steps of 7 days.
            first: lead of the first of them.

        Returns:
            (n, steps).
        """
        rolled = self.path.along(stored, range(first, first + steps))
        raw = tree_scores(self.booster, rolled, threads=1 if len(rolled) < 10_000 else 0)
        hazard = np.ascontiguousarray(self.header.calibration(raw).reshape(steps, len(stored)).T)
        beyond = self._silence(stored)[:, None] + STEP_DAYS * np.arange(first, first + steps) > self.header.longest_silence
        far = beyond.any(axis=1)
        if far.any():
            mean = sigmoid((logit(hazard[far]) + logit(self._tail_hazards(stored[far], steps, first))) / 2.0)
            hazard[far] = np.where(beyond[far], mean, hazard[far])
        return hazard

    def survival(self, stored: Array, days: Array) -> Array:
        """P(no order within each of `days` after the as-of date), (n, len(days)); 1 at 0 days, never rising."""
        return survival_at(days, lambda steps: self.hazards(stored, steps))

    def churn_probability(self, stored: Array, horizon_days: float) -> Array:
        """P(no order within the horizon), (n,)."""
        return self.survival(stored, np.array([horizon_days]))[:, 0]

    def median_days_until_order(self, stored: Array) -> Array:
        """Days until the chance of having ordered reaches one half, (n,); infinity when that is beyond half a year."""
        days = np.arange(_MAX_STEPS + 1, dtype=np.float64) * STEP_DAYS
        survival = self.survival(stored, days)
        below = survival <= 0.5
        first = np.where(below.any(axis=1), below.argmax(axis=1), 0)
        rows = np.arange(len(stored))
        high, low = survival[rows, np.maximum(first - 1, 0)], survival[rows, first]
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.log(high / 0.5) / np.log(high / low)
        return np.where(first > 0, (first - 1 + np.clip(inside, 0, 1)) * STEP_DAYS, np.inf)

    def percentile(self, probability: Array, horizon_days: int) -> Array:
        """Share of customers (0–100) with a lower churn probability at the refit's last as-of date, (n,)."""
        return np.asarray(np.interp(probability, self.header.churn_quantiles[horizon_days], np.arange(101.0)))

    def beyond_history(self, stored: Array, horizon_days: float) -> NDArray[np.bool_]:
        """Whether the horizon reaches silences that no training row had, so that half of the answer there is Pareto/NBD's, (n,)."""
        steps = max(1, math.ceil(horizon_days / STEP_DAYS))
        return np.asarray(self._silence(stored) + STEP_DAYS * (steps - 1) > self.header.longest_silence)

    def reasons(self, stored: Array, *, horizon_days: int = 28, limit: int = 4) -> list[Reason]:
        """Why this customer: each cause replaced by its reference, and the model asked again.

        The reference of the last order's age is the customer's own mean gap; of everything else the median customer.

        Args:
            stored: (features,) of one customer.
            horizon_days: horizon of the churn probability that is explained.
            limit: most reasons returned, strongest first.
        """
        index = {name: i for i, name in enumerate(self.inputs)}
        variants, effects = self._replacements(stored, horizon_days)
        facts = {name: (0.0 if math.isnan(stored[i]) else float(stored[i])) for name, i in index.items()}
        found = []
        known = dict(zip(self.inputs, stored.tolist(), strict=True))
        for cause, variant, effect in zip(CAUSES, variants, effects.tolist(), strict=True):
            if abs(effect) < _MIN_EFFECT or not cause.borne_out(known, dict(zip(self.inputs, variant.tolist(), strict=True)), effect):
                continue
            code, english, chinese = cause.raises if effect > 0 else cause.lowers
            if cause.before_second_order and math.isnan(stored[index["gap_mean"]]):
                english, chinese = cause.before_second_order
            found.append(
                Reason(code=code, effect=round(effect, 4), sentence_en=english.format(**facts), sentence_zh=chinese.format(**facts))
            )
        return sorted(found, key=lambda reason: -abs(reason.effect))[:limit]

    def effects(self, stored: Array, *, horizon_days: int = 28) -> Array:
        """What the churn probability of one customer, (features,), changes by against each cause's reference, (causes,): see `reasons`."""
        return self._replacements(stored, horizon_days)[1]

    def _replacements(self, stored: Array, horizon_days: int) -> tuple[Array, Array]:
        """The customer with each cause replaced, (causes, features), and the effect of each cause, (causes,)."""
        index = {name: i for i, name in enumerate(self.inputs)}
        reference = np.array([np.nan if v is None else v for v in self.header.reference])
        variants = np.tile(stored, (len(CAUSES) + 1, 1))
        for row, cause in enumerate(CAUSES, start=1):
            # What is not known of the customer is no cause: an unknown age must not be compared with the median age.
            for column in (index[name] for name in cause.features if not math.isnan(stored[index[name]])):
                variants[row, column] = reference[column]
            if cause.features == ("days_since_last_order",) and not math.isnan(stored[index["gap_mean"]]):
                variants[row, index["days_since_last_order"]] = stored[index["gap_mean"]]
        churn = self.churn_probability(variants, horizon_days)
        return variants[1:], np.asarray(churn[0] - churn[1:])

    def shap(self, stored: Array) -> dict[str, float]:
        """Exact TreeSHAP of the next step's hazard, on the margin (log odds) before calibration, of one customer (features,)."""
        row = self.path.at(stored[None, :], 0)
        values = np.asarray(self.booster.predict(row, pred_contrib=True))[0]
        return dict(zip((*self.path.inputs, "expected_value"), values.tolist(), strict=True))

    @property
    def frame_inputs(self) -> dict[str, Literal["double"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return dict.fromkeys(self.inputs, "double")

    @property
    def frame_outputs(self) -> dict[str, Literal["double"]]:
        """Columns that `predict_frame` answers with."""
        return {f"churn_probability_{h}d": "double" for h in HORIZONS}

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Churn at the standard horizons for a pandas frame with the stored features as columns."""
        stored = frame[list(self.inputs)].to_numpy(dtype=np.float64)
        survival = self.survival(stored, np.array(HORIZONS, dtype=np.float64))
        return type(frame)({f"churn_probability_{h}d": survival[:, i] for i, h in enumerate(HORIZONS)}, index=frame.index)

    def save(self, folder: Path, manifest: Manifest) -> Manifest:
        """Write as LightGBM text and JSON."""
        texts = {"hazard.txt": self.booster.model_to_string(), "header.json": self.header.model_dump_json(indent=1)}
        return write_artifact(folder, manifest, texts=texts)

    @classmethod
    def load(cls, folder: Path) -> ReturnHazard:
        """Open and check.

        Raises:
            ArtifactBroken: damaged, of another format, or made for other features.
        """
        artifact: ArtifactFolder = open_artifact(folder, kind=KIND, feature_set_hash=CUSTOMER.hash)
        try:
            header = HazardHeader.model_validate(artifact.json("header.json"))
        except ValidationError as error:
            raise ArtifactBroken(
                f"{folder / 'header.json'} is of another version of this model ({error.error_count()} faults); train it again."
            ) from error
        return cls(lgb.Booster(model_str=artifact.text("hazard.txt")), header, artifact.manifest)

    def _silence(self, stored: Array) -> Array:
        return np.asarray(stored[:, self._column("days_since_last_order")])

    def _tail_hazards(self, stored: Array, steps: int, first: int) -> Array:
        """Pareto/NBD's P(order in the step | none since the as-of date), (n, steps)."""
        silence = self._silence(stored)
        # A reason's variant may be silent for longer than it is old: then its only order is its last one.
        age = np.maximum(stored[:, self._column("days_since_first_order")], silence)
        repeats = stored[:, self._column("order_day_count")] - 1
        silent: list[Any] = [
            self.header.tail.probability_silent(repeats, age - silence, age + STEP_DAYS * k, STEP_DAYS) for k in range(first, first + steps)
        ]
        return 1.0 - np.column_stack(silent)

    def _column(self, name: str) -> int:
        return self.inputs.index(name)
