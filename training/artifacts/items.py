"""Item recommender: implicit ALS factors, a customer folded in on the spot, and a calibrated probability for every product.

Two logistic maps turn what is known of a customer and a product into P(bought within 28 days): `explore` for products the customer has
not bought (the ALS score at its core), `repeat` for those they have (how often and how long ago at its core, because in a shop with
repeat purchases a customer's own frequency says more than anybody else's). Ranking by the probability blends the two. Numpy only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.recent import HISTORY_DAYS, RecentPurchases, purchase_weights
from training.artifacts.fold_in import FoldIn
from training.artifacts.folder import Manifest, open_artifact, write_artifact
from training.artifacts.logistic_map import LogisticMap, sigmoid
from training.artifacts.mapped_arrays import mapped
from training.artifacts.ranked_items import RankedItems, proved
from training.artifacts.recommendation_frame import FRAME_INPUTS, frame_outputs, recommendation_frame
from training.artifacts.top_positions import top_positions

if TYPE_CHECKING:
    import pandas as pd

KIND = "items"
HORIZON_DAYS = 28  # the window of every probability here
SCORE_FLOOR = 1e-3  # ALS scores at or below this are noise around zero; the logarithm needs a floor
RANKED_FROM = 50_000  # products; of fewer all are looked at in less time than their order takes to follow
_MAPPED_BYTES = 8_000_000  # packed; smaller ones are read faster than they are opened
_ARRAYS, _SETTINGS = "items.npz", "items.json"

EXPLORE_INPUTS = ("log_score", "log_buyers", "log_recent_buyers", "log_orders")
REPEAT_INPUTS = (*EXPLORE_INPUTS, "log_purchase_share", "log_days_since", "intervals_since")
ANYBODY_INPUTS = ("log_buyers", "log_recent_buyers")


@dataclass(frozen=True)
class ScoredItem:
    """A product recommended to somebody.

    Attributes:
        product_id: opaque id.
        score: log-odds; ranks.
        probability: calibrated P(the customer buys the product within `HORIZON_DAYS`).
    """

    product_id: str
    score: float
    probability: float


class ItemSettings(BaseModel):
    """What scoring needs besides arrays: the fold-in's weights and the fitted maps."""

    model_config = ConfigDict(frozen=True)

    regularization: float
    alpha: float
    half_life_days: float
    exponent: float
    explore: LogisticMap
    repeat: LogisticMap
    anybody: LogisticMap


def _ranked_arrays(arrays: Mapping[str, NDArray[Any]], *, settings: ItemSettings) -> dict[str, NDArray[Any]]:
    """Products laid down by what anybody can make of them; nothing where there are few, or the maps bound nothing."""
    made = ItemModel(arrays["product_ids"], arrays["factors"], arrays["buyers"], arrays["recent_buyers"], settings).ranked
    return {} if made is None else made.arrays()


def repeat_columns(
    explore: tuple[NDArray[Any] | float, ...], purchases: NDArray[Any], days_since: NDArray[Any]
) -> tuple[NDArray[Any] | float, ...]:
    """Columns of `REPEAT_INPUTS` from those of `EXPLORE_INPUTS` and the customer's own purchases; training and serving both call this."""
    intervals = np.minimum(days_since * purchases / HISTORY_DAYS, 10.0)  # ages in units of the mean gap; beyond ten it is simply long ago
    # A share of the orders, not a count: counts grow while a young history fills its first year, and the map would drift with them.
    return (*explore, np.log(purchases) - explore[-1], np.log1p(days_since), intervals)


@dataclass(frozen=True)
class ItemTaste:
    """One customer, as the item model sees them.

    Attributes:
        factor: `(f,)` float32, folded in.
        log_orders: logarithm of their orders.
        own: positions of the products they have bought, ascending; none of somebody who never ordered.
        own_logits: log-odds of those.
    """

    factor: NDArray[np.float32]
    log_orders: float
    own: NDArray[np.int64]
    own_logits: NDArray[np.float32]


def _logged(score: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithm of ALS scores, in place."""
    np.log(np.maximum(score, SCORE_FLOOR, out=score), out=score)
    return score


@dataclass(frozen=True)
class ItemModel:
    """Item factors and maps; holds no customer.

    Attributes:
        product_ids: `(n,)` unicode, sorted.
        factors: `(n, f)` float32.
        buyers: `(n,)` distinct customers in the year before the fit.
        recent_buyers: `(n,)` distinct customers in the last 28 days before the fit.
        settings: fold-in weights and maps.
    """

    product_ids: NDArray[np.str_]
    factors: NDArray[np.float32]
    buyers: NDArray[np.int32]
    recent_buyers: NDArray[np.int32]
    settings: ItemSettings

    @classmethod
    def load(cls, path: Path) -> ItemModel:
        """Read an artifact folder.

        Raises:
            ArtifactBroken: the folder is damaged or holds another kind of model.
        """
        folder = open_artifact(path, kind=KIND)
        settings = ItemSettings.model_validate(folder.json(_SETTINGS))
        large = (path / _ARRAYS).stat().st_size >= _MAPPED_BYTES
        arrays = mapped(folder, _ARRAYS, partial(_ranked_arrays, settings=settings)) if large else folder.arrays(_ARRAYS)
        model = cls(arrays["product_ids"], arrays["factors"], arrays["buyers"], arrays["recent_buyers"], settings)
        ranked = RankedItems.of_arrays(arrays, settings.explore.coefficient("log_score"), SCORE_FLOOR)
        if ranked is not None:
            model.__dict__["ranked"] = ranked  # mapped, too
        if model.ranked is not None and not proved(model.ranked, model._folding, model.buyers):
            model.__dict__["ranked"] = None
        # Pay for the caches now, not in a request.
        _ = model._positions, model._folding.gram, model._explore_static, model._anybody, model._finite
        return model

    def save(self, path: Path, manifest: Manifest) -> Manifest:
        """Write the model as an artifact; `manifest.kind` must be `KIND`."""
        arrays = {
            "product_ids": self.product_ids,
            "factors": self.factors,
            "buyers": self.buyers,
            "recent_buyers": self.recent_buyers,
        }
        return write_artifact(path, manifest, texts={_SETTINGS: self.settings.model_dump_json(indent=2)}, arrays={_ARRAYS: arrays})

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {product: position for position, product in enumerate(self.product_ids.tolist())}

    @cached_property
    def _folding(self) -> FoldIn:
        return FoldIn(self.factors, self.settings.regularization, self.settings.alpha)

    @cached_property
    def popularity(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`log1p` of buyers and of recent buyers, `(n,)` each."""
        return np.log1p(self.buyers).astype(np.float32), np.log1p(self.recent_buyers).astype(np.float32)

    @cached_property
    def _explore_static(self) -> NDArray[np.float32]:
        explore, (buyers, recent) = self.settings.explore, self.popularity
        return explore.logit((0.0, buyers, recent, 0.0))

    @cached_property
    def _anybody(self) -> NDArray[np.float32]:
        return self.settings.anybody.logit(self.popularity)

    @cached_property
    def ranked(self) -> RankedItems | None:
        """Products in the order of what they can be worth to anybody; None where there are few, or the map bounds nothing."""
        if len(self.product_ids) < RANKED_FROM:
            return None
        return RankedItems.of(self.factors, self._explore_static, self.settings.explore.coefficient("log_score"), SCORE_FLOOR)

    @cached_property
    def _finite(self) -> bool:
        return all(bool(np.isfinite(part).all()) for part in (self.factors, self._explore_static, self._anybody))

    def has_numbers(self, taste: ItemTaste | None) -> bool:
        """Whether it is known, without working it out for each product, that the log-odds for a taste hold no NaN."""
        return self._finite and (taste is None or bool(np.isfinite(taste.factor).all() and np.isfinite(taste.own_logits).all()))

    def index_of(self, product_id: str) -> int | None:
        """Position of a product, or None when the model does not know it."""
        return self._positions.get(product_id)

    def positions_of(self, product_ids: Collection[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the known ones among `product_ids`, and where in `product_ids` they stood."""
        get = self._positions.get
        positions = np.asarray([get(p, -1) for p in product_ids], np.int64)
        places = np.flatnonzero(positions >= 0)
        return positions[places], places

    def fold_in(self, product_ids: Sequence[str], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """A customer's factors, `(f,)`, from products and weights; unknown products are left out."""
        positions, places = self.positions_of(product_ids)
        return self._folding.solve(positions, weights[places])

    def taste(self, recent: RecentPurchases) -> ItemTaste | None:
        """What the model knows of one customer, small enough to be kept; None where it knows none of their products.

        Without an order (`recent.orders` 0: products looked at, not bought) every product is new, none a repeat.
        """
        positions, places = self.positions_of(recent.product_ids.tolist())
        if not len(positions):
            return None
        s = self.settings
        purchases, days = recent.purchases[places], recent.days_since_last[places]
        weights = purchase_weights(purchases, days, half_life_days=s.half_life_days, exponent=s.exponent)
        factor = self._folding.solve(positions, weights)
        score = _logged(self.factors[positions] @ factor)
        log_orders = float(np.log(max(recent.orders, 1)))
        if not recent.orders:
            return ItemTaste(factor, log_orders, np.empty(0, np.int64), np.empty(0, np.float32))
        buyers, recent_buyers = self.popularity
        own = repeat_columns((score, buyers[positions], recent_buyers[positions], log_orders), purchases, days)
        order = np.argsort(positions)
        return ItemTaste(factor, log_orders, positions[order], s.repeat.logit(own)[order])

    def logits(self, recent: RecentPurchases) -> NDArray[np.float32]:
        """Log-odds of every product for one customer, `(n,)` float32; what nobody knows of the customer is what `popular` says."""
        return self.logits_of(self.taste(recent))

    def logits_of(self, taste: ItemTaste | None, positions: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Log-odds for a taste.

        Args:
            taste: of `taste`; None: anybody's.
            positions: of the products asked about; None: all.

        Returns:
            `(n,)` or as many as there are positions, float32.
        """
        if taste is None:
            return self._anybody.copy() if positions is None else self._anybody[positions]
        maps = self.settings.explore
        factors, static = self.factors, self._explore_static
        if positions is not None:
            factors, static = factors[positions], static[positions]
        score = _logged(factors @ taste.factor)
        score *= np.float32(maps.coefficient("log_score"))
        score += static
        score += np.float32(maps.coefficient("log_orders") * taste.log_orders)
        if positions is None:
            score[taste.own] = taste.own_logits
            return np.asarray(score, np.float32)
        if not len(taste.own):
            return np.asarray(score, np.float32)
        place = np.minimum(np.searchsorted(taste.own, positions), len(taste.own) - 1)
        return np.where(taste.own[place] == positions, taste.own_logits[place], score).astype(np.float32)

    def recommend(
        self,
        recent: RecentPurchases,
        *,
        limit: int,
        allowed: NDArray[np.bool_] | None = None,
        exclude: Collection[str] = (),
        explore: bool = False,
    ) -> list[ScoredItem]:
        """Best products for one customer, best first: `limit` of them, or all that the filters leave.

        Args:
            recent: the customer's purchases; nothing in them that the model knows means: as for an unknown customer.
            limit: how many at most.
            allowed: `(n,)` mask over `product_ids`, e.g. in stock.
            exclude: products not wanted; unknown ones are ignored.
            explore: leave out everything in `recent`.
        """
        left_out = {*exclude, *recent.product_ids.tolist()} if explore else exclude
        return self.best_for(self.taste(recent), limit, allowed=allowed, exclude=left_out)

    def popular(self, limit: int, allowed: NDArray[np.bool_] | None = None) -> list[ScoredItem]:
        """Best products for somebody of whom nothing is known; the probability is that of any customer buying the product."""
        return self.best(self._anybody.copy(), limit, allowed=allowed)

    @property
    def frame_inputs(self) -> dict[str, Literal["strings", "longs", "doubles"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return FRAME_INPUTS

    @property
    def frame_outputs(self) -> dict[str, Literal["strings", "doubles"]]:
        """Columns that `predict_frame` answers with."""
        return frame_outputs("product_id")

    def predict_frame(self, frame: pd.DataFrame, *, limit: int = 20) -> pd.DataFrame:
        """Recommendations for a frame of recent purchases; see `recommendation_frame`."""
        return recommendation_frame(
            frame, "product_id", lambda recent: [(best.product_id, best.probability) for best in self.recommend(recent, limit=limit)]
        )

    def best_for(
        self, taste: ItemTaste | None, limit: int, *, allowed: NDArray[np.bool_] | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """As `best` of `logits_of(taste)`; of many products most are not looked at."""
        ranked = self.ranked
        if ranked is None or taste is None or limit <= 0:
            return self.best(self.logits_of(taste), limit, allowed=allowed, exclude=exclude)
        left_out = self.positions_of(exclude)[0]
        found, values, _ = ranked.best(taste.factor, limit, allowed=allowed, without=np.union1d(taste.own, left_out))
        values = values + np.float32(self.settings.explore.coefficient("log_orders") * taste.log_orders)
        own = ~np.isin(taste.own, left_out)
        if allowed is not None:
            own &= allowed[taste.own]
        positions, logits = np.concatenate([found, taste.own[own]]), np.concatenate([values, taste.own_logits[own]])
        chosen = np.lexsort((positions, -logits))[:limit]
        return self._scored(positions[chosen], logits[chosen])

    def best(
        self, logits: NDArray[np.float32], limit: int, *, allowed: NDArray[np.bool_] | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """The `limit` best of `logits` (overwritten where a filter removes a product), best first; -inf is never among them."""
        if allowed is not None:
            logits[~allowed] = -np.inf
        if exclude:
            logits[self.positions_of(exclude)[0]] = -np.inf
        limit = min(limit, len(logits))
        if limit <= 0:
            return []
        best = top_positions(logits, limit)
        best = best[np.isfinite(logits[best])]  # fewer are left than asked for: never an item that a filter removed
        return self._scored(best, logits[best])

    def _scored(self, positions: NDArray[np.int64], logits: NDArray[np.float32]) -> list[ScoredItem]:
        columns = zip(self.product_ids[positions].tolist(), logits.tolist(), sigmoid(logits).tolist(), strict=True)
        return [ScoredItem(product, score, probability) for product, score, probability in columns]
