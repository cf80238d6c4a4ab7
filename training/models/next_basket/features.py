"""What the ranker knows of a user, of an item and of the pair, from histories alone; time is counted in baskets from the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.datasets.basket_sequences import BasketSequences

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Named = Mapping[str, Floats]

DECAYS = (0.95, 0.9, 0.8, 0.6, 0.3)  # per basket: from "nearly the whole history" to "nearly the last basket alone"


def user_features(sequences: BasketSequences) -> Named:
    """Name → `(users,)`: how much, how broadly and how repetitively a user buys."""
    pairs = sequences.pairs
    lines = np.bincount(sequences.user, minlength=sequences.users)
    last = np.bincount(sequences.user[sequences.age == 1], minlength=sequences.users)
    distinct = np.diff(pairs.start)
    again = (pairs.age_last == 1) & (pairs.age_first > 1)
    return {
        "user_baskets": sequences.baskets.astype(np.float64),
        "user_basket_size": lines / np.maximum(sequences.baskets, 1),
        "user_last_size": last.astype(np.float64),
        "user_distinct": distinct.astype(np.float64),
        "user_repeat_share": 1 - distinct / np.maximum(lines, 1),
        "user_last_repeat_share": np.bincount(pairs.user[again], minlength=sequences.users) / np.maximum(last, 1),
    }


def item_features(sequences: BasketSequences) -> Named:
    """Name → `(items,)`: how much an item is bought, how lately, and how often again."""
    pairs, items = sequences.pairs, sequences.items
    lines, buyers = _count(sequences.item, items), _count(pairs.item, items)
    recent = {age: _count(sequences.item[sequences.age <= age], items) for age in (1, 2, 3)}
    size = np.diff(sequences.lines.indptr)[sequences.basket]
    follows = np.zeros(len(sequences.item), np.bool_)  # whether the user's next basket holds the item too
    order = np.lexsort((sequences.position, pairs.pair))
    same = pairs.pair[order][1:] == pairs.pair[order][:-1]
    follows[order[:-1]] = same & (np.diff(sequences.position[order]) == 1)
    had_next, had_before = sequences.age > 1, pairs.age_first > 1
    return {
        "item_lines": lines,
        "item_buyers": buyers,
        "item_lines_per_buyer": lines / np.maximum(buyers, 1),
        **{f"item_lines_last_{age}": count for age, count in recent.items()},
        "item_trend": (recent[1] + 1) / (lines + 5),
        "item_again_share": _count(pairs.item[pairs.count > 1], items) / (buyers + 2),
        # smoothed: one repetition in twenty where nothing was seen, about the share on Ta-Feng
        "item_next_share": (_count(sequences.item[had_next & follows], items) + 0.05) / (_count(sequences.item[had_next], items) + 1),
        "item_last_share": (_count(pairs.item[had_before & (pairs.age_last == 1)], items) + 0.1)
        / (_count(pairs.item[had_before], items) + 2),
        "item_new_in_last": _count(pairs.item[pairs.age_first == 1], items),
        "item_basket_size": np.bincount(sequences.item, size, items) / np.maximum(lines, 1),
    }


class PairFeatures:
    """The purchase cycle of every bought pair; zeros, and NaN for ages, where the user never bought the item."""

    def __init__(self, sequences: BasketSequences) -> None:
        """Compute the cycles."""
        pairs = self._pairs = sequences.pairs
        self._items = sequences.items
        self._key = pairs.user * sequences.items + pairs.item
        baskets = sequences.baskets[pairs.user]
        gap = np.where(pairs.count > 1, (pairs.age_first - pairs.age_last) / np.maximum(pairs.count - 1, 1), np.nan)
        one = np.ones(len(sequences.item))
        self._zero: Named = {
            "bought": np.ones(len(baskets)),
            "count": pairs.count.astype(np.float64),
            "frequency": pairs.count / baskets,
            "rate": pairs.count / (pairs.age_first + 1),
            "count_last_3": pairs.sums(one * (sequences.age <= 3)),
            **{f"decayed_{decay}": pairs.sums(sequences.decayed(decay)) for decay in DECAYS},
        }
        self._nan: Named = {
            "age_last": pairs.age_last.astype(np.float64),
            "age_before": np.where(pairs.age_before > 0, pairs.age_before, np.nan),
            "age_first": pairs.age_first.astype(np.float64),
            "gap": gap,
            "age_in_gaps": pairs.age_last / gap,
            "age_in_history": pairs.age_last / baskets,
        }

    def of(self, user: Ints, item: Ints) -> Named:
        """Name → `(n,)` for some pairs."""
        asked = user * self._items + item
        at = np.minimum(np.searchsorted(self._key, asked), len(self._key) - 1)
        known = self._key[at] == asked
        return {
            **{name: np.where(known, value[at], 0.0) for name, value in self._zero.items()},
            **{name: np.where(known, value[at], np.nan) for name, value in self._nan.items()},
        }


def _count(item: Ints, items: int) -> Floats:
    return np.bincount(item, minlength=items).astype(np.float64)
