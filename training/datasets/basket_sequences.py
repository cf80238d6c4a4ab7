"""Users' baskets in the order they were bought, without dates: what a next-basket model sees.

Time is counted in baskets from the end: age 1 is the user's last basket. Nothing of the basket that is to be predicted is in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BasketSequences:
    """One line per user, basket and item; sorted by user, then position, each item once a basket, in the order it was given.

    Attributes:
        users, items: how many there are; both are numbered from 0.
        user, position, item: `(lines,)`; positions of a user run from 0 without a gap, the oldest basket first.
    """

    users: int
    items: int
    user: Ints
    position: Ints
    item: Ints

    @classmethod
    def of(cls, users: int, items: int, user: Ints, position: Ints, item: Ints) -> BasketSequences:
        """Sort lines, drop doubles within a basket and close gaps between positions.

        Args:
            users: how many there are.
            items: how many there are.
            user: `(lines,)` in any order.
            position: `(lines,)` orders a user's baskets.
            item: `(lines,)`.
        """
        order = np.lexsort((position, user))  # stable: within a basket the given order stays
        of_user, at, bought = np.stack([user, position, item])[:, order].astype(np.int64)
        basket = np.cumsum((np.diff(of_user, prepend=-1) != 0) | (np.diff(at, prepend=-1) != 0)) - 1
        once = np.sort(np.unique(basket * items + bought, return_index=True)[1])
        of_user, basket, bought = of_user[once], basket[once], bought[once]
        first = np.zeros(users, np.int64)
        first[of_user[::-1]] = basket[::-1]
        return cls(users, items, of_user, basket - first[of_user], bought)

    @cached_property
    def baskets(self) -> Ints:
        """Baskets of each user, `(users,)`."""
        count = np.zeros(self.users, np.int64)
        np.maximum.at(count, self.user, self.position + 1)
        return count

    @cached_property
    def age(self) -> Ints:
        """Age of each line's basket, `(lines,)`: 1 is the user's last."""
        return np.asarray(self.baskets[self.user] - self.position, np.int64)

    @cached_property
    def basket(self) -> Ints:
        """Number of each line's basket over all users, `(lines,)`, ascending."""
        first = np.cumsum(self.baskets) - self.baskets
        return np.asarray(first[self.user] + self.position, np.int64)

    @cached_property
    def lines(self) -> sparse.csr_matrix:
        """CSR basket × item of ones, float32."""
        starts = np.searchsorted(self.basket, np.arange(int(self.baskets.sum()) + 1))
        return sparse.csr_matrix((np.ones(len(self.item), np.float32), self.item, starts), shape=(len(starts) - 1, self.items))

    def decayed(self, rate: float) -> Floats:
        """`rate` per step back from the user's last basket, `(lines,)`; 1 in the last."""
        return np.asarray(rate ** (self.age - 1.0), np.float64)

    def weighted(self, weight: Floats) -> sparse.csr_matrix:
        """CSR user × item, float32: the sum of a weight per line, `(lines,)`."""
        return sparse.csr_matrix((weight.astype(np.float32), (self.user, self.item)), shape=(self.users, self.items))

    @cached_property
    def pairs(self) -> BoughtPairs:
        """The distinct pairs of user and item."""
        return BoughtPairs.of(self)


@dataclass(frozen=True)
class BoughtPairs:
    """Distinct pairs of user and item, sorted by user, then item.

    Attributes:
        start: `(users + 1,)` where each user's pairs begin.
        user, item: `(pairs,)`.
        pair: `(lines,)` pair of each line of the sequences.
        count: `(pairs,)` baskets that hold the item.
        age_last, age_before, age_first: `(pairs,)` age of the last, last but one (0 where there is none) and first of them.
    """

    start: Ints
    user: Ints
    item: Ints
    pair: Ints
    count: Ints
    age_last: Ints
    age_before: Ints
    age_first: Ints

    @classmethod
    def of(cls, sequences: BasketSequences) -> BoughtPairs:
        """Gather the pairs of some sequences."""
        key = sequences.user * sequences.items + sequences.item
        order = np.argsort(key, kind="stable")  # stable: within a pair the oldest line first
        starts = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]]) if len(key) else np.zeros(0, np.int64)
        count = np.diff(np.r_[starts, len(key)])
        ends = starts + count - 1
        pair = np.empty(len(key), np.int64)
        pair[order] = np.repeat(np.arange(len(starts)), count)
        age, user = sequences.age[order], sequences.user[order][starts]
        before = np.where(count > 1, age[np.maximum(ends - 1, 0)], 0)
        begin = np.searchsorted(user, np.arange(sequences.users + 1))
        return cls(begin, user, sequences.item[order][starts], pair, count, age[ends], before, age[starts])

    def sums(self, weight: Floats) -> Floats:
        """Sum of a weight per line, `(lines,)`, for each pair."""
        return np.asarray(np.bincount(self.pair, weight, len(self.user)), np.float64)

    def matrix(self, value: NDArray[np.generic], items: int) -> sparse.csr_matrix:
        """CSR user × item, float32, with one value per pair."""
        return sparse.csr_matrix((value.astype(np.float32), self.item, self.start), shape=(len(self.start) - 1, items))
