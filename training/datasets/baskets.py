"""Orders as sparse rows of products, and which orders hold a whole set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from features.warehouse import Warehouse


@dataclass(frozen=True)
class Baskets:
    """Orders × products.

    Attributes:
        product_ids: `(n_products,)` sorted.
        lines: CSR `(n_orders, n_products)` of ones, float32; orders by time.
        customer_ids: `(n_orders,)`, "" for an order without customer.
        ages: `(n_orders,)` float64, days from the order to the end of the window that was read.
    """

    product_ids: NDArray[np.str_]
    lines: sparse.csr_matrix
    customer_ids: NDArray[np.str_]
    ages: NDArray[np.float64]

    def holding(self, sets: sparse.csr_matrix) -> sparse.csr_matrix:
        """CSR `(n_orders, n_sets)` of ones where the order holds every product of the set.

        Args:
            sets: CSR `(n_sets, n_products)` of ones.
        """
        held = (self.lines @ sets.T).tocoo()
        whole = held.data >= np.asarray(sets.sum(axis=1)).ravel()[held.col] - 0.5
        ones = np.ones(int(whole.sum()), np.float32)
        return sparse.csr_matrix((ones, (held.row[whole], held.col[whole])), shape=held.shape)


def read_baskets(warehouse: Warehouse, products: pl.Series, *, after: datetime | None, until: datetime) -> Baskets:
    """Read the orders in `(after, until]` that hold at least one of `products`.

    Args:
        warehouse: the imported history.
        products: product ids, each once; sorted here.
        after: exclusive, or None for all history.
        until: inclusive; nothing after it is seen.
    """
    ids = products.sort()
    window = pl.col("ordered_at") <= until
    if after is not None:
        window &= pl.col("ordered_at") > after
    index = pl.DataFrame({"product_id": ids, "column": pl.int_range(len(ids), eager=True)}, schema_overrides={"product_id": pl.String})
    lines = (
        pl.scan_parquet(warehouse.path("order_lines"))
        .filter(window)
        .join(index.lazy(), on="product_id")
        .select("ordered_at", "order_id", "customer_id", "column")
        .unique(["order_id", "column"])
        .sort("ordered_at", "order_id", "column")
        .collect()
    )
    orders = lines.select("order_id", "ordered_at", "customer_id").unique("order_id", maintain_order=True)
    row = lines["order_id"].rle_id().to_numpy()
    ones = np.ones(lines.height, np.float32)
    ages = (pl.Series([until], dtype=pl.Datetime("us", "UTC")) - orders["ordered_at"]).dt.total_seconds().to_numpy() / 86_400
    return Baskets(
        np.asarray(ids.to_list(), np.str_),
        sparse.csr_matrix((ones, (row, lines["column"].to_numpy())), shape=(orders.height, len(ids))),
        np.asarray(orders["customer_id"].fill_null("").to_list(), np.str_),
        np.asarray(ages, np.float64),
    )
