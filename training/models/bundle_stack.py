"""A shop's customers, bundles and items as one block matrix (`training.models.stacked_als`), and its factorisation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from features.recent import HISTORY_DAYS
from features.warehouse import Warehouse
from training.artifacts.bundle_table import BundleTable, Sight, customer_row
from training.artifacts.bundles import HORIZON_DAYS
from training.artifacts.fold_in import FoldIn
from training.datasets.baskets import Baskets, read_baskets
from training.datasets.interactions import Interactions
from training.models.als import AlsSettings, fit_column_factors
from training.models.bundle_mining import BundleSet
from training.models.stacked_als import bundle_rows

FREQUENCY_HALF_LIFE = 60.0  # days; of 30, 60, 90 and none the best for personal frequency of items on Complete Journey's inner window


class StackSettings(AlsSettings):
    """One point of a grid; the block weights are those that won on Youshu (docs/evidence.md) unless the grid says otherwise.

    Attributes:
        item_weight: d, a product in a customer's row.
        content_weight: c, a product in a bundle's row.
        identity_weight: e, the bundle's own column in its row.
        size_exponent: p, by which large bundles' products count less.
    """

    item_weight: float = 0.39
    content_weight: float = 0.84
    identity_weight: float = 2.99
    size_exponent: float = 0.061


@dataclass(frozen=True)
class BundleHistory:
    """Customers, bundles and items as they stood at an as-of date.

    Attributes:
        seen: customer × item; `product_ids` are those of the table.
        table: bundles with their counts up to the as-of date.
        contents: CSR `(n_bundles, n_items)` of ones.
        bought: CSR `(n_customers, n_bundles)`, orders of the last year that held the whole set.
        decayed: the same, each order halved with every `FREQUENCY_HALF_LIFE` of its age: a baseline's weights.
        sights: one per customer.
    """

    seen: Interactions
    table: BundleTable
    contents: sparse.csr_matrix
    bought: sparse.csr_matrix
    decayed: sparse.csr_matrix
    sights: list[Sight]

    def columns(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Item positions, orders and ages of one customer."""
        start, stop = self.seen.purchases.indptr[row], self.seen.purchases.indptr[row + 1]
        purchases = self.seen.purchases.data[start:stop].astype(np.int32)
        return self.seen.purchases.indices[start:stop].astype(np.int64), purchases, self.seen.days_since_last.data[start:stop]


def bundle_history(baskets: Baskets, seen: Interactions, bundles: BundleSet) -> BundleHistory:
    """Bring customers, bundles and items onto one set of products.

    Args:
        baskets: orders up to `seen.as_of`, all merchandise.
        seen: customer × item at the as-of date; items only bundles hold are added as columns.
        bundles: mined from these baskets, or given.
    """
    members = {p for products in bundles.members for p in products}
    product_ids = np.unique(np.concatenate([seen.product_ids, np.asarray(sorted(members), np.str_)]))
    seen = _onto(seen, product_ids)
    contents = bundles.contents(product_ids)
    held = baskets.holding(bundles.contents(baskets.product_ids))
    year = (baskets.ages <= HISTORY_DAYS).astype(np.float32)
    bought = _per_customer(baskets, held, seen, year)
    late = _per_customer(baskets, held, seen, (baskets.ages <= HORIZON_DAYS).astype(np.float32))
    decayed = _per_customer(baskets, held, seen, year * np.exp2(-baskets.ages / FREQUENCY_HALF_LIFE).astype(np.float32))
    rates = np.asarray(baskets.lines.mean(axis=0), np.float32).ravel()[np.searchsorted(baskets.product_ids, product_ids)]
    width = max(len(products) for products in bundles.members)
    places = [np.searchsorted(product_ids, np.asarray(products)).tolist() for products in bundles.members]
    table = BundleTable(
        bundle_ids=np.asarray(bundles.bundle_ids, np.str_),
        product_ids=product_ids,
        members=np.asarray([p + [-1] * (width - len(p)) for p in places], np.int64),
        item_rates=np.maximum(rates, 0.5 / max(baskets.lines.shape[0], 1)).astype(np.float32),  # never sold: half an order
        support=bundles.support,
        lift=bundles.lift.astype(np.float32),
        buyers=np.bincount(bought.indices, minlength=len(places)).astype(np.int32),
        recent_buyers=np.bincount(late.indices, minlength=len(places)).astype(np.int32),
    )
    history = BundleHistory(seen, table, contents, bought, decayed, [])
    rows = range(len(seen.customer_ids))
    return replace(history, sights=[table.sight(*history.columns(row), int(seen.orders[row])) for row in rows])


def read_bundle_targets(warehouse: Warehouse, history: BundleHistory, as_of: datetime) -> sparse.csr_matrix:
    """CSR `(n_customers, n_bundles)` of ones: who bought which whole set in one order of the `HORIZON_DAYS` after `as_of`."""
    products = pl.Series("product_id", history.table.product_ids.tolist())
    after = read_baskets(warehouse, products, after=as_of, until=as_of + timedelta(days=HORIZON_DAYS))
    held = after.holding(history.contents)
    return (_per_customer(after, held, history.seen, np.ones(held.shape[0], np.float32)) > 0).astype(np.float32).tocsr()


def customer_rows(history: BundleHistory, settings: StackSettings) -> sparse.csr_matrix:
    """The upper blocks `[UB, d·UI]`, each row made by the very function that serving calls."""
    table, rows = history.table, []
    for row, sight in enumerate(history.sights):
        half_life, exponent, weight = settings.half_life_days, settings.exponent, settings.item_weight
        known = history.columns(row)
        rows.append(customer_row(table, sight, *known, half_life_days=half_life, exponent=exponent, item_weight=weight))
    indptr = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    indices, data = np.concatenate([c for c, _ in rows]), np.concatenate([w for _, w in rows])
    return sparse.csr_matrix((data, indices, indptr), shape=(len(rows), len(table.bundle_ids) + len(table.product_ids)))


def fit_stack(
    history: BundleHistory, settings: StackSettings, *, seed: int, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factorise the block matrix and fold every customer in with serving's own solve.

    Returns:
        Column factors `(n_bundles + n_items, f)` and customers `(n_customers, f)`.
    """
    above = customer_rows(history, settings)
    stacked = sparse.vstack([above, bundle_rows(history.contents, settings)]).tocsr()
    factors = fit_column_factors(stacked, settings, seed=seed, threads=threads)
    folding = FoldIn(factors, settings.regularization, settings.alpha)
    bounds = zip(above.indptr[:-1], above.indptr[1:], strict=True)
    return factors, np.stack([folding.solve(above.indices[a:b], above.data[a:b]) for a, b in bounds])


def _onto(seen: Interactions, product_ids: NDArray[np.str_]) -> Interactions:
    place = np.searchsorted(product_ids, seen.product_ids).astype(np.int32)
    shape = (len(seen.customer_ids), len(product_ids))
    indptr, indices = seen.purchases.indptr, place[seen.purchases.indices]
    buyers = np.zeros(len(product_ids), np.int32)
    buyers[place] = seen.buyers
    return replace(
        seen,
        product_ids=product_ids,
        purchases=sparse.csr_matrix((seen.purchases.data, indices, indptr), shape=shape),
        days_since_last=sparse.csr_matrix((seen.days_since_last.data, indices, indptr), shape=shape),
        buyers=buyers,
    )


def _per_customer(baskets: Baskets, held: sparse.csr_matrix, seen: Interactions, weights: NDArray[np.float32]) -> sparse.csr_matrix:
    row = np.searchsorted(seen.customer_ids, baskets.customer_ids)
    row = np.minimum(row, len(seen.customer_ids) - 1)
    known = np.flatnonzero(seen.customer_ids[row] == baskets.customer_ids)
    shape = (len(seen.customer_ids), len(baskets.customer_ids))
    sums = (sparse.csr_matrix((weights[known], (row[known], known)), shape=shape) @ held).tocsr()
    sums.eliminate_zeros()
    return sums
