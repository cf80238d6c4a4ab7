"""Bundles out of baskets: sets of two to four products that are bought together more than chance, in every season of the history.

Apriori (Agrawal and Srikant 1994) on sparse products: sets of n + 1 are grown from frequent sets of n by one matrix product, so nothing
loops over pairs of products. The lift of a set is its weakest link: the smallest of P(S) / (P(S without x) P(x)) over its products x, so
that a popular product cannot ride along. It must hold in each season apart: a Christmas pair is no bundle for June.
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

_SEASON_DAYS = 91.0
_SEASONS = 4


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


class MiningConfig(BaseModel):
    """What counts as a bundle.

    Attributes:
        min_support: share of all orders that hold the set; .0005 are 66 orders on Complete Journey, which leave some 2,000 sets.
        min_orders: and at the least this many orders, so that a small shop does not bundle coincidences.
        min_lift: over the whole history.
        min_season_lift: in every season.
        max_size: products in a set, at most 4.
        max_bundles: the best of them, by support × log(lift): what the set adds to the likelihood of the baskets.
    """

    model_config = ConfigDict(frozen=True)

    min_support: float = 0.0005
    min_orders: int = 8
    min_lift: float = 2.0
    min_season_lift: float = 1.3
    max_size: int = 4
    max_bundles: int = 2000


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


@dataclass(frozen=True)
class _Level:
    """Frequent sets of one size: sorted columns `(n, size)`, orders, weakest lift."""

    sets: NDArray[np.int64]
    orders: NDArray[np.int64]
    lift: NDArray[np.float64]


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
    levels = _grow(baskets, config, floor, kinds)
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


def season_of(ages: NDArray[np.float64]) -> NDArray[np.int64]:
    """Season of each order, by its age in days: the history cut into one to four equal spans of about a quarter."""
    if not len(ages):
        return np.zeros(0, np.int64)
    start, span = float(ages.min()), float(np.ptp(ages)) + 1e-9
    seasons = int(np.clip(np.round(span / _SEASON_DAYS), 1, _SEASONS))
    return np.minimum(((ages - start) / span * seasons).astype(np.int64), seasons - 1)


@dataclass(frozen=True)
class _Search:
    """What stays the same while sets grow."""

    lines: sparse.csr_matrix
    singles: sparse.csr_matrix  # the frequent columns of `lines`
    frequent: NDArray[np.int64]
    seasons: NDArray[np.int64]
    floor: int
    kinds: NDArray[np.int64] | None
    config: MiningConfig


def _grow(baskets: Baskets, config: MiningConfig, floor: int, kinds: NDArray[np.int64] | None) -> list[_Level]:
    lines = baskets.lines.tocsr()
    orders = np.asarray(lines.sum(axis=0)).ravel()
    frequent = np.flatnonzero(orders >= floor)
    columns = lines[:, frequent].tocsr()  # indicators of the sets of the last size, orders × sets
    search = _Search(lines, columns, frequent, season_of(baskets.ages), floor, kinds, config)
    current = _Level(frequent[:, None], orders[frequent].astype(np.int64), np.ones(len(frequent)))
    found: list[_Level] = []
    while len(current.sets) and current.sets.shape[1] < config.max_size:
        current, columns = _extend(search, current, columns)
        if len(current.sets):
            found.append(current)
    return found


def _extend(search: _Search, level: _Level, columns: sparse.csr_matrix) -> tuple[_Level, sparse.csr_matrix]:
    """Sets one product larger that hold, and their indicators `(n_orders, n_sets)`."""
    together = (columns.T @ search.singles).tocoo()
    product = search.frequent[together.col]
    keep = (together.data >= search.floor) & (product > level.sets[together.row, -1])
    if search.kinds is not None:
        keep &= (search.kinds[level.sets[together.row]] != search.kinds[product][:, None]).all(axis=1)
    sets = np.concatenate([level.sets[together.row[keep]], product[keep][:, None]], axis=1)
    # Every part of a set must have passed as well; where the parts stand is also what the lift needs.
    parts = np.stack([_find(level.sets, np.delete(sets, x, axis=1)) for x in range(sets.shape[1])], axis=1)
    known = (parts >= 0).all(axis=1)
    sets, parts = sets[known], parts[known]
    indicator = columns[:, parts[:, -1]].multiply(search.lines[:, sets[:, -1]]).tocsr()
    single = np.searchsorted(search.frequent, sets)

    def weakest(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        counts, part, one = (np.asarray(m[rows].sum(axis=0)).ravel() for m in (indicator, columns, search.singles))
        links = counts[:, None] * len(rows) / np.maximum(part[parts] * one[single], 1.0)
        return np.asarray(links.min(axis=1, initial=np.inf), np.float64)

    lift = weakest(np.arange(len(search.seasons)))
    good = lift >= search.config.min_lift
    for season in np.unique(search.seasons):
        good &= weakest(np.flatnonzero(search.seasons == season)) >= search.config.min_season_lift
    orders = np.asarray(indicator.sum(axis=0)).ravel()
    return _Level(sets[good], orders[good].astype(np.int64), lift[good]), indicator[:, np.flatnonzero(good)].tocsr()


def _find(sets: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of `sets` (unique rows) equal to each row of `wanted`, or -1."""
    kind = np.dtype((np.void, sets.dtype.itemsize * sets.shape[1]))
    have = np.ascontiguousarray(sets).view(kind).ravel()
    ask = np.ascontiguousarray(wanted).view(kind).ravel()
    order = np.argsort(have, kind="stable")
    place = np.minimum(np.searchsorted(have, ask, sorter=order), len(have) - 1)
    return np.where(have[order[place]] == ask, order[place], -1)


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
