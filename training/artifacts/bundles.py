"""Bundle recommender: stacked ALS factors of bundles and items, a customer folded in from both, a calibrated probability for every set.

A customer's row holds the products of their recent purchases and the bundles those imply (every product of the set is among them). Two
logistic maps give P(one order within 28 days holds the whole set): `complete` for sets whose products the customer has all bought,
`partial` for the others. Numpy only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.recent import RecentPurchases
from training.artifacts.bundle_columns import complete_columns, partial_columns
from training.artifacts.bundle_table import BundleTable, customer_row
from training.artifacts.fold_in import FoldIn
from training.artifacts.folder import Manifest, open_artifact, write_artifact
from training.artifacts.logistic_map import LogisticMap, sigmoid
from training.artifacts.recommendation_frame import FRAME_INPUTS, frame_outputs, recommendation_frame

if TYPE_CHECKING:
    import pandas as pd

KIND = "bundles"
HORIZON_DAYS = 28
_ARRAYS, _SETTINGS = "bundles.npz", "bundles.json"


@dataclass(frozen=True, slots=True)
class ScoredBundle:
    """A bundle recommended to somebody.

    Attributes:
        bundle_id: the merchant's id, or the stable id of a mined set.
        product_ids: what is in it, each product once.
        score: log-odds; ranks.
        probability: calibrated P(one order of the customer within `HORIZON_DAYS` holds the whole set).
        support: orders that held the set in the history of the fit.
        lift: how much more often than chance, at its weakest link.
    """

    bundle_id: str
    product_ids: tuple[str, ...]
    score: float
    probability: float
    support: int
    lift: float


class BundleSettings(BaseModel):
    """What scoring needs besides arrays.

    Attributes:
        item_weight: of a product in a customer's row, beside 1 for an implied bundle (d in docs/evidence.md).
    """

    model_config = ConfigDict(frozen=True)

    regularization: float
    alpha: float
    half_life_days: float
    exponent: float
    item_weight: float
    partial: LogisticMap
    complete: LogisticMap
    anybody: LogisticMap


@dataclass(frozen=True)
class BundleModel:
    """Stacked factors and maps; holds no customer.

    Attributes:
        table: bundles and items.
        factors: `(n_bundles + n_items, f)` float32.
        settings: weights and maps.
    """

    table: BundleTable
    factors: NDArray[np.float32]
    settings: BundleSettings

    @classmethod
    def load(cls, path: Path) -> BundleModel:
        """Read an artifact folder.

        Raises:
            ArtifactBroken: the folder is damaged or holds another kind of model.
        """
        folder = open_artifact(path, kind=KIND)
        arrays = folder.arrays(_ARRAYS)
        factors = arrays.pop("factors")
        model = cls(BundleTable(**arrays), factors, BundleSettings.model_validate(folder.json(_SETTINGS)))
        _ = model._positions, model._folding.gram, model._bundles, model._products, model._anybody  # paid now, not in a request
        return model

    def save(self, path: Path, manifest: Manifest) -> Manifest:
        """Write the model as an artifact; `manifest.kind` must be `KIND`."""
        names = BundleTable.__dataclass_fields__
        arrays = {**{name: getattr(self.table, name) for name in names}, "factors": self.factors}
        return write_artifact(path, manifest, texts={_SETTINGS: self.settings.model_dump_json(indent=2)}, arrays={_ARRAYS: arrays})

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {product: position for position, product in enumerate(self.table.product_ids.tolist())}

    @cached_property
    def _bundles(self) -> dict[str, int]:
        return {bundle: position for position, bundle in enumerate(self.table.bundle_ids.tolist())}

    @cached_property
    def _folding(self) -> FoldIn:
        return FoldIn(self.factors, self.settings.regularization, self.settings.alpha)

    @cached_property
    def _products(self) -> list[tuple[str, ...]]:
        ids = self.table.product_ids.tolist()
        return [tuple(ids[p] for p in row if p >= 0) for row in self.table.members.tolist()]

    @cached_property
    def _anybody(self) -> NDArray[np.float32]:
        return self.settings.anybody.logit(self.table.popularity)

    def known(self, recent: RecentPurchases) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Positions, counts and ages of the recent products that the model knows."""
        get = self._positions.get
        positions = np.asarray([get(p, -1) for p in recent.product_ids.tolist()], np.int64)
        places = np.flatnonzero(positions >= 0)
        return positions[places], recent.purchases[places], recent.days_since_last[places]

    def logits(self, recent: RecentPurchases) -> NDArray[np.float32]:
        """Log-odds of every bundle for one customer, `(n_bundles,)`; with nothing known of the customer, what `popular` says."""
        columns, purchases, days = self.known(recent)
        if not len(columns):
            return self._anybody.copy()
        s, table = self.settings, self.table
        sight = table.sight(columns, purchases, days, recent.orders)
        row = customer_row(
            table, sight, columns, purchases, days, half_life_days=s.half_life_days, exponent=s.exponent, item_weight=s.item_weight
        )
        score = self.factors[: len(table.bundle_ids)] @ self._folding.solve(*row)
        every, whole = np.arange(len(score)), sight.implied
        logits = s.partial.logit(partial_columns(score, table, sight, recent.orders, every))
        logits[whole] = s.complete.logit(complete_columns(score, table, sight, recent.orders, whole))
        return logits

    def recommend(
        self,
        recent: RecentPurchases,
        *,
        limit: int,
        active: Collection[str] | NDArray[np.bool_] | None = None,
        exclude: Collection[str] = (),
        just_bought: Collection[str] = (),
    ) -> list[ScoredBundle]:
        """Best bundles for one customer, best first: `limit` of them, or all that the filters leave.

        Args:
            recent: the customer's purchases; nothing known in them means: as for an unknown customer.
            limit: how many at most.
            active: product ids that may be offered, or a mask over `table.product_ids`; a bundle needs all its products. None: all.
            exclude: bundle ids not wanted.
            just_bought: product ids; a bundle that holds nothing else is left out.
        """
        return self.best(self.logits(recent), limit, active=active, exclude=exclude, just_bought=just_bought)

    def popular(
        self, limit: int, active: Collection[str] | NDArray[np.bool_] | None = None, *, just_bought: Collection[str] = ()
    ) -> list[ScoredBundle]:
        """Best bundles for somebody of whom nothing is known."""
        return self.best(self._anybody.copy(), limit, active=active, just_bought=just_bought)

    def best(
        self,
        logits: NDArray[np.float32],
        limit: int,
        *,
        active: Collection[str] | NDArray[np.bool_] | None = None,
        exclude: Collection[str] = (),
        just_bought: Collection[str] = (),
    ) -> list[ScoredBundle]:
        """The `limit` best of `logits` (overwritten where a filter removes a bundle), best first; -inf is never among them."""
        table = self.table
        if active is not None:
            mask = active if isinstance(active, np.ndarray) else self._mask(active)
            logits[(~np.append(mask, True)[table.members]).any(axis=1)] = -np.inf
        if just_bought:
            logits[np.append(self._mask(just_bought), True)[table.members].all(axis=1)] = -np.inf
        logits[[self._bundles[bundle] for bundle in exclude if bundle in self._bundles]] = -np.inf
        limit = max(min(limit, len(logits)), 0)
        order = np.argsort(-logits, kind="stable")[:limit]
        order = order[np.isfinite(logits[order])]
        chances = sigmoid(logits[order]).tolist()
        columns = zip(order.tolist(), table.bundle_ids[order].tolist(), logits[order].tolist(), chances, strict=True)
        return [ScoredBundle(name, self._products[b], z, p, int(table.support[b]), float(table.lift[b])) for b, name, z, p in columns]

    def index_of(self, bundle_id: str) -> int | None:
        """Position of a bundle, or None when the model does not know it."""
        return self._bundles.get(bundle_id)

    @property
    def frame_inputs(self) -> dict[str, Literal["strings", "longs", "doubles"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return FRAME_INPUTS

    @property
    def frame_outputs(self) -> dict[str, Literal["strings", "doubles"]]:
        """Columns that `predict_frame` answers with."""
        return frame_outputs("bundle_id")

    def predict_frame(self, frame: pd.DataFrame, *, limit: int = 10) -> pd.DataFrame:
        """Recommendations for a frame of recent purchases; see `recommendation_frame`."""
        return recommendation_frame(
            frame, "bundle_id", lambda recent: [(best.bundle_id, best.probability) for best in self.recommend(recent, limit=limit)]
        )

    def _mask(self, product_ids: Collection[str]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.table.product_ids), np.bool_)
        mask[[self._positions[p] for p in product_ids if p in self._positions]] = True
        return mask
