"""What is known of a user and a bundle that might be for them: the columns of the bundle re-ranker.

Everything comes from the pairs that may be seen and from factorisations of them; scores are standardised within a user's own row, or are
ranks, so that they mean the same whether a part of the pairs is hidden (where the labels are) or nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.models.stacked_als import StackedFactors

Block = NDArray[np.float32]

_CELLS = 4_000_000  # cells of a users × bundles block; some twenty of them are alive at once
_NEIGHBOURS = 30_000  # users asked for their likeness at most
_SHARPNESS = 5  # power of a neighbour's cosine: the like-minded count, the crowd does not
_RANKED = ("als", "neighbours", "fellows", "kin", "as_row", "taste", "together", "content", "cosine")


@dataclass(frozen=True)
class Candidates:
    """The first bundles of the factorisation, per user.

    Attributes:
        bundles: `(n, k)` columns, best first.
        vacant: `(n, k)` whether the place is empty, since the user owns what is left; such a place is never recommended.
        columns: `(n, k, features)` float32, in the order of `names`.
        names: of the features.
    """

    bundles: NDArray[np.int64]
    vacant: NDArray[np.bool_]
    columns: Block
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Owners:
    """Users who own something, asked for what they hold.

    Attributes:
        bought: their rows of the pairs.
        directions: `(n, f)` of unit length, in the first factorisation.
        unit_bought, unit_items: rows of unit length, items weighted by rarity.
    """

    bought: sparse.csr_matrix
    directions: Block
    unit_bought: sparse.csr_matrix
    unit_items: sparse.csr_matrix


@dataclass(frozen=True)
class Knowledge:
    """Pairs that may be seen, several factorisations of them, and what follows.

    Attributes:
        pairs: never holds what is to be predicted.
        views: factorisations of `pairs`; their standardised scores are averaged for the first ranking.
        seed: of the sample of neighbours, drawn where there are very many users.
    """

    pairs: BundlePairs
    views: Sequence[StackedFactors]
    seed: int

    def candidates(self, users: NDArray[np.int64], k: int) -> Candidates:
        """The first `k` bundles of each user and what is known of them.

        Args:
            users: `(n,)` rows of the pairs, n > 0.
            k: cut to the number of bundles.
        """
        k = min(k, self.pairs.bought.shape[1])
        step = max(_CELLS // self.pairs.bought.shape[1], 1)
        blocks = [self._block(users[start : start + step], k) for start in range(0, len(users), step)]
        return Candidates(
            bundles=np.concatenate([block.bundles for block in blocks]),
            vacant=np.concatenate([block.vacant for block in blocks]),
            columns=np.concatenate([block.columns for block in blocks]),
            names=blocks[0].names,
        )

    def _block(self, users: NDArray[np.int64], k: int) -> Candidates:
        scores = [_standard(view.users[users] @ view.bundles.T) for view in self.views]
        first = _standard(np.mean(scores, axis=0, dtype=np.float32))
        first[self.pairs.bought[users].nonzero()] = -np.inf
        bundles = _first(first, k)
        columns = {"als": np.take_along_axis(first, bundles, axis=1)}
        vacant = np.isneginf(columns["als"])
        columns["als"][vacant] = 0.0
        for source in ({f"als_{i}": score for i, score in enumerate(scores)}, self._tastes(users), self._contents(users)):
            columns |= {name: np.take_along_axis(block, bundles, axis=1) for name, block in source.items()}
        columns |= self._sizes(users, bundles, columns["overlap"])
        columns["content_most"] = self._most_alike(users, bundles)
        columns |= {f"{name}_rank": _places(columns[name]) for name in _RANKED}
        return Candidates(bundles, vacant, np.stack(list(columns.values()), axis=-1, dtype=np.float32), tuple(columns))

    def _tastes(self, users: NDArray[np.int64]) -> dict[str, Block]:
        """From who took which bundle, through the first factorisation and by itself."""
        view, bought = self.views[0], self.pairs.bought[users]
        taken = _at_least_one(bought)
        unit_users, unit_bundles = _unit(view.users[users]), _unit(view.bundles)
        near = np.maximum(unit_users @ self._owners.directions.T, 0) ** _SHARPNESS
        alike = _dense(_unit_rows(bought) @ self._owners.unit_bought.T)
        share = bought @ sparse.diags(1 / np.maximum(self._buyers, 1))  # of each owned bundle's users, those who took this one too
        return {
            "neighbours": self._held_by(near, bought),
            "fellows": self._held_by(alike, bought),
            "as_row": _standard(view.users[users] @ view.contents.T),
            "taste": unit_users @ unit_bundles.T,
            "likeness": (bought @ unit_bundles) @ unit_bundles.T / taken,
            "together": _dense((share @ self.pairs.bought.T) @ self.pairs.bought) / taken,
        }

    def _contents(self, users: NDArray[np.int64]) -> dict[str, Block]:
        """From what the bundles hold: beside the user's items, and beside the user's bundles."""
        items, bought = self.pairs.items[users], self.pairs.bought[users]
        unit = self._unit_contents
        own = _unit_rows(items @ self._rarity)
        return {
            "kin": self._held_by(_dense(own @ self._owners.unit_items.T) ** 2, bought),
            "overlap": _dense(items @ self.pairs.contents.T),
            "cosine": _dense(own @ unit.T),
            "content": _dense((bought @ unit) @ unit.T) / _at_least_one(bought),
        }

    def _sizes(self, users: NDArray[np.int64], bundles: NDArray[np.int64], overlap: Block) -> dict[str, Block]:
        bought, items = (np.diff(matrix.indptr)[users].astype(np.float32)[:, None] for matrix in (self.pairs.bought, self.pairs.items))
        held = np.diff(self.pairs.contents.indptr).astype(np.float32)[bundles]
        return {
            "share_of_bundle": overlap / np.maximum(held, 1),
            "share_of_user": overlap / np.maximum(items, 1),
            "buyers": np.log1p(self._buyers)[bundles],
            "size": np.log1p(held),
            "user_bundles": np.broadcast_to(bought, bundles.shape),
            "user_items": np.broadcast_to(items, bundles.shape),
        }

    def _most_alike(self, users: NDArray[np.int64], bundles: NDArray[np.int64]) -> Block:
        """Largest likeness of contents between a candidate and one of the user's bundles."""
        unit, bought = self._unit_contents, self.pairs.bought
        most = np.zeros(bundles.shape, np.float32)
        for place, user in enumerate(users):
            owned = bought.indices[bought.indptr[user] : bought.indptr[user + 1]]
            if len(owned) and unit.nnz:
                most[place] = (unit[owned] @ unit[bundles[place]].T).toarray().max(axis=0)
        return most

    @cached_property
    def _buyers(self) -> Block:
        return np.bincount(self.pairs.bought.indices, minlength=self.pairs.bought.shape[1]).astype(np.float32)

    def _held_by(self, likeness: Block, bought: sparse.csr_matrix) -> Block:
        """What users alike hold, each by likeness; the user's own bundles count as held by nobody, or the user were their own neighbour."""
        scores = np.asarray((self._owners.bought.T @ likeness.T).T, np.float32)
        scores[bought.nonzero()] = 0.0
        return _standard(scores)

    @cached_property
    def _owners(self) -> _Owners:
        owners = np.flatnonzero(np.diff(self.pairs.bought.indptr))
        if len(owners) > _NEIGHBOURS:
            owners = np.sort(np.random.default_rng(self.seed).choice(owners, _NEIGHBOURS, replace=False))
        bought = self.pairs.bought[owners]
        return _Owners(bought, _unit(self.views[0].users[owners]), _unit_rows(bought), _unit_rows(self.pairs.items[owners] @ self._rarity))

    @cached_property
    def _rarity(self) -> sparse.dia_matrix:
        """Inverse user frequency of every item on a diagonal."""
        users, items = self.pairs.items.shape
        known_by = np.bincount(self.pairs.items.indices, minlength=items)
        return sparse.diags(np.log((1 + users) / np.maximum(known_by, 1)).astype(np.float32), shape=(items, items))

    @cached_property
    def _unit_contents(self) -> sparse.csr_matrix:
        return _unit_rows(self.pairs.contents @ self._rarity)


def _first(scores: Block, k: int) -> NDArray[np.int64]:
    part = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(part, order, axis=1), np.int64)


def _standard(scores: Block) -> Block:
    """Every row with mean 0 and deviation 1; a row that says the same of all is 0."""
    scores = np.asarray(scores, np.float32)
    deviation = scores.std(axis=1, keepdims=True)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1), np.float32)


def _places(columns: Block) -> Block:
    """0 for the greatest of a row, and so on."""
    return np.asarray(np.argsort(np.argsort(-columns, axis=1, kind="stable"), axis=1), np.float32)


def _unit(vectors: Block) -> Block:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), np.float32)


def _unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(norms > 0, norms, 1)) @ matrix).tocsr().astype(np.float32)


def _at_least_one(bought: sparse.csr_matrix) -> Block:
    return np.asarray(np.maximum(np.diff(bought.indptr), 1)[:, None], np.float32)


def _dense(matrix: sparse.csr_matrix) -> Block:
    return np.asarray(matrix.toarray(), np.float32)
