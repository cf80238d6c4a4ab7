"""Inputs of the bundle maps: one place for what training fits and serving computes. Numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artifacts.bundle_table import BundleTable, Sight

SCORE_FLOOR = 1e-3  # as for items: scores below are noise around zero
PARTIAL_INPUTS = ("log_score", "log_buyers", "log_recent_buyers", "log_orders", "log_chance", "share_owned")
COMPLETE_INPUTS = (*PARTIAL_INPUTS[:-1], "log_purchase_share", "log_days_since")
ANYBODY_INPUTS = ("log_buyers", "log_recent_buyers")

Columns = tuple[NDArray[np.float32], ...]


def partial_columns(score: NDArray[np.float32], table: BundleTable, sight: Sight, orders: int, which: NDArray[np.int64]) -> Columns:
    """Columns of `PARTIAL_INPUTS` for the bundles at `which`; training and serving both call this.

    Args:
        score: `(n_bundles,)` ALS scores of one customer.
        table: the bundles.
        sight: what the customer's purchases say of them.
        orders: the customer's orders.
        which: positions.
    """
    return (*_shared(score, table, sight, orders, which), sight.share_owned[which])


def complete_columns(score: NDArray[np.float32], table: BundleTable, sight: Sight, orders: int, which: NDArray[np.int64]) -> Columns:
    """Columns of `COMPLETE_INPUTS` for the implied bundles at `which`; as `partial_columns`."""
    own = np.log(sight.purchases[which] / max(orders, 1)), np.log1p(sight.days_since[which])  # a share, for the reason given for items
    return (*_shared(score, table, sight, orders, which), *own)


def _shared(score: NDArray[np.float32], table: BundleTable, sight: Sight, orders: int, which: NDArray[np.int64]) -> Columns:
    buyers, recent = table.popularity
    log_orders = np.full(len(which), np.log(max(orders, 1)), np.float32)
    return np.log(np.maximum(score[which], SCORE_FLOOR)), buyers[which], recent[which], log_orders, sight.log_chance[which]
