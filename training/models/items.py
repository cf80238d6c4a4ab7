"""Items: implicit ALS tuned on an earlier window, maps fitted on an earlier window, judged on the last four unseen weeks.

Three windows of 28 days follow each other: settings are chosen and maps fitted for the tested model on [cut − 28, cut], the model is
judged on [cut, now], and the refitted model takes its maps from [cut, now]. Only what lies before a window feeds the features of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from threadpoolctl import threadpool_limits

from features.errors import TooLittleHistory
from training.artifacts.fold_in import FoldIn
from training.artifacts.folder import Manifest
from training.artifacts.items import (
    ANYBODY_INPUTS,
    EXPLORE_INPUTS,
    HORIZON_DAYS,
    KIND,
    REPEAT_INPUTS,
    SCORE_FLOOR,
    ItemModel,
    ItemSettings,
    repeat_columns,
)
from training.datasets.interactions import Interactions, Targets, build_interactions, read_targets
from training.datasets.splits import recommendation_cut
from training.evaluation.ranking import score_rankings, top_k
from training.models.als import AlsSettings, fit_column_factors
from training.models.item_judgement import judge_items
from training.models.pair_calibration import MIN_POSITIVES, fit_logistic_map, sample_pairs
from training.recipe import Evaluation, TrainingData

BLOCK = 256  # customers scored at a time: 256 × 25 k float32 are 25 MB
_WINDOW = timedelta(days=HORIZON_DAYS)


class ItemsConfig(BaseModel):
    """What may be set.

    Attributes:
        min_customers: buyers an item needs to be modelled.
        excluded_categories: product categories that are no merchandise; they differ from shop to shop, so none by default.
        grid: ALS settings among which the inner window chooses by explore NDCG@20, where nothing but the ALS ranks.
    """

    model_config = ConfigDict(frozen=True)

    min_customers: int = 5
    excluded_categories: frozenset[str] = frozenset()
    grid: tuple[AlsSettings, ...] = (
        # Among the best of 23 settings tried on Complete Journey's inner window (explore NDCG@20 .031 to .041; the best lie within .001).
        AlsSettings(),
        AlsSettings(alpha=5.0, regularization=50.0, half_life_days=30.0),
        AlsSettings(alpha=2.0, half_life_days=60.0),
        AlsSettings(alpha=5.0, regularization=50.0, half_life_days=60.0, iterations=10),
    )


@dataclass(frozen=True)
class ItemsRecipe:
    """How the item recommender comes to be; see the module."""

    config: ItemsConfig = field(default_factory=ItemsConfig)
    name: str = KIND

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Tune and calibrate before the cut, write that model into `folder`, judge it on the 28 days after the cut.

        Raises:
            TooLittleHistory: fewer than twelve weeks, or too few customers, products or purchases in one of the windows.
        """
        with threadpool_limits(1, "blas"):  # thousands of small products: threads of the BLAS would only wait for each other
            return self._evaluate(data, folder)

    def _evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        started = time.perf_counter()
        cut = recommendation_cut(self.name, data.warehouse.first_event, data.now)
        data.tell("tuning item factors")
        earlier, bought = self.window(data, cut - _WINDOW)
        settings, tried = self._tune(data, earlier, bought)
        data.tell("fitting items up to the cut")
        model, last = self._fit(data, cut, settings, (earlier, bought))
        model.save(folder, self._manifest(data, cut, settings, {}))
        data.tell("judging items")
        targets = read_targets(data.warehouse, last, days=HORIZON_DAYS, excluded_categories=self.config.excluded_categories)
        result = judge_items(model, last, targets, seed=data.seed)
        notes = [f"settings tried on the inner window (explore NDCG@20): {tried}", *result.notes]
        if model.settings.repeat.positives < MIN_POSITIVES:
            notes.append("hardly any product was bought again: products a customer already has get one constant, small probability.")
        return result.model_copy(
            update={
                "parameters": {**settings.model_dump(), "items": len(model.product_ids), "min_customers": self.config.min_customers},
                "notes": notes,
                "seconds": time.perf_counter() - started,
            }
        )

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on everything with the settings the evaluation chose; maps from the last 28 days, whose purchases are all known."""
        settings = AlsSettings.model_validate({k: evaluation.parameters[k] for k in AlsSettings.model_fields})
        cut = recommendation_cut(self.name, data.warehouse.first_event, data.now)
        data.tell("fitting items on everything")
        with threadpool_limits(1, "blas"):
            model, _ = self._fit(data, data.now, settings, self.window(data, cut))
        return model.save(folder, self._manifest(data, data.now, settings, evaluation.metrics))

    def interactions(self, data: TrainingData, as_of: datetime) -> Interactions:
        """Who had bought what by a moment; raises as `build_interactions`."""
        config = self.config
        return build_interactions(data.warehouse, as_of, min_customers=config.min_customers, excluded_categories=config.excluded_categories)

    def window(self, data: TrainingData, as_of: datetime) -> tuple[Interactions, Targets]:
        """Who had bought what by a moment, and what in the 28 days after it; raises as `build_interactions`."""
        interactions = self.interactions(data, as_of)
        return interactions, read_targets(
            data.warehouse, interactions, days=HORIZON_DAYS, excluded_categories=self.config.excluded_categories
        )

    def _tune(self, data: TrainingData, seen: Interactions, targets: Targets) -> tuple[AlsSettings, str]:
        tried = []
        for settings in self.config.grid:
            factors, rows = fold_everybody(seen, settings, seed=data.seed, threads=data.settings.threads)
            lists = []
            for start in range(0, len(rows), BLOCK):
                scores = rows[start : start + BLOCK] @ factors.T
                scores[seen.purchases[start : start + BLOCK].nonzero()] = -np.inf
                lists.append(top_k(scores, 20))
            if not targets.first_wanted.any():
                return settings, "none: nobody bought anything new in that window"
            means = score_rankings(np.vstack(lists), targets.first_time, targets.first_wanted, seen.purchases, cuts=(20,)).means()
            tried.append((means["ndcg_20"], settings))
        best = max(tried, key=lambda pair: pair[0])[1]
        return best, ", ".join(f"{value:.4f}" for value, _ in tried)

    def _fit(
        self, data: TrainingData, as_of: datetime, settings: AlsSettings, earlier: tuple[Interactions, Targets]
    ) -> tuple[ItemModel, Interactions]:
        threads = data.settings.threads
        item_settings = fit_maps(*earlier, settings, seed=data.seed, threads=threads)
        seen = self.interactions(data, as_of)
        weights = seen.weights(half_life_days=settings.half_life_days, exponent=settings.exponent)
        factors = fit_column_factors(weights, settings, seed=data.seed, threads=threads)
        return ItemModel(seen.product_ids, factors, seen.buyers, recent_buyers(seen), item_settings), seen

    def _manifest(self, data: TrainingData, until: datetime, settings: AlsSettings, metrics: dict[str, float]) -> Manifest:
        return Manifest(
            name=self.name,
            kind=KIND,
            data_from=data.warehouse.first_event,
            data_until=until,
            input_hash=data.warehouse.version,
            settings={**self.config.model_dump(mode="json", exclude={"grid"}), **settings.model_dump()},
            metrics=metrics,
        )


def recent_buyers(seen: Interactions) -> NDArray[np.int32]:
    """Distinct customers per item in the last 28 days before `seen.as_of`, `(n_items,)`."""
    late = seen.days_since_last.data <= HORIZON_DAYS
    return np.bincount(seen.days_since_last.indices[late], minlength=len(seen.product_ids)).astype(np.int32)


def fold_everybody(
    seen: Interactions, settings: AlsSettings, *, seed: int, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit item factors and fold every customer in with serving's own solve: `(n_items, f)` and `(n_customers, f)`."""
    weights = seen.weights(half_life_days=settings.half_life_days, exponent=settings.exponent)
    factors = fit_column_factors(weights, settings, seed=seed, threads=threads)
    folding = FoldIn(factors, settings.regularization, settings.alpha)
    bounds = zip(weights.indptr[:-1], weights.indptr[1:], strict=True)
    rows = [folding.solve(weights.indices[a:b], weights.data[a:b]) for a, b in bounds]
    return factors, np.stack(rows)


def fit_maps(seen: Interactions, targets: Targets, settings: AlsSettings, *, seed: int, threads: int) -> ItemSettings:
    """Fit the three maps on what was bought in the window after `seen.as_of`.

    Raises:
        TooLittleHistory: too few purchases of products new to their customer.
    """
    require_new_purchases(seen, targets)
    factors, rows = fold_everybody(seen, settings, seed=seed, threads=threads)
    buyers, recent = np.log1p(seen.buyers), np.log1p(recent_buyers(seen))
    log_orders = np.log(np.maximum(seen.orders, 1))
    random = np.random.default_rng(seed)
    blocks = []
    for start in range(0, len(rows), BLOCK):
        scores = rows[start : start + BLOCK] @ factors.T
        owned = seen.purchases[start : start + BLOCK].toarray() > 0
        r, c, stands_for = sample_pairs(scores, owned, targets.bought[start : start + BLOCK], random)
        bought = np.asarray(targets.bought[start + r, c]).ravel()
        blocks.append((np.log(np.maximum(scores[r, c], SCORE_FLOOR)), start + r, c, stands_for, bought))
    score, r, c, stands_for, bought = (np.concatenate(part) for part in zip(*blocks, strict=True))
    explore = fit_logistic_map(EXPLORE_INPUTS, (score, buyers[c], recent[c], log_orders[r]), bought, stands_for)

    r, c = seen.purchases.nonzero()
    own = np.log(np.maximum(np.einsum("ij,ij->i", rows[r], factors[c]), SCORE_FLOOR))
    columns = repeat_columns((own, buyers[c], recent[c], log_orders[r]), seen.purchases.data, seen.days_since_last.data)
    repeat = fit_logistic_map(REPEAT_INPUTS, columns, np.asarray(targets.bought[r, c]).ravel())

    customers_of = np.asarray(targets.bought.sum(axis=0)).ravel()
    yes = np.r_[np.ones(len(buyers)), np.zeros(len(buyers))]
    counts = np.r_[customers_of, len(rows) - customers_of]
    anybody = fit_logistic_map(ANYBODY_INPUTS, (np.r_[buyers, buyers], np.r_[recent, recent]), yes, counts)
    return ItemSettings(
        regularization=settings.regularization,
        alpha=settings.alpha,
        half_life_days=settings.half_life_days,
        exponent=settings.exponent,
        explore=explore,
        repeat=repeat,
        anybody=anybody,
    )


def require_new_purchases(seen: Interactions, targets: Targets) -> None:
    """Refuse a window in which hardly anybody bought what they had not bought before.

    Raises:
        TooLittleHistory: fewer than `MIN_POSITIVES` purchases of products new to their customer.
    """
    new = (targets.bought - targets.bought.multiply(seen.purchases > 0)).count_nonzero()
    if new < MIN_POSITIVES:
        raise TooLittleHistory(
            f"In the 28 days after {seen.as_of:%Y-%m-%d} only {new} purchase(s) were of a product new to the customer; "
            f"{MIN_POSITIVES} are needed to calibrate recommendations."
        )
