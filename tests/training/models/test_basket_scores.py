"""TIFU-kNN against the paper's formula, similarities against their definition, neighbours and factors against planted tastes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.basket_shop import ITEMS, TASTES, histories_and_next, sequences
from training.models.basket_als import BasketAls, BasketAlsSettings
from training.models.basket_neighbours import BasketNeighbours, NeighbourSettings
from training.models.basket_similarity import ItemSimilarity, SimilaritySettings, cosines
from training.models.tifu_knn import TifuKnn, TifuKnnSettings, frequency_vectors

SHOP = sequences(histories_and_next()[0])


def by_the_paper(baskets: list[list[int]], groups: int, within: float, between: float, items: int) -> np.ndarray:
    """Equations 1 to 3 one basket at a time; the longer groups last."""
    groups = min(groups, len(baskets))
    size, extra = divmod(len(baskets), groups)
    vector, start = np.zeros(items), 0
    for group in range(groups):
        length = size + (group >= groups - extra)
        inside = np.zeros(items)
        for step, basket in enumerate(baskets[start : start + length]):
            inside[basket] += within ** (length - 1 - step)
        vector += between ** (groups - 1 - group) * inside / length
        start += length
    return vector / groups


@pytest.mark.parametrize("length", [1, 2, 3, 6, 7, 8])
def test_frequency_vectors_follow_the_paper(length: int) -> None:
    random = np.random.default_rng(length)
    baskets = [sorted(random.choice(9, 3, replace=False).tolist()) for _ in range(length)]
    found = frequency_vectors(sequences({"u": baskets}, items=9), groups=3, within_decay=0.9, group_decay=0.7)
    assert found.toarray()[0] == pytest.approx(by_the_paper(baskets, 3, 0.9, 0.7, 9), rel=1e-5)


def test_neighbours_are_nearest_by_distance_and_never_oneself() -> None:
    shop = sequences({"a": [[0, 1]], "b": [[0, 1]], "c": [[0, 2]], "d": [[3, 4]]}, items=5)
    settings = TifuKnnSettings(groups=1, neighbours=2, alpha=0.5)
    model = TifuKnn(shop, np.arange(4), settings)
    assert model.neighbour_mean(np.array([0])).tolist() == [[1.0, 0.5, 0.5, 0.0, 0.0]]  # b and c
    assert model.scores(np.array([0]))[0].tolist() == [1.0, 0.75, 0.25, 0.0, 0.0]
    nobody_else = TifuKnn(shop, np.array([2, 3]), settings)
    assert nobody_else.neighbour_mean(np.array([3])).tolist() == [[1.0, 0.0, 1.0, 0.0, 0.0]]  # the pool is c and d, d is oneself


def test_cosines_by_hand_and_only_the_nearest_kept() -> None:
    shop = sequences({"a": [[0, 1]], "b": [[0, 1, 2]], "c": [[2]]}, items=3)
    found = cosines(shop.lines, shop.lines, shrink=0.0, nearest=3).toarray()
    assert found == pytest.approx(np.array([[0, 1, 0.5], [1, 0, 0.5], [0.5, 0.5, 0]]))
    nearest = cosines(shop.lines, shop.lines, shrink=1.0, nearest=1).toarray()
    assert nearest[0] == pytest.approx([0, 2 / 3, 0])


def test_next_baskets_have_a_direction() -> None:
    shop = sequences({"a": [[0], [1]], "b": [[0], [1]], "c": [[0], [1]]}, items=3)
    ahead = ItemSimilarity(shop, SimilaritySettings(kind="next", own=0.0, decay=0.5, shrink=0.0))
    # item 1 was bought last and nothing ever follows it; item 0, one step back, is followed by 1
    assert ahead.scores(np.array([0]))[0] == pytest.approx([0, 0.5, 0])


@pytest.mark.parametrize("kind", ["similarity", "neighbours", "als", "tifu"])
def test_planted_tastes_are_found(kind: str) -> None:
    everybody = np.arange(SHOP.users)
    model = {
        "similarity": lambda: ItemSimilarity(SHOP, SimilaritySettings(kind="users", decay=0.8, shrink=0.0, own=0.0)),
        "neighbours": lambda: BasketNeighbours(SHOP, NeighbourSettings(neighbours=30)),
        "als": lambda: BasketAls(SHOP, BasketAlsSettings(factors=8, regularization=1.0, alpha=3.0, decay=0.9), seed=1, threads=1),
        "tifu": lambda: TifuKnn(SHOP, everybody, TifuKnnSettings(neighbours=30)),
    }[kind]()
    scores = model.scores(everybody)
    assert scores.shape == (SHOP.users, ITEMS)
    by_taste = np.stack([scores[:, 30 + 10 * taste : 39 + 10 * taste].mean(axis=1) for taste in range(TASTES)], axis=1)
    assert (by_taste.argmax(axis=1) == everybody % TASTES).mean() > 0.9
