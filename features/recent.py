"""What a model needs to know of one customer's recent purchases: the same arrays offline, in the online store and in a request.

No model keeps a customer. It is handed a `RecentPurchases` and folds the customer in, so that somebody who ordered a minute ago is
scored on that order without any retraining. Numpy only: the request path imports this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HISTORY_DAYS = 365  # one year holds every season once; older orders are no longer "recent"
MAX_PRODUCTS = 400  # about 12 kB a customer; the median Complete Journey customer buys 258 products a year, the upper quartile 472


@dataclass(frozen=True)
class RecentPurchases:
    """One customer's products of the last `HISTORY_DAYS` days before an as-of date, the most recent first.

    Attributes:
        product_ids: `(n,)` unicode, each product once, at most `MAX_PRODUCTS`.
        purchases: `(n,)` int32, number of the customer's orders that hold the product, >= 1.
        days_since_last: `(n,)` float32, days from the last of these orders to the as-of date, >= 0.
        orders: number of the customer's orders in the same time.
    """

    product_ids: NDArray[np.str_]
    purchases: NDArray[np.int32]
    days_since_last: NDArray[np.float32]
    orders: int

    def __post_init__(self) -> None:
        """Refuse arrays of unequal length.

        Raises:
            ValueError: the three arrays do not describe the same products.
        """
        if not len(self.product_ids) == len(self.purchases) == len(self.days_since_last):
            raise ValueError(
                f"recent purchases: {len(self.product_ids)} product ids, {len(self.purchases)} counts, {len(self.days_since_last)} ages"
            )

    def __len__(self) -> int:
        """Number of distinct products."""
        return len(self.product_ids)


def nothing_recent() -> RecentPurchases:
    """The recent purchases of somebody who bought nothing, or about whom nothing may be used."""
    return RecentPurchases(np.empty(0, "U1"), np.empty(0, np.int32), np.empty(0, np.float32), 0)


def purchase_weights(
    purchases: NDArray[Any], days_since_last: NDArray[Any], *, half_life_days: float, exponent: float
) -> NDArray[np.float32]:
    """How strongly each product speaks for the customer's taste; training and serving both call this and nothing else.

    `purchases ** exponent * 0.5 ** (days_since_last / half_life_days)`: repeat purchases count with diminishing returns, and what was
    last bought a half-life ago counts half.

    Args:
        purchases: number of orders with the product, any shape.
        days_since_last: days since the last of them, the same shape.
        half_life_days: > 0; infinity switches the decay off.
        exponent: 0 counts a product once, 1 counts every order.
    """
    repeats = np.power(purchases.astype(np.float32), np.float32(exponent))
    decay = np.exp2(-days_since_last.astype(np.float32) / np.float32(half_life_days))
    return np.asarray(repeats * decay, np.float32)
