"""A cart tells most about the next need: its products count as if they had just been ordered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.recent import RecentPurchases


def with_cart(recent: RecentPurchases, cart: Sequence[str]) -> RecentPurchases:
    """Recent purchases as if the cart had just been ordered: its products come first, with one purchase more than before."""
    if not cart:
        return recent
    wanted = list(dict.fromkeys(cart))
    earlier = dict(zip(recent.product_ids.tolist(), recent.purchases.tolist(), strict=True))
    others = ~np.isin(recent.product_ids, wanted)
    return RecentPurchases(
        product_ids=np.concatenate([np.asarray(wanted, np.str_), recent.product_ids[others]]),
        purchases=np.concatenate([np.array([earlier.get(p, 0) + 1 for p in wanted], np.int32), recent.purchases[others]]),
        days_since_last=np.concatenate([np.zeros(len(wanted), np.float32), recent.days_since_last[others]]),
        orders=recent.orders + 1,
    )
