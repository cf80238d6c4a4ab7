"""Next-basket baselines that count: most bought by all (G-), by the user (P-), by the user and then by all (GP-TopFreq).

As in the code of "A Next Basket Recommendation Reality Check" (Li et al., TOIS 2023): the user's items by number of baskets, equal counts
in the order of their first purchase; it is the order that reproduces the published figures, and a weak one, since the oldest goes first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.datasets.basket_sequences import BasketSequences
from training.evaluation.ranking import NONE

Ints = NDArray[np.int64]


def most_bought(sequences: BasketSequences, k: int) -> Ints:
    """The k items in most baskets, best first, `(≤ k,)`; equal ones by number."""
    return np.argsort(-np.bincount(sequences.item, minlength=sequences.items), kind="stable")[:k]


def global_lists(sequences: BasketSequences, users: Ints, k: int) -> Ints:
    """G-TopFreq: the same `(k,)` items for each of `users`, `(n, k)`."""
    return np.tile(_padded(most_bought(sequences, k), k), (len(users), 1))


def personal_lists(sequences: BasketSequences, users: Ints, k: int, *, filled: bool) -> Ints:
    """P-TopFreq, or GP-TopFreq when the places that are left are `filled` with the most bought items of all.

    Args:
        sequences: histories.
        users: who is asked for.
        k: length of the lists.
        filled: whether places are left empty (`NONE`) or filled.

    Returns:
        `(n, k)` items, best first.
    """
    pairs = sequences.pairs
    popular = most_bought(sequences, 2 * k)
    line = np.full(len(pairs.user), len(sequences.item), np.int64)
    np.minimum.at(line, pairs.pair, np.arange(len(sequences.item)))  # the first line of a pair is its first purchase
    lists = np.full((len(users), k), NONE, np.int64)
    for row, user in enumerate(users):
        own = slice(pairs.start[user], pairs.start[user + 1])
        order = np.lexsort((line[own], -pairs.count[own]))[:k]
        best = pairs.item[own][order]
        if filled and len(best) < k:
            best = np.concatenate([best, popular[~np.isin(popular, pairs.item[own])]])
        lists[row] = _padded(best[:k], k)
    return lists


def _padded(items: Ints, k: int) -> Ints:
    return np.pad(items, (0, k - len(items)), constant_values=NONE)
