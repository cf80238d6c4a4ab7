"""The bundles, the products they are made of, and what one customer's recent purchases say about each of them. Numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.recent import purchase_weights

PRIOR_ORDERS = 20.0  # how many orders of an average customer a customer's own rate is mixed with


@dataclass(frozen=True)
class Sight:
    """What a customer's recent purchases say about every bundle.

    Attributes:
        share_owned: `(n_bundles,)` share of the set's products among the recent ones; 1 makes it implied.
        purchases: `(n_bundles,)` the smallest number of orders over the set's products (0 unless implied).
        days_since: `(n_bundles,)` the largest age over the set's products (0 unless implied).
        log_chance: `(n_bundles,)` log P(set in one order) if products came independently at the customer's own rates, times the lift.
    """

    share_owned: NDArray[np.float32]
    purchases: NDArray[np.float32]
    days_since: NDArray[np.float32]
    log_chance: NDArray[np.float32]

    @property
    def implied(self) -> NDArray[np.int64]:
        """Positions of the bundles whose products were all bought."""
        return np.flatnonzero(self.share_owned >= 1.0)


@dataclass(frozen=True)
class BundleTable:
    """The bundles and the products they are made of.

    Attributes:
        bundle_ids: `(n_bundles,)`.
        product_ids: `(n_items,)` sorted; every member is one of them.
        members: `(n_bundles, 4 or fewer)` positions in `product_ids`, padded with -1.
        item_rates: `(n_items,)` share of all orders that hold the product, > 0.
        support, lift, buyers, recent_buyers: `(n_bundles,)` orders, weakest lift, distinct customers in a year and in 28 days.
    """

    bundle_ids: NDArray[np.str_]
    product_ids: NDArray[np.str_]
    members: NDArray[np.int64]
    item_rates: NDArray[np.float32]
    support: NDArray[np.int64]
    lift: NDArray[np.float32]
    buyers: NDArray[np.int32]
    recent_buyers: NDArray[np.int32]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which places of `members` hold a product."""
        return self.members >= 0

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return np.ascontiguousarray(self.members.T)  # reducing over the long axis is several times faster than over rows of three

    @cached_property
    def sizes(self) -> NDArray[np.float32]:
        """Products per bundle."""
        return np.asarray(self.present.sum(axis=1), np.float32)

    @cached_property
    def log_lift(self) -> NDArray[np.float32]:
        """`log(max(lift, 1))`: a set never seen together is taken as independent."""
        return np.log(np.maximum(self.lift, 1.0)).astype(np.float32)

    @cached_property
    def popularity(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`log1p` of buyers and of recent buyers."""
        return np.log1p(self.buyers).astype(np.float32), np.log1p(self.recent_buyers).astype(np.float32)

    def sight(self, columns: NDArray[np.int64], purchases: NDArray[np.int32], days_since: NDArray[np.float32], orders: int) -> Sight:
        """Look at every bundle from one customer's purchases; training and serving both call this.

        Args:
            columns: `(n,)` positions of the known products.
            purchases: `(n,)` orders with each.
            days_since: `(n,)` days since the last of them.
            orders: the customer's orders in the same time.
        """
        counts = np.zeros(len(self.product_ids) + 1, np.float32)  # the last place stands for the padding
        ages = np.zeros_like(counts)
        counts[columns], ages[columns] = purchases, days_since
        of_members = counts[self._places]
        owned = ((of_members > 0) & self.present.T).sum(axis=0, dtype=np.float32) / self.sizes
        rates = np.log((counts[:-1] + PRIOR_ORDERS * self.item_rates) / np.float32(orders + PRIOR_ORDERS))
        chance = np.append(rates, np.float32(0))[self._places].sum(axis=0) + self.log_lift
        whole = owned >= 1.0
        smallest = np.where(self.present.T, of_members, np.inf).min(axis=0)
        oldest = ages[self._places].max(axis=0)
        return Sight(
            owned.astype(np.float32),
            np.where(whole, smallest, 0.0).astype(np.float32),
            np.where(whole, oldest, 0.0).astype(np.float32),
            chance.astype(np.float32),
        )


def customer_row(
    table: BundleTable,
    sight: Sight,
    columns: NDArray[np.int64],
    purchases: NDArray[np.int32],
    days_since: NDArray[np.float32],
    *,
    half_life_days: float,
    exponent: float,
    item_weight: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """A customer's row of the stacked matrix, bundles before items; training and serving both call this.

    Returns:
        Columns in `[0, n_bundles + n_items)` and their weights.
    """
    implied = sight.implied
    bundles = purchase_weights(sight.purchases[implied], sight.days_since[implied], half_life_days=half_life_days, exponent=exponent)
    items = purchase_weights(purchases, days_since, half_life_days=half_life_days, exponent=exponent)
    return np.concatenate([implied, len(table.bundle_ids) + columns]), np.concatenate([bundles, np.float32(item_weight) * items])
