"""The channel-churn model as it serves: how likely a customer is to leave the owned channel, at any horizon, from one hazard.

`h(x, k)` is P(the customer leaves the channel within the step that begins 7k days after the as-of date | still in it then, x known at the
as-of date): unsubscribed, left the group, deleted the contact. Survival is monotone by construction (`training.artifacts.survival`). Unlike
on the way to the next order, nothing determines what happens meanwhile: features stay as they were, and the lead is an input.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.feature_sets import CUSTOMER
from training.artifacts.folder import ArtifactBroken, Manifest, open_artifact, write_artifact
from training.artifacts.hazard_path import LONGEST_OBSERVED
from training.artifacts.return_hazard import HORIZONS
from training.artifacts.survival import survival_at
from training.artifacts.tree_scores import tree_scores

if TYPE_CHECKING:
    import pandas as pd

KIND = "channel_churn"
_COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}
_LEFT = _COLUMN["channel_left"]
# What one more message adds to, at the moment it is sent.
_ADDED = [_COLUMN[name] for name in ("contact_count", "contacts_decayed_28d", "contacts_decayed_112d")]
_JUST_NOW = _COLUMN["days_since_last_contact"]

Array = NDArray[np.float64]


class StandingStill:
    """Features stay as they were at the as-of date; the lead tells how long ago that is.

    How long the shop has been observed is bounded as on the way to the next order: beyond, it would be a calendar.
    """

    inputs = (*CUSTOMER.columns, "lead")

    def at(self, stored: Array, lead: int) -> Array:
        """Inputs of the hazard `lead` steps after the as-of date, (n, inputs), from stored features, (n, features)."""
        rows = np.column_stack([stored, np.full(len(stored), float(lead))])
        observed = _COLUMN["days_observed"]
        rows[:, observed] = np.minimum(rows[:, observed], LONGEST_OBSERVED)
        return rows


class ChannelHeader(BaseModel):
    """What stands beside the trees.

    Attributes:
        longest_lead: greatest lead that the trees have seen, in steps; later steps have the hazard of that one.
        leavers: customers who left the channel in the history of the fit.
    """

    model_config = ConfigDict(frozen=True)

    longest_lead: int
    leavers: int


@dataclass(frozen=True)
class ChannelChurn:
    """A finished model."""

    booster: lgb.Booster
    header: ChannelHeader
    manifest: Manifest | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Stored features the model reads, in order."""
        return CUSTOMER.columns

    def hazards(self, stored: Array, steps: int) -> Array:
        """Hazard of each step of 7 days, given that the customer is still in the channel then, (n, steps)."""
        path, seen = StandingStill(), min(steps, self.header.longest_lead + 1)
        rows = np.vstack([path.at(stored, lead) for lead in range(seen)])
        raw = tree_scores(self.booster, rows, threads=1 if len(rows) < 10_000 else 0)
        hazard = raw.reshape(seen, len(stored)).T
        return np.hstack([hazard, np.repeat(hazard[:, -1:], steps - seen, axis=1)])

    def survival(self, stored: Array, days: Array) -> Array:
        """P(still in the channel after each of `days`), (n, len(days)), of customers who are in it; 1 at 0 days, never rising."""
        return survival_at(days, lambda steps: self.hazards(stored, steps))

    def churn_probability(self, stored: Array, days: Array) -> Array:
        """P(left the channel within each of `days`), (n, len(days)); NaN for who has left already."""
        probability = 1.0 - self.survival(stored, days)
        probability[stored[:, _LEFT] > 0] = np.nan
        return probability

    def contact_effect(self, stored: Array, horizon_days: float) -> Array:
        """What one more message now adds to P(leaves the channel within the horizon), (n,); 0 for who has left already.

        The difference of two predictions, not an experiment's: who was sent more differs in other ways too. Where the model says that a
        message keeps people, that difference is taken for such a confusion, and the effect is 0 (docs/adr/0009).
        """
        return self.with_and_without(stored, horizon_days)[1]

    def with_and_without(self, stored: Array, horizon_days: float) -> tuple[Array, Array]:
        """P(left the channel within the horizon), (n,), NaN for who has left already; and `contact_effect`, (n,)."""
        contacted = stored.copy()
        contacted[:, _ADDED] = np.nan_to_num(contacted[:, _ADDED]) + 1.0
        contacted[:, _JUST_NOW] = 0.0
        chance = self.churn_probability(np.vstack([stored, contacted]), np.array([horizon_days]))[:, 0]
        before, after = np.split(chance, 2)
        return before, np.nan_to_num(np.maximum(after - before, 0.0))

    @property
    def frame_inputs(self) -> dict[str, Literal["double"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return dict.fromkeys(self.inputs, "double")

    @property
    def frame_outputs(self) -> dict[str, Literal["double"]]:
        """Columns that `predict_frame` answers with."""
        return {f"channel_churn_probability_{h}d": "double" for h in HORIZONS}

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Channel churn at the standard horizons for a pandas frame with the stored features as columns."""
        found = self.churn_probability(frame[list(self.inputs)].to_numpy(dtype=np.float64), np.array(HORIZONS, dtype=np.float64))
        return type(frame)(dict(zip(self.frame_outputs, found.T, strict=True)), index=frame.index)

    def save(self, folder: Path, manifest: Manifest) -> Manifest:
        """Write as LightGBM text and JSON."""
        texts = {"hazard.txt": self.booster.model_to_string(), "header.json": self.header.model_dump_json(indent=1)}
        return write_artifact(folder, manifest, texts=texts)

    @classmethod
    def load(cls, folder: Path) -> ChannelChurn:
        """Open and check.

        Raises:
            ArtifactBroken: damaged, of another format, or made for other features.
        """
        artifact = open_artifact(folder, kind=KIND, feature_set_hash=CUSTOMER.hash)
        try:
            header = ChannelHeader.model_validate(artifact.json("header.json"))
        except ValidationError as error:
            raise ArtifactBroken(f"{folder / 'header.json'} is of another version of this model; train it again.") from error
        return cls(lgb.Booster(model_str=artifact.text("hazard.txt")), header, artifact.manifest)
