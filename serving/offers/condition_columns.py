"""Conditions that only compare a customer's numbers, of many offers at once: what most shops write, judged in one comparison of arrays.

Every other condition is a function of one customer (`features.offers.customer_conditions`); a test holds both readings together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER
from features.offers.conditions import AllOf, Comparison, Condition, Op
from serving.offers.book import WrittenOffer

_BOUNDS = {Op.LT: (False, True), Op.LE: (False, False), Op.GT: (True, True), Op.GE: (True, False)}  # from below, open
_PLACE = {name: place for place, name in enumerate(CUSTOMER.columns)}


@dataclass(frozen=True)
class ConditionColumns:
    """m comparisons of c offers.

    Attributes:
        offers: (n,) which offers are judged here.
        owner: (m,) whose comparison it is, ascending.
        column: (m,) of `CUSTOMER`.
        least, most: (m,) bounds within which the number must lie, infinite where there is none.
        open_below, open_above: (m,) whether the bound itself is outside.
    """

    offers: NDArray[np.bool_]
    owner: NDArray[np.intp]
    column: NDArray[np.intp]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    open_below: NDArray[np.bool_]
    open_above: NDArray[np.bool_]

    @classmethod
    def of(cls, written: Iterable[WrittenOffer]) -> ConditionColumns:
        """Of those whose conditions are such comparisons, all of which must hold."""
        found = [_comparisons(one.offer.conditions) for one in written]
        rows = [(place, *row) for place, told in enumerate(found) for row in told or ()]
        owner, column, least, most, below, above = zip(*rows, strict=True) if rows else ((),) * 6
        return cls(
            np.array([told is not None for told in found], np.bool_),
            np.array(owner, np.intp),
            np.array(column, np.intp),
            np.array(least, np.float64),
            np.array(most, np.float64),
            np.array(below, np.bool_),
            np.array(above, np.bool_),
        )

    def refused(self, vector: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """(n,) Which offers' comparisons do not all hold; none of what is not judged here.

        Args:
            vector: the customer's numbers, of `CUSTOMER`; None: nothing of them may be used, and nothing holds.
        """
        found = np.zeros(len(self.offers), np.bool_)
        if vector is None:
            found[self.owner] = True
        elif len(self.owner):
            told = vector[self.column]
            holds = np.where(self.open_below, told > self.least, told >= self.least)
            holds &= np.where(self.open_above, told < self.most, told <= self.most)  # of NaN nothing holds
            found[self.owner[~holds]] = True
        return found


def _comparisons(condition: Condition | None) -> list[tuple[int, float, float, bool, bool]] | None:
    """Column, bounds and whether they are open, of each comparison; None where something else is asked."""
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    found = []
    for part in parts:
        if not isinstance(part, Comparison) or part.field not in _PLACE:
            return None
        if part.op is Op.BETWEEN:
            least, most = part.value if isinstance(part.value, tuple) else (np.inf, -np.inf)
            found.append((_PLACE[part.field], float(least), float(most), False, False))
        elif part.op in _BOUNDS:
            below, is_open = _BOUNDS[part.op]
            bound = float(part.value)  # type: ignore[arg-type]
            limits = (bound, np.inf, is_open, False) if below else (-np.inf, bound, False, is_open)
            found.append((_PLACE[part.field], *limits))
        else:
            return None
    return found
