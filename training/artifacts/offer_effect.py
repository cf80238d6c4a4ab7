"""What an offer changes, as it serves: a Gaussian posterior over the effects of all offers together, learned from randomised decisions.

The effect of offer o on customer x is `τ = s(x, P₀)·[φ(x, P₀)·(g + t[type of o]) + φ₂·d[o]]`: `s` is the step and `φ` the columns of
`training.artifacts.effect_design`, `φ₂` the first of them. What the shop's offers have in common (`g`), what a type has (`t`) and what an
offer has by itself (`d`) are one vector with one mean and one covariance, so that an offer that is new borrows from its type and a type
that is new from the shop, each with the uncertainty that goes with it.
Method: docs/offer-effects.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.decisions.state import STATE
from features.versions import content_hash
from training.artifacts.effect_design import COLUMNS, OWN, EffectDesign
from training.artifacts.effect_prior import Named, bounded
from training.artifacts.folder import ArtifactBroken, Manifest, open_artifact, write_artifact

if TYPE_CHECKING:
    import pandas as pd

KIND = "offer_effect"
STATE_HASH = content_hash(list(STATE), [*COLUMNS, "reach by opens and clicks"])
_WIDTH = len(COLUMNS)
_JITTER = 1e-10  # of the largest variance, added before a root is taken: two offers may be the same one

Array = NDArray[np.float64]


class Levels(BaseModel):
    """Standard deviations of `b` before this shop's data, chosen by them: what of the effects is shared, and how widely customers differ.

    Attributes:
        shared, of_type, own: of the first column, in `g`, each `t` and each `d`.
        shared_slope, type_slope, own_slope: of every other column.
    """

    model_config = ConfigDict(frozen=True)

    shared: float
    of_type: float
    own: float
    shared_slope: float
    type_slope: float
    own_slope: float

    def of_common(self) -> Array:
        """Variances of `g`, (len(COLUMNS),)."""
        return _squares(self.shared, self.shared_slope, _WIDTH)

    def of_a_type(self) -> Array:
        """Variances of each `t`, (len(COLUMNS),)."""
        return _squares(self.of_type, self.type_slope, _WIDTH)

    def of_an_offer(self) -> Array:
        """Variances of each `d`, (OWN,)."""
        return _squares(self.own, self.own_slope, OWN)


class EffectHeader(BaseModel):
    """What stands beside the posterior.

    Attributes:
        horizon_days: within which a response counted.
        types: in the order of the posterior.
        offers: id and type, in the order of the posterior.
        design: the columns.
        least_spread: as in the policy.
        levels: standard deviations before the data.
        decisions, rows: that were learned from.
        learned_until: time of the last decision that was learned from, ISO.
    """

    model_config = ConfigDict(frozen=True)

    horizon_days: int
    types: tuple[str, ...]
    offers: tuple[tuple[str, str], ...]
    design: EffectDesign
    least_spread: float
    levels: Levels
    decisions: int
    rows: int
    learned_until: str


@dataclass(frozen=True)
class OfferEffect:
    """A finished model.

    Attributes:
        header: as said.
        mean: (m,) posterior mean of `g`, every `t`, every `d`, one after the other.
        covariance: (m, m).
    """

    header: EffectHeader
    mean: Array
    covariance: Array
    manifest: Manifest | None = None

    @property
    def horizon_days(self) -> int:
        """Within which a response counted; a belief about another horizon must come from elsewhere."""
        return self.header.horizon_days

    def learned(self, offers: Sequence[Named]) -> list[bool]:
        """Whether each offer, or at least its type, stood in the decisions; of others the shop's common effect is all that is known."""
        return [kind in self._types or name in self._offers for name, kind in offers]

    def beliefs(self, state: Array, offers: Sequence[Named], p0: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of each offer's τ.

        Args:
            state: (len(STATE),) of one customer, or (n, len(STATE)) of many; NaN where not known.
            offers: k ids and types; `no_action` is none of them.
            p0: (k,) of one customer, or (n, k).

        Returns:
            Two arrays of the shape of `p0`.
        """
        chances = np.atleast_2d(p0)
        rows = self._rows(np.atleast_2d(state), offers, chances)
        mean = rows.step * (rows.at @ self.mean)
        variance = np.einsum("nk,nk->n", rows.at @ self.covariance, rows.at) + rows.unseen
        sd = rows.step * np.sqrt(np.maximum(variance, 0.0))
        return bounded(mean.reshape(p0.shape), p0), sd.reshape(p0.shape)

    def draws(self, state: Array, offers: Sequence[Named], p0: Array, count: int, seed: int) -> Array:
        """Joint posterior draws of the τ of one customer's offers, (count, k).

        Args:
            state: (len(STATE),), NaN where not known.
            offers: k ids and types.
            p0: (k,).
            count: draws.
            seed: equal arguments give equal draws.
        """
        rows = self._rows(np.atleast_2d(state), offers, np.atleast_2d(p0))
        covariance = rows.at @ self.covariance @ rows.at.T + self._unseen_together(rows, offers)
        covariance += np.eye(len(offers)) * (_JITTER * max(float(covariance.diagonal().max()), 1e-12))
        normal = np.random.default_rng([seed, 2]).standard_normal((count, len(offers)))
        drawn = rows.at @ self.mean + normal @ np.linalg.cholesky(covariance).T
        return bounded(drawn * rows.step, p0)

    @cached_property
    def _types(self) -> dict[str, int]:
        return {name: _WIDTH * (1 + place) for place, name in enumerate(self.header.types)}

    @cached_property
    def _offers(self) -> dict[str, int]:
        start = _WIDTH * (1 + len(self.header.types))
        return {name: start + OWN * place for place, (name, _) in enumerate(self.header.offers)}

    def _rows(self, state: Array, offers: Sequence[Named], p0: Array) -> _Rows:
        """Every customer with every offer, customer by customer."""
        n, k = len(state), len(offers)
        chance = p0.reshape(-1)
        each = np.repeat(state, k, axis=0)
        columns = self.header.design(each, chance)
        at, unseen = np.zeros((n * k, len(self.mean))), np.zeros(n * k)
        at[:, :_WIDTH] = columns
        of_type = np.array([self._types.get(kind, -1) for _, kind in offers] * n, dtype=np.intp)
        of_offer = np.array([self._offers.get(name, -1) for name, _ in offers] * n, dtype=np.intp)
        for start, width, variance in (
            (of_type, _WIDTH, self.header.levels.of_a_type()),
            (of_offer, OWN, self.header.levels.of_an_offer()),
        ):
            seen = np.flatnonzero(start >= 0)
            at[seen[:, None], start[seen, None] + np.arange(width)] = columns[seen, :width]
            unseen += np.where(start >= 0, 0.0, columns[:, :width] ** 2 @ variance)
        return _Rows(at, unseen, columns, self.header.design.step(each, chance, self.header.least_spread))

    def _unseen_together(self, rows: _Rows, offers: Sequence[Named]) -> Array:
        """Covariance of what was never seen: offers of one new type share it."""
        names, kinds = (np.array(part) for part in zip(*offers, strict=True))
        new_type = np.array([kind not in self._types for kind in kinds.tolist()])
        new_offer = np.array([name not in self._offers for name in names.tolist()])
        made = (rows.columns * self.header.levels.of_a_type()) @ rows.columns.T
        made *= (kinds[:, None] == kinds) & new_type
        own = (rows.columns[:, :OWN] * self.header.levels.of_an_offer()) @ rows.columns[:, :OWN].T
        return np.asarray(made + own * ((names[:, None] == names) & new_offer))

    @property
    def frame_inputs(self) -> dict[str, Literal["double", "string"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return {"offer_id": "string", "type": "string", "p0": "double", **dict.fromkeys(STATE, "double")}

    @property
    def frame_outputs(self) -> dict[str, Literal["double"]]:
        """Columns that `predict_frame` answers with."""
        return {"tau": "double", "tau_sd": "double"}

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """τ and its standard deviation for a pandas frame of customers, each with one offer."""
        offers = list(zip(frame["offer_id"].astype(str), frame["type"].astype(str), strict=True))
        state, p0 = frame[list(STATE)].to_numpy(dtype=np.float64), frame["p0"].to_numpy(dtype=np.float64)
        found = np.zeros((2, len(offers)))
        for one in dict.fromkeys(offers):
            rows = np.array([other == one for other in offers])
            found[:, rows] = [part[:, 0] for part in self.beliefs(state[rows], [one], p0[rows, None])]
        return type(frame)(dict(zip(self.frame_outputs, found, strict=True)), index=frame.index)

    def save(self, folder: Path, manifest: Manifest) -> Manifest:
        """Write as JSON and arrays."""
        arrays = {"posterior.npz": {"mean": self.mean, "covariance": self.covariance}}
        return write_artifact(folder, manifest, texts={"header.json": self.header.model_dump_json(indent=1)}, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> OfferEffect:
        """Open and check.

        Raises:
            ArtifactBroken: damaged, of another format, or made for another state.
        """
        artifact = open_artifact(folder, kind=KIND, feature_set_hash=STATE_HASH)
        try:
            header = EffectHeader.model_validate(artifact.json("header.json"))
            arrays = artifact.arrays("posterior.npz")
            made = cls(header, arrays["mean"], arrays["covariance"], artifact.manifest)
        except (ValidationError, KeyError) as error:
            raise ArtifactBroken(f"{folder} is of another version of this model; train it again.") from error
        m = _WIDTH * (1 + len(header.types)) + OWN * len(header.offers)
        if made.mean.shape != (m,) or made.covariance.shape != (m, m):
            raise ArtifactBroken(f"{folder / 'posterior.npz'} has {made.mean.shape} numbers where {m} were expected; train it again.")
        return made


@dataclass(frozen=True)
class _Rows:
    """Customers with offers: where in the posterior each looks, (n·k, m); what of it was never seen; the columns; the step."""

    at: Array
    unseen: Array
    columns: Array
    step: Array


def _squares(first: float, others: float, width: int) -> Array:
    found = np.full(width, others**2)
    found[0] = first**2
    return found
