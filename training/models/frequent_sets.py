"""Sets of products that are bought together more than chance, in every season of the history.

Apriori (Agrawal and Srikant 1994) on sparse products: sets of n + 1 are grown from frequent sets of n by one matrix product, so nothing
loops over pairs of products. The lift of a set is its weakest link: the smallest of P(S) / (P(S without x) P(x)) over its products x, so
that a popular product cannot ride along. It must hold in each season apart: a Christmas pair is no bundle for June.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.baskets import Baskets

_BLOCK = 2_000_000  # numbers of a block while sets grow, about 30 MB
_SEASON_DAYS = 91.0
_SEASONS = 4


class MiningConfig(BaseModel):
    """What counts as a bundle.

    Attributes:
        min_support: share of all orders that hold the set; .0005 are 66 orders on Complete Journey, which leave some 2,000 sets.
        min_orders: and at the least this many orders, so that a small shop does not bundle coincidences.
        min_lift: over the whole history.
        min_season_lift: in every season.
        max_size: products in a set, at most 4.
        max_bundles: the best of them, by support × log(lift): what the set adds to the likelihood of the baskets.
        max_grown: sets of one size from which larger ones are grown, the best by the same measure. A
            wholesaler's orders hold so many frequent pairs that all of them fill any memory; on Online Retail 4,000 and 20,000 leave the
            same 2,000 bundles, in a third of the time.
    """

    model_config = ConfigDict(frozen=True)

    min_support: float = 0.0005
    min_orders: int = 8
    min_lift: float = 2.0
    min_season_lift: float = 1.3
    max_size: int = 4
    max_bundles: int = 2000
    max_grown: int = 4000


@dataclass(frozen=True)
class Level:
    """Frequent sets of one size.

    Attributes:
        sets: `(n, size)` columns of the baskets, ascending in a row.
        orders: `(n,)` orders that hold the whole set.
        lift: `(n,)` weakest link.
    """

    sets: NDArray[np.int64]
    orders: NDArray[np.int64]
    lift: NDArray[np.float64]


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

    lines: sparse.csc_matrix
    singles: sparse.csc_matrix  # the frequent columns of `lines`
    frequent: NDArray[np.int64]
    seasons: NDArray[np.int64]
    floor: int
    kinds: NDArray[np.int64] | None
    config: MiningConfig


def grow_sets(baskets: Baskets, config: MiningConfig, floor: int, kinds: NDArray[np.int64] | None) -> list[Level]:
    """Grow sets of two, three, … products as long as there are any.

    Args:
        baskets: orders up to the cut, and no later.
        config: thresholds.
        floor: orders a set needs.
        kinds: `(n_products,)`; products of one kind never share a set. None: any may.
    """
    lines = baskets.lines.tocsr()
    orders = np.asarray(lines.sum(axis=0)).ravel()
    frequent = np.flatnonzero(orders >= floor)
    columns = lines[:, frequent].tocsc()  # indicators of the sets of the last size, orders × sets
    search = _Search(lines.tocsc(), columns, frequent, season_of(baskets.ages), floor, kinds, config)
    current = Level(frequent[:, None], orders[frequent].astype(np.int64), np.ones(len(frequent)))
    found: list[Level] = []
    while len(current.sets) and current.sets.shape[1] < config.max_size:
        current, columns = _extend(search, current, columns)
        if len(current.sets):
            found.append(current)
    return found


def _extend(search: _Search, level: Level, columns: sparse.csc_matrix) -> tuple[Level, sparse.csc_matrix]:
    """Sets one product larger that hold, and their indicators `(n_orders, n_sets)`.

    Block by block: at a wholesaler, whose orders hold hundreds of lines, all grown sets and their orders at once fill any memory.
    """
    step = max(1, _BLOCK // max(len(search.frequent), 1))
    grown = [_candidates(search, level, columns, slice(start, start + step)) for start in range(0, len(level.sets), step)]
    sets, orders, parts = (np.concatenate([block[i] for block in grown]) for i in range(3))
    lift = _weakest(orders, level.orders[parts], _single_orders(search, sets), search.lines.shape[0])
    good = np.flatnonzero(lift >= search.config.min_lift)
    sets, orders, parts, lift = sets[good], orders[good], parts[good], lift[good]
    season_lift, indicators = _seasons(search, columns, sets, parts)
    good = np.flatnonzero(season_lift >= search.config.min_season_lift)
    if len(good) > search.config.max_grown:
        worth = orders[good] * np.log(np.maximum(lift[good], 1.0))
        good = np.sort(good[np.argsort(-worth, kind="stable")[: search.config.max_grown]])
    return Level(sets[good], orders[good], lift[good]), indicators[:, good]


def _candidates(
    search: _Search, level: Level, columns: sparse.csc_matrix, block: slice
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Frequent sets grown from a block of the last size's, all of whose parts have passed: sets, their orders, where the parts stand."""
    together = (columns[:, block].T @ search.singles).tocoo()
    product = search.frequent[together.col]
    base = level.sets[block][together.row]
    keep = (together.data >= search.floor) & (product > base[:, -1])
    if search.kinds is not None:
        keep &= (search.kinds[base] != search.kinds[product][:, None]).all(axis=1)
    sets = np.concatenate([base[keep], product[keep][:, None]], axis=1)
    # Every part of a set must have passed as well; where the parts stand is also what the lift needs.
    parts = np.stack([_find(level.sets, np.delete(sets, x, axis=1)) for x in range(sets.shape[1])], axis=1)
    known = (parts >= 0).all(axis=1)
    return sets[known], np.round(together.data[keep][known]).astype(np.int64), parts[known]


def _seasons(
    search: _Search, columns: sparse.csc_matrix, sets: NDArray[np.int64], parts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], sparse.csc_matrix]:
    """The weakest lift of each set in its weakest season, and which orders hold it, `(n_orders, n_sets)`."""
    lowest, held = np.full(len(sets), np.inf), []
    of_season = [np.flatnonzero(search.seasons == season) for season in np.unique(search.seasons)]
    totals = [(_counts(columns, rows), _counts(search.singles, rows)) for rows in of_season]
    place = np.searchsorted(search.frequent, sets)
    # The part without the last product is read whole: blocks are cut by how many orders hold the parts.
    load = np.cumsum(_counts(columns, None)[parts[:, -1]]) // _BLOCK if len(sets) else np.empty(0)
    for number in np.unique(load):
        block = np.flatnonzero(load == number)
        whole = columns[:, parts[block, -1]].multiply(search.lines[:, sets[block, -1]]).tocsc()
        held.append(whole)
        for rows, (part, single) in zip(of_season, totals, strict=True):
            lift = _weakest(_counts(whole, rows), part[parts[block]], single[place[block]], len(rows))
            lowest[block] = np.minimum(lowest[block], lift)
    empty = sparse.csc_matrix((search.lines.shape[0], 0), dtype=np.float32)
    return lowest, sparse.hstack([empty, *held], format="csc")


def _single_orders(search: _Search, sets: NDArray[np.int64]) -> NDArray[np.float64]:
    return _counts(search.singles, None)[np.searchsorted(search.frequent, sets)]


def _counts(indicators: sparse.csc_matrix, rows: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Orders, all or those of some rows, that hold each column."""
    chosen = np.ones(indicators.shape[0]) if rows is None else np.bincount(rows, minlength=indicators.shape[0])
    return np.asarray(chosen @ indicators, np.float64).ravel()


def _weakest(whole: NDArray[Any], parts: NDArray[Any], singles: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Smallest link P(S) / (P(S without x) P(x)) of each set, from orders that hold it, its parts and its products, of `total`."""
    links = whole.astype(np.float64)[:, None] * total / np.maximum(parts * singles, 1.0)
    return np.asarray(links.min(axis=1, initial=np.inf), np.float64)


def _find(sets: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of `sets` (unique rows) equal to each row of `wanted`, or -1."""
    kind = np.dtype((np.void, sets.dtype.itemsize * sets.shape[1]))
    have = np.ascontiguousarray(sets).view(kind).ravel()
    ask = np.ascontiguousarray(wanted).view(kind).ravel()
    order = np.argsort(have, kind="stable")
    place = np.minimum(np.searchsorted(have, ask, sorter=order), len(have) - 1)
    return np.where(have[order[place]] == ask, order[place], -1)
