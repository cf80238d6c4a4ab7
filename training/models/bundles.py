"""Bundles: sets mined from baskets or given by the merchant, ranked by stacked implicit ALS, judged on the last four unseen weeks.

The windows are those of the items model: settings and maps of the judged model come from the 28 days before the cut, it is judged on the
28 days after it, and the refitted model takes its maps from those. Sets are mined anew from the orders before each of these moments.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse
from threadpoolctl import threadpool_limits

from features.errors import TooLittleHistory
from training.artifacts.bundle_columns import ANYBODY_INPUTS, COMPLETE_INPUTS, PARTIAL_INPUTS, complete_columns, partial_columns
from training.artifacts.bundles import HORIZON_DAYS, KIND, BundleModel, BundleSettings
from training.artifacts.folder import Manifest
from training.datasets.baskets import read_baskets
from training.datasets.interactions import build_interactions, merchandise
from training.datasets.splits import recommendation_cut
from training.evaluation.ranking import score_rankings, top_k
from training.models.bundle_judgement import judge_bundles
from training.models.bundle_mining import MerchantBundle, mine_bundles
from training.models.bundle_stack import BundleHistory, StackSettings, bundle_history, fit_stack, read_bundle_targets
from training.models.frequent_sets import MiningConfig
from training.models.pair_calibration import MIN_POSITIVES, fit_logistic_map
from training.recipe import Evaluation, TrainingData

_WINDOW = timedelta(days=HORIZON_DAYS)
_TUNED_AT = 10


class BundlesConfig(BaseModel):
    """What may be set.

    Attributes:
        mining: thresholds of mined sets.
        merchant_bundles: sets the merchant sells together; offered whatever the baskets say.
        kind_column: products equal in this column never share a mined set; None mines any set.
        min_customers: buyers an item needs to tell of a customer's taste.
        excluded_categories: product categories that are no merchandise; none by default.
        grid: stacked ALS settings among which the inner window chooses by NDCG@10 of the ALS alone.
    """

    model_config = ConfigDict(frozen=True)

    mining: MiningConfig = MiningConfig()
    merchant_bundles: tuple[MerchantBundle, ...] = ()
    kind_column: Literal["product_type", "product_category"] | None = "product_type"
    min_customers: int = 20
    excluded_categories: frozenset[str] = frozenset()
    grid: tuple[StackSettings, ...] = (
        # Of 15 settings tried on Complete Journey's inner window (NDCG@10 .138 to .165) the best, and the best for sets never bought.
        StackSettings(exponent=1.0),
        StackSettings(exponent=1.0, item_weight=1.0),
        StackSettings(exponent=1.0, half_life_days=30.0),
    )


@dataclass(frozen=True)
class BundlesRecipe:
    """How the bundle recommender comes to be; see the module."""

    config: BundlesConfig = field(default_factory=BundlesConfig)
    name: str = KIND

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Mine, tune and calibrate before the cut, write that model into `folder`, judge it on the 28 days after the cut.

        Raises:
            TooLittleHistory: fewer than twelve weeks, no set that holds, or too few purchases of whole sets.
        """
        with threadpool_limits(1, "blas"):  # thousands of small products: threads of the BLAS would only wait for each other
            return self._evaluate(data, folder)

    def _evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        started = time.perf_counter()
        cut = recommendation_cut(self.name, data.warehouse.first_event, data.now)
        data.tell("mining bundles")
        earlier = self.history(data, cut - _WINDOW)
        bought = read_bundle_targets(data.warehouse, earlier, cut - _WINDOW)
        data.tell("tuning bundle factors")
        settings, tried = self._tune(data, earlier, bought)
        data.tell("fitting bundles up to the cut")
        history = self.history(data, cut)
        model, customers = self._fit(data, history, settings, (earlier, bought))
        model.save(folder, self._manifest(data, cut, settings, {}))
        data.tell("judging bundles")
        targets = read_bundle_targets(data.warehouse, history, cut)
        result = judge_bundles(model, history, targets, customers, settings, seed=data.seed, threads=data.settings.threads)
        sizes = np.bincount(history.table.sizes.astype(int), minlength=5)[2:]
        given = len(self.config.merchant_bundles)
        mined = ", ".join(f"{n} of {size} products" for size, n in enumerate(sizes.tolist(), 2) if n)
        return result.model_copy(
            update={
                "parameters": {**settings.model_dump(), "bundles": len(model.table.bundle_ids), "items": len(model.table.product_ids)},
                "notes": [f"bundles at the cut: {mined}; {given} of them given by the merchant", f"settings tried: {tried}", *result.notes],
                "seconds": time.perf_counter() - started,
            }
        )

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Mine and fit on everything with the settings the evaluation chose; maps from the last 28 days."""
        settings = StackSettings.model_validate({k: evaluation.parameters[k] for k in StackSettings.model_fields})
        cut = recommendation_cut(self.name, data.warehouse.first_event, data.now)
        data.tell("fitting bundles on everything")
        with threadpool_limits(1, "blas"):
            earlier = self.history(data, cut)
            bought = read_bundle_targets(data.warehouse, earlier, cut)
            model, _ = self._fit(data, self.history(data, data.now), settings, (earlier, bought))
        return model.save(folder, self._manifest(data, data.now, settings, evaluation.metrics))

    def history(self, data: TrainingData, as_of: datetime) -> BundleHistory:
        """Customers, sets and products as they stood at a moment; raises as `build_interactions` and `mine_bundles`."""
        config = self.config
        seen = build_interactions(data.warehouse, as_of, min_customers=config.min_customers, excluded_categories=config.excluded_categories)
        given = pl.Series("product_id", [p for b in config.merchant_bundles for p in b.product_ids], dtype=pl.String)
        products = pl.concat([merchandise(data.warehouse, config.excluded_categories)["product_id"], given]).unique().sort()
        baskets = read_baskets(data.warehouse, products, after=None, until=as_of)
        bundles = mine_bundles(baskets, config.mining, kinds=self.kinds(data, products), given=config.merchant_bundles)
        return bundle_history(baskets, seen, bundles)

    def kinds(self, data: TrainingData, products: pl.Series) -> NDArray[np.int64] | None:
        """Kind of each product, `(n_products,)`, of which no two share a mined set; None where any may."""
        if self.config.kind_column is None:
            return None
        known = products.to_frame().join(data.warehouse.read("products"), on="product_id", how="left", maintain_order="left")
        kind = known[self.config.kind_column].fill_null("product " + known["product_id"])  # of unknown kind: a kind of its own
        return kind.rank("dense").to_numpy().astype(np.int64)

    def _tune(self, data: TrainingData, history: BundleHistory, bought: sparse.csr_matrix) -> tuple[StackSettings, str]:
        tried = []
        wanted = np.diff(bought.indptr).astype(np.int64)
        require_tunable(bought)
        for settings in self.config.grid:
            factors, rows = fit_stack(history, settings, seed=data.seed, threads=data.settings.threads)
            lists = top_k(rows @ factors[: len(history.table.bundle_ids)].T, _TUNED_AT)
            scores = score_rankings(lists, bought, wanted, history.bought, cuts=(_TUNED_AT,))
            tried.append((scores.means()[f"ndcg_{_TUNED_AT}"], settings))
        return max(tried, key=lambda pair: pair[0])[1], ", ".join(f"{value:.4f}" for value, _ in tried)

    def _fit(
        self, data: TrainingData, history: BundleHistory, settings: StackSettings, earlier: tuple[BundleHistory, sparse.csr_matrix]
    ) -> tuple[BundleModel, NDArray[np.float32]]:
        maps = fit_bundle_maps(*earlier, settings, seed=data.seed, threads=data.settings.threads)
        factors, customers = fit_stack(history, settings, seed=data.seed, threads=data.settings.threads)
        return BundleModel(history.table, factors, maps), customers

    def _manifest(self, data: TrainingData, until: datetime, settings: StackSettings, metrics: dict[str, float]) -> Manifest:
        return Manifest(
            name=self.name,
            kind=KIND,
            data_from=data.warehouse.first_event,
            data_until=until,
            input_hash=data.warehouse.version,
            settings={**self.config.model_dump(mode="json", exclude={"grid"}), **settings.model_dump()},
            metrics=metrics,
        )


def fit_bundle_maps(
    history: BundleHistory, bought: sparse.csr_matrix, settings: StackSettings, *, seed: int, threads: int
) -> BundleSettings:
    """Fit the three maps on which whole sets were bought in the window after the as-of date; every pair takes part.

    Raises:
        TooLittleHistory: fewer than `MIN_POSITIVES` sets were bought.
    """
    require_bought(bought, history.seen.as_of)
    factors, customers = fit_stack(history, settings, seed=seed, threads=threads)
    table, random = history.table, np.random.default_rng(seed)
    scores = customers @ factors[: len(table.bundle_ids)].T
    parts: dict[str, list[tuple[tuple[NDArray[np.float32], ...], NDArray[np.float32], NDArray[np.float32]]]] = {
        "partial": [],
        "complete": [],
    }
    for row, sight in enumerate(history.sights):
        label = np.zeros(len(table.bundle_ids), np.float32)
        label[bought.indices[bought.indptr[row] : bought.indptr[row + 1]]] = 1.0
        orders = int(history.seen.orders[row])
        whole = sight.share_owned >= 1.0
        chosen, stands_for = _thin(~whole, label, random)
        columns = partial_columns(scores[row], table, sight, orders, chosen)
        parts["partial"].append((columns, label[chosen], stands_for))
        columns = complete_columns(scores[row], table, sight, orders, sight.implied)
        parts["complete"].append((columns, label[whole], np.ones(int(whole.sum()), np.float32)))
    maps = {}
    for name, inputs in (("partial", PARTIAL_INPUTS), ("complete", COMPLETE_INPUTS)):
        stacked = tuple(np.concatenate([block[0][i] for block in parts[name]]) for i in range(len(inputs)))
        labels, weights = (np.concatenate([block[i] for block in parts[name]]) for i in (1, 2))
        maps[name] = fit_logistic_map(inputs, stacked, labels, weights)
    buyers, recent = table.popularity
    customers_of = np.asarray(bought.sum(axis=0)).ravel()
    yes = np.r_[np.ones(len(buyers)), np.zeros(len(buyers))]
    counts = np.r_[customers_of, len(history.sights) - customers_of]
    anybody = fit_logistic_map(ANYBODY_INPUTS, (np.r_[buyers, buyers], np.r_[recent, recent]), yes, counts)
    return BundleSettings(
        regularization=settings.regularization,
        alpha=settings.alpha,
        half_life_days=settings.half_life_days,
        exponent=settings.exponent,
        item_weight=settings.item_weight,
        partial=maps["partial"],
        complete=maps["complete"],
        anybody=anybody,
    )


def require_tunable(bought: sparse.csr_matrix) -> None:
    """Refuse an inner window in which nobody bought a whole set.

    Raises:
        TooLittleHistory: there is no such purchase.
    """
    if not bought.nnz:
        raise TooLittleHistory("Nobody bought a whole bundle in the 28 days of the inner window; bundles cannot be tuned.")


def require_bought(bought: sparse.csr_matrix, as_of: datetime) -> None:
    """Refuse a window in which too few whole sets were bought.

    Raises:
        TooLittleHistory: fewer than `MIN_POSITIVES`.
    """
    if bought.nnz < MIN_POSITIVES:
        raise TooLittleHistory(
            f"In the 28 days after {as_of:%Y-%m-%d} only {bought.nnz} whole bundle(s) were bought; "
            f"{MIN_POSITIVES} are needed to calibrate their probabilities."
        )


_NEGATIVES = 200  # incomplete sets without purchase kept for each customer, weighted up: of some 2,000 they nearly all say the same


def _thin(
    segment: NDArray[np.bool_], label: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    positives, negatives = np.flatnonzero(segment & (label > 0)), np.flatnonzero(segment & (label == 0))
    drawn = negatives if len(negatives) <= _NEGATIVES else random.choice(negatives, _NEGATIVES, replace=False)
    weight = np.full(len(drawn), len(negatives) / max(len(drawn), 1), np.float32)
    return np.concatenate([positives, drawn]), np.concatenate([np.ones(len(positives), np.float32), weight])
