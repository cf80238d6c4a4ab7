"""The counting baselines and their ties."""

from __future__ import annotations

import numpy as np

from tests.training.basket_shop import sequences
from training.evaluation.ranking import NONE
from training.models.top_frequency import global_lists, most_bought, personal_lists

SHOP = sequences({"a": [[5], [1, 2], [2]], "b": [[2], [1], [0]], "c": [[2], [0]]}, items=7)
EVERYBODY = np.arange(3)


def test_all_are_given_what_all_buy() -> None:
    assert most_bought(SHOP, 3).tolist() == [2, 0, 1]  # 4 baskets, then 2 and 2: the smaller number first
    assert global_lists(SHOP, EVERYBODY[:2], 9).tolist() == [[2, 0, 1, 5, 3, 4, 6, NONE, NONE]] * 2


def test_own_items_by_count_then_by_first_purchase() -> None:
    lists = personal_lists(SHOP, EVERYBODY, 4, filled=False)
    assert lists.tolist() == [[2, 5, 1, NONE], [2, 1, 0, NONE], [2, 0, NONE, NONE]]


def test_empty_places_are_filled_with_what_all_buy() -> None:
    lists = personal_lists(SHOP, EVERYBODY, 4, filled=True)
    assert lists.tolist() == [[2, 5, 1, 0], [2, 1, 0, 5], [2, 0, 1, 5]]
