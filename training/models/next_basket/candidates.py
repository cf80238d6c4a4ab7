"""Rows of user and item that the ranker orders: the user's own items, the best of several simple models, and what is popular now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.datasets.basket_sequences import BasketSequences
from training.models.basket_als import BasketAls, BasketAlsSettings
from training.models.basket_neighbours import BasketNeighbours, NeighbourSettings
from training.models.basket_similarity import ItemSimilarity, SimilaritySettings
from training.models.next_basket.features import PairFeatures, item_features, user_features
from training.models.tifu_knn import TifuKnn, TifuKnnSettings, batches

Ints = NDArray[np.int64]
Inputs = NDArray[np.float32]


# as first tried, never searched: a score that is one feature among many needs less care than one that ranks alone
_ALS = BasketAlsSettings(factors=64, regularization=30.0, alpha=3.0, decay=0.9, exponent=0.5)
_TIFU = TifuKnnSettings(groups=7, within_decay=0.9, group_decay=0.7, neighbours=300)


class Scorer(Protocol):
    """A simple model that scores every item for some users."""

    def scores(self, users: Ints) -> Inputs:
        """`(n, items)`, greater is better."""
        ...


@dataclass(frozen=True)
class CandidateRows:
    """Candidates with what is known of them, sorted by user.

    Attributes:
        user, item: `(rows,)`.
        inputs: `(rows, features)` float32, NaN where a feature is not defined.
        names: of the features.
    """

    user: Ints
    item: Ints
    inputs: Inputs
    names: tuple[str, ...]

    @property
    def bought(self) -> NDArray[np.bool_]:
        """Whether the user had bought the item, `(rows,)`."""
        return np.asarray(self.inputs[:, self.names.index("bought")] > 0, np.bool_)


def scorers(sequences: BasketSequences, *, seed: int, threads: int) -> dict[str, Scorer]:
    """The models whose best items become candidates and whose scores become features.

    Args:
        sequences: histories of all users.
        seed: of the factorisation.
        threads: of the factorisation.
    """

    def similar(kind: str, decay: float, shrink: float) -> ItemSimilarity:
        return ItemSimilarity(sequences, SimilaritySettings(kind=kind, decay=decay, shrink=shrink, nearest=1000, own=0.0))

    return {
        "similar_users": similar("users", 0.8, 0.0),
        "similar_baskets": similar("baskets", 0.3, 1.0),
        "similar_next": similar("next", 0.6, 3.0),
        "als": BasketAls(sequences, _ALS, seed=seed, threads=threads),
        "tifu": _NeighbourMean(TifuKnn(sequences, np.arange(sequences.users), _TIFU)),
        "neighbours": BasketNeighbours(sequences, NeighbourSettings()),
    }


class _NeighbourMean:
    """TIFU-kNN without the user's own part."""

    def __init__(self, model: TifuKnn) -> None:
        self._model = model

    def scores(self, users: Ints) -> Inputs:
        return self._model.neighbour_mean(users)


def candidate_rows(
    sequences: BasketSequences, models: Mapping[str, Scorer], users: Ints, *, best: int, popular: int, spare: tuple[str, ...]
) -> CandidateRows:
    """Gather candidates and features.

    Args:
        sequences: histories.
        models: see `scorers`.
        users: who is asked for, ascending.
        best: items taken from each model.
        popular: items taken from those in most users' last baskets.
        spare: names of columns left for the caller.
    """
    of_pair, of_user, of_item = PairFeatures(sequences), user_features(sequences), item_features(sequences)
    best, popular = min(best, sequences.items), min(popular, sequences.items)
    now = np.argsort(-of_item["item_lines_last_1"], kind="stable")[:popular]
    names: tuple[str, ...] = ()
    rows: list[tuple[Ints, Ints, Inputs]] = []
    for batch in batches(users):
        scores = {name: model.scores(batch) for name, model in models.items()}
        at, item = _gathered(sequences, batch, scores, now, best)
        user = batch[at]
        columns = dict(of_pair.of(user, item))
        for name, score in scores.items():
            columns[name] = score[at, item].astype(np.float64)
            columns[f"{name}_share"] = columns[name] / (score.max(axis=1) + 1e-9)[at]
        columns |= {name: value[user] for name, value in of_user.items()} | {name: value[item] for name, value in of_item.items()}
        names = (*columns, *spare)
        inputs = np.zeros((len(user), len(names)), np.float32)
        for column, value in enumerate(columns.values()):
            inputs[:, column] = value
        rows.append((user, item, inputs))
    return CandidateRows(
        np.concatenate([user for user, _, _ in rows]),
        np.concatenate([item for _, item, _ in rows]),
        np.concatenate([inputs for _, _, inputs in rows]),
        names,
    )


def _gathered(sequences: BasketSequences, batch: Ints, scores: Mapping[str, Inputs], now: Ints, best: int) -> tuple[Ints, Ints]:
    """Distinct candidates of a batch: row in the batch and item, sorted."""
    width, row = sequences.items, np.arange(len(batch))
    pairs = sequences.pairs
    start, stop = pairs.start[batch], pairs.start[batch + 1]
    own = np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)])
    keys = [np.repeat(row, stop - start) * width + pairs.item[own], (row[:, None] * width + now).ravel()]
    keys += [(row[:, None] * width + np.argpartition(-score, best - 1, axis=1)[:, :best]).ravel() for score in scores.values()]
    found = np.unique(np.concatenate(keys))
    return found // width, found % width
