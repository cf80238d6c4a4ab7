"""Bundles: the best sets that are bought together more than chance, and those the merchant gives.

How the sets are found: `training.models.frequent_sets`. The best are those that add most to the likelihood of the baskets; what the
merchant gives comes along whatever the baskets say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from scipy import sparse

from features.errors import TooLittleHistory
from training.datasets.baskets import Baskets
from training.models.frequent_sets import MiningConfig, grow_sets


class MerchantBundle(BaseModel):
    """A set that the merchant sells together, whatever the baskets say.

    Attributes:
        bundle_id: the merchant's own id.
        product_ids: two or more, each once.
        label: for people.
    """

    model_config = ConfigDict(frozen=True)

    bundle_id: str
    product_ids: tuple[str, ...]
    label: str = ""

    @model_validator(mode="after")
    def _a_set(self) -> MerchantBundle:
        if len(self.product_ids) < 2 or len(set(self.product_ids)) != len(self.product_ids):
            raise ValueError(f"bundle {self.bundle_id}: needs at least two products, each once; got {list(self.product_ids)}")
        return self


@dataclass(frozen=True)
class BundleSet:
    """Bundles, mined and given.

    Attributes:
        bundle_ids: `(n,)`; mined ones are named by a hash of their products, so the same set keeps its id from fit to fit.
        members: product ids of each, sorted.
        labels: the merchant's label, "" for a mined one.
        support: `(n,)` orders that hold the whole set.
        lift: `(n,)` weakest link; 0 when the set was never bought.
    """

    bundle_ids: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    support: NDArray[np.int64]
    lift: NDArray[np.float64]

    def contents(self, product_ids: NDArray[np.str_]) -> sparse.csr_matrix:
        """CSR `(n, len(product_ids))` of ones; `product_ids` is sorted and holds every member."""
        columns = np.searchsorted(product_ids, np.asarray([p for m in self.members for p in m], np.str_))
        sizes = np.asarray([len(m) for m in self.members])
        rows = np.repeat(np.arange(len(sizes)), sizes)
        return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(sizes), len(product_ids)))


def mine_bundles(
    baskets: Baskets, config: MiningConfig, *, kinds: NDArray[np.int64] | None = None, given: tuple[MerchantBundle, ...] = ()
) -> BundleSet:
    """Mine the sets that hold and add the merchant's.

    Args:
        baskets: orders up to the cut, and no later.
        config: thresholds.
        kinds: `(n_products,)`; products of one kind never share a mined set (two flavours are substitutes, not complements).
        given: merchant's bundles; their products must be among the baskets' columns.

    Raises:
        TooLittleHistory: no set is frequent enough and the merchant gives none.
    """
    floor = max(config.min_orders, int(np.ceil(config.min_support * baskets.lines.shape[0])))
    levels = grow_sets(baskets, config, floor, kinds)
    share = np.concatenate([level.orders * np.log(np.maximum(level.lift, 1.0)) for level in levels]) if levels else np.empty(0)
    sets = [tuple(row) for level in levels for row in level.sets.tolist()]
    orders = np.concatenate([level.orders for level in levels]) if levels else np.empty(0, np.int64)
    lift = np.concatenate([level.lift for level in levels]) if levels else np.empty(0)
    best = np.argsort(-share, kind="stable")[: config.max_bundles]
    taken = {tuple(sorted(bundle.product_ids)) for bundle in given}
    named = [(b, tuple(baskets.product_ids[list(sets[b])].tolist())) for b in best]
    named = [(b, products) for b, products in named if products not in taken]  # a given set keeps the merchant's id
    if not named and not given:
        raise TooLittleHistory(
            f"No set of products was bought together in {floor} of {baskets.lines.shape[0]} orders with lift {config.min_lift} in every "
            "season; bundles need more orders, lower thresholds, or sets given by the merchant."
        )
    given_orders, given_lift = _measure(baskets, given)
    return BundleSet(
        tuple(_name(products) for _, products in named) + tuple(bundle.bundle_id for bundle in given),
        tuple(products for _, products in named) + tuple(tuple(sorted(bundle.product_ids)) for bundle in given),
        ("",) * len(named) + tuple(bundle.label for bundle in given),
        np.concatenate([orders[[b for b, _ in named]], given_orders]).astype(np.int64),
        np.concatenate([lift[[b for b, _ in named]], given_lift]),
    )


def _measure(baskets: Baskets, given: tuple[MerchantBundle, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orders and weakest lift of the merchant's sets, which need not be frequent."""
    total = baskets.lines.shape[0]
    orders, lifts = np.zeros(len(given)), np.zeros(len(given))
    for number, bundle in enumerate(given):
        columns = np.searchsorted(baskets.product_ids, np.asarray(sorted(bundle.product_ids), np.str_))
        held = baskets.lines[:, columns].toarray() > 0
        orders[number] = held.all(axis=1).sum()
        rest = [np.delete(held, x, axis=1).all(axis=1).sum() * held[:, x].sum() for x in range(len(columns))]
        lifts[number] = min(orders[number] * total / max(r, 1) for r in rest)
    return orders, lifts


def _name(products: tuple[str, ...]) -> str:
    return "mined-" + hashlib.sha256("\n".join(products).encode()).hexdigest()[:12]
