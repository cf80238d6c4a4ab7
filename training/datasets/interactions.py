"""Who bought what, as sparse matrices seen at an as-of date, and what was bought in the weeks after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from features.errors import TooLittleHistory
from features.recent import RecentPurchases, purchase_weights
from features.recent_build import product_purchases
from features.warehouse import Warehouse


@dataclass(frozen=True)
class Interactions:
    """Customer × item, from what the online store would have held at `as_of` (`features.recent`): training sees no more than serving.

    Attributes:
        as_of: nothing after it is in here.
        customer_ids: `(n_customers,)` sorted; customers with at least one modelled item.
        product_ids: `(n_items,)` sorted.
        purchases: CSR `(n_customers, n_items)` float32, orders that hold the item.
        days_since_last: CSR of the very same pattern, float32 days (explicit zeros are kept).
        orders: `(n_customers,)` int32, the customer's orders in the same time.
        buyers: `(n_items,)` int32, distinct customers in the last 365 days.
    """

    as_of: datetime
    customer_ids: NDArray[np.str_]
    product_ids: NDArray[np.str_]
    purchases: sparse.csr_matrix
    days_since_last: sparse.csr_matrix
    orders: NDArray[np.int32]
    buyers: NDArray[np.int32]

    def weights(self, *, half_life_days: float, exponent: float) -> sparse.csr_matrix:
        """Confidence weights, `features.recent.purchase_weights` of every pair; `exponent=1` and no decay are plain counts."""
        data = purchase_weights(self.purchases.data, self.days_since_last.data, half_life_days=half_life_days, exponent=exponent)
        return sparse.csr_matrix((data, self.purchases.indices, self.purchases.indptr), shape=self.purchases.shape)

    def recent(self, row: int) -> RecentPurchases:
        """One customer's recent purchases of modelled items, as serving would hand them in."""
        start, stop = self.purchases.indptr[row], self.purchases.indptr[row + 1]
        return RecentPurchases(
            self.product_ids[self.purchases.indices[start:stop]],
            self.purchases.data[start:stop].astype(np.int32),
            self.days_since_last.data[start:stop],
            int(self.orders[row]),
        )


@dataclass(frozen=True)
class Targets:
    """What the customers of an `Interactions` bought in a window after its as-of date.

    Attributes:
        bought: CSR `(n_customers, n_items)` of ones.
        wanted: `(n_customers,)` int64, distinct merchandise bought, items outside the model included: those count as missed.
        first_time: CSR as `bought`, only what the customer never bought before, however long ago.
        first_wanted: `(n_customers,)` as `wanted`, only first purchases.
    """

    bought: sparse.csr_matrix
    wanted: NDArray[np.int64]
    first_time: sparse.csr_matrix
    first_wanted: NDArray[np.int64]


def merchandise(warehouse: Warehouse, excluded_categories: frozenset[str]) -> pl.DataFrame:
    """Products that may be recommended at all: in the catalogue and of no excluded category. One column, `product_id`."""
    excluded = pl.col("product_category").is_in(sorted(excluded_categories)).fill_null(value=False)
    return warehouse.read("products").filter(pl.col("in_catalogue") & ~excluded).select("product_id")


def build_interactions(
    warehouse: Warehouse, as_of: datetime, *, min_customers: int, excluded_categories: frozenset[str] = frozenset()
) -> Interactions:
    """Read the customer × item matrices as they stood at `as_of`.

    Args:
        warehouse: the imported history.
        as_of: UTC; only lines at or before it are seen, at most a year back.
        min_customers: an item needs this many distinct buyers to be modelled.
        excluded_categories: product categories that are no merchandise (vouchers, fuel).

    Raises:
        TooLittleHistory: there are no order lines, or fewer than two customers or two items are left.
    """
    warehouse.require_lines()
    pairs = (
        product_purchases(pl.scan_parquet(warehouse.path("order_lines")), as_of)
        .join(merchandise(warehouse, excluded_categories).lazy(), on="product_id", how="semi")
        .with_columns(pl.col("customer_id").n_unique().over("product_id").alias("buyers"))
        .filter(pl.col("buyers") >= min_customers)
        .collect()
    )
    customers, items = pairs["customer_id"].unique().sort(), pairs["product_id"].unique().sort()
    if len(customers) < 2 or len(items) < 2:
        raise TooLittleHistory(
            f"Up to {as_of:%Y-%m-%d} only {len(customers)} customer(s) and {len(items)} product(s) with at least {min_customers} buyers "
            "are known; recommending needs two of each at the least, and some thousand purchases to be of use."
        )
    pairs = pairs.with_columns(_position("customer_id", customers).alias("row"), _position("product_id", items).alias("column")).sort(
        "row", "column"
    )
    shape = (len(customers), len(items))
    indptr = np.searchsorted(pairs["row"].to_numpy(), np.arange(shape[0] + 1)).astype(np.int32)
    indices = pairs["column"].to_numpy().astype(np.int32)
    buyers = np.bincount(indices, minlength=shape[1]).astype(np.int32)
    return Interactions(
        as_of,
        np.asarray(customers.to_list(), np.str_),
        np.asarray(items.to_list(), np.str_),
        sparse.csr_matrix((pairs["purchases"].to_numpy().astype(np.float32), indices, indptr), shape=shape),
        sparse.csr_matrix((pairs["days_since_last"].to_numpy().astype(np.float32), indices, indptr), shape=shape),
        pairs.group_by("row", maintain_order=True).agg(pl.col("orders").first())["orders"].to_numpy().astype(np.int32),
        buyers,
    )


def read_targets(
    warehouse: Warehouse, interactions: Interactions, *, days: int, excluded_categories: frozenset[str] = frozenset()
) -> Targets:
    """Read what the customers bought in the `days` days after `interactions.as_of` (the moment itself excluded, the end included)."""
    start, end = interactions.as_of, interactions.as_of + timedelta(days=days)
    known = pl.Series("customer_id", interactions.customer_ids.tolist())
    items = pl.Series("product_id", interactions.product_ids.tolist())
    pairs = (
        pl.scan_parquet(warehouse.path("order_lines"))
        .filter(pl.col("ordered_at") <= end)
        .join(merchandise(warehouse, excluded_categories).lazy(), on="product_id", how="semi")
        .group_by("customer_id", "product_id")
        .agg((pl.col("ordered_at") <= start).any().alias("before"), (pl.col("ordered_at") > start).any().alias("after"))
        .filter("after")
        .collect()
        .join(known.to_frame(), on="customer_id", how="semi")
        .with_columns(_position("customer_id", known).alias("row"))
    )
    first = pairs.filter(~pl.col("before"))
    return Targets(
        _ones(pairs, items, len(known)),
        np.bincount(pairs["row"].to_numpy(), minlength=len(known)).astype(np.int64),
        _ones(first, items, len(known)),
        np.bincount(first["row"].to_numpy(), minlength=len(known)).astype(np.int64),
    )


def _position(column: str, ids: pl.Series) -> pl.Expr:
    return pl.col(column).replace_strict(ids, pl.int_range(len(ids), dtype=pl.Int64, eager=True), return_dtype=pl.Int64)


def _ones(pairs: pl.DataFrame, items: pl.Series, customers: int) -> sparse.csr_matrix:
    modelled = pairs.join(items.to_frame(), on="product_id", how="semi").with_columns(_position("product_id", items).alias("column"))
    ones: NDArray[Any] = np.ones(modelled.height, np.float32)
    return sparse.csr_matrix((ones, (modelled["row"].to_numpy(), modelled["column"].to_numpy())), shape=(customers, len(items)))
