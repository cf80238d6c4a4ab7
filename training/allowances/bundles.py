"""What a history allows the bundle recommender: the recipe's own sets and rules, without a factorisation.

Mining a large shop three times takes half a minute. A quick look therefore comes first: pairs of the best-selling products alone. Where
even they were bought many times over what the rules ask, the rules hold; everywhere else the recipe's own sets are mined.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from features.errors import TooLittleHistory
from features.recent import HISTORY_DAYS
from training.allowances.allowance import Allowance, Horizon, weeks_until
from training.allowances.customer_sample import refusal
from training.artifacts.bundles import HORIZON_DAYS
from training.datasets.baskets import Baskets, read_baskets
from training.datasets.interactions import merchandise
from training.datasets.splits import recommendation_cut
from training.models.bundle_judgement import new_to_customer
from training.models.bundle_mining import mine_bundles
from training.models.bundle_stack import read_bundle_targets
from training.models.bundles import BundlesRecipe, require_bought, require_tunable
from training.models.pair_calibration import MIN_POSITIVES
from training.recipe import TrainingData

_WINDOW = timedelta(days=HORIZON_DAYS)
_BEST_SELLERS = 200
# The quick look's pairs may give way to other sets among the best of all, which are chosen by orders × log(lift). Log lifts lie between
# log 2 and the log of the number of orders, at most 20 times apart for a million: sets that replace these hold no less than a 20th of
# their orders. On Complete Journey and Online Retail larger sets changed the purchases in the window by less than 1 %.
_CLEAR = 50 * MIN_POSITIVES


def bundles_allowance(recipe: BundlesRecipe, data: TrainingData) -> Allowance:
    """Ask what `evaluate` and `refit` would ask, in their order."""
    first = data.warehouse.first_event
    weeks = weeks_until(lambda clock: recommendation_cut(recipe.name, first, clock) < clock, data.now)
    reason = refusal(lambda shop: _require(recipe, shop), data, None)
    dates = (recommendation_cut(recipe.name, first, data.now),) if weeks == 0 else ()
    horizon = Horizon(days=HORIZON_DAYS, dates=dates, measured=not reason, more_weeks=weeks)
    return Allowance(model=recipe.name, allowed=not reason, reason=reason, horizons=(horizon,), more_weeks=weeks)


def _require(recipe: BundlesRecipe, data: TrainingData) -> None:
    cut = recommendation_cut(recipe.name, data.warehouse.first_event, data.now)
    data.tell("what is bought together")
    if _is_clear(recipe, data, cut):
        return
    data.tell("mining bundles")
    inner = recipe.history(data, cut - _WINDOW)
    tuned = read_bundle_targets(data.warehouse, inner, cut - _WINDOW)
    require_tunable(tuned)
    outer = recipe.history(data, cut)
    require_bought(tuned, cut - _WINDOW)
    judged = read_bundle_targets(data.warehouse, outer, cut)
    new_to_customer(judged, outer.bought)
    recipe.history(data, data.now)
    require_bought(judged, cut)


def _is_clear(recipe: BundlesRecipe, data: TrainingData, cut: datetime) -> bool:
    products = _best_sellers(recipe, data)
    baskets = read_baskets(data.warehouse, products, after=None, until=data.now)
    moments = (cut - _WINDOW, cut, data.now)
    try:
        new = [_new_purchases(recipe, data, baskets, (data.now - moment).total_seconds() / 86_400) for moment in moments]
    except TooLittleHistory:
        return False
    return min(new[:2]) >= _CLEAR  # the sets as of now only have to exist


def _best_sellers(recipe: BundlesRecipe, data: TrainingData) -> pl.Series:
    sold = (
        pl.scan_parquet(data.warehouse.path("order_lines"))
        .filter(pl.col("ordered_at") <= data.now)
        .join(merchandise(data.warehouse, recipe.config.excluded_categories).lazy(), on="product_id", how="semi")
        .group_by("product_id")
        .len()
        .sort("len", "product_id", descending=True)
        .head(_BEST_SELLERS)
        .collect()
    )
    return sold["product_id"].sort()


def _new_purchases(recipe: BundlesRecipe, data: TrainingData, baskets: Baskets, age: float) -> int:
    """Customers × pairs of products bought whole in the window after a moment, by customers known then, and never before it.

    Args:
        recipe: thresholds.
        data: history and settings.
        baskets: orders up to now.
        age: days from the moment to now.

    Raises:
        TooLittleHistory: no pair holds at the moment.
    """
    before = baskets.ages >= age
    after = ~before & (baskets.ages >= age - HORIZON_DAYS)
    lately = before & (baskets.ages <= age + HISTORY_DAYS)
    mining = recipe.config.mining.model_copy(update={"max_size": 2})
    kinds = recipe.kinds(data, pl.Series("product_id", baskets.product_ids.tolist(), dtype=pl.String))
    pairs = mine_bundles(_chosen(baskets, before), mining, kinds=kinds).contents(baskets.product_ids)
    bought = _by_customer(baskets, lately, baskets.lines[lately])
    buyers = np.asarray(bought.sum(axis=0)).ravel()
    known = np.asarray(bought[:, buyers >= recipe.config.min_customers].sum(axis=1)).ravel() > 0
    then, ever = (_by_customer(baskets, rows, _chosen(baskets, rows).holding(pairs)) for rows in (after, before))
    return int((then - then.multiply(ever))[known].count_nonzero())


def _by_customer(baskets: Baskets, rows: NDArray[np.bool_], held: sparse.csr_matrix) -> sparse.csr_matrix:
    """CSR `(n_customers, columns of held)` of ones: who has one of the chosen orders that hold it. The row of "" stays empty."""
    ids, code = np.unique(baskets.customer_ids, return_inverse=True)
    somebody = np.flatnonzero(baskets.customer_ids[rows] != "")
    shape = (len(ids), int(rows.sum()))
    who = sparse.csr_matrix((np.ones(len(somebody), np.float32), (code[rows][somebody], somebody)), shape=shape)
    return ((who @ held) > 0).astype(np.float32).tocsr()


def _chosen(baskets: Baskets, rows: NDArray[np.bool_]) -> Baskets:
    return replace(baskets, lines=baskets.lines[rows], customer_ids=baskets.customer_ids[rows], ages=baskets.ages[rows])
