"""Comparisons of a customer's numbers that must all hold, of many offers at once: what most shops write, judged on arrays.

Whatever else a condition asks is a function of one customer (`features.offers.customer_conditions`), called only for offers whose
comparisons hold; a test holds both readings together.
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
        offers: (n,) which offers are judged here wholly: they ask nothing else.
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
        """Of some offers."""
        found = [_comparisons(one.offer.conditions) for one in written]
        rows = [(place, *row) for place, (told, _) in enumerate(found) for row in told]
        owner, column, least, most, below, above = zip(*rows, strict=True) if rows else ((),) * 6
        return cls(
            np.array([whole for _, whole in found], np.bool_),
            np.array(owner, np.intp),
            np.array(column, np.intp),
            np.array(least, np.float64),
            np.array(most, np.float64),
            np.array(below, np.bool_),
            np.array(above, np.bool_),
        )

    def refused(self, vector: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """(n,) Which offers' comparisons do not all hold.

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


def _comparisons(condition: Condition | None) -> tuple[list[tuple[int, float, float, bool, bool]], bool]:
    """Column, bounds and whether they are open, of each comparison that must hold; and whether the condition is nothing but these."""
    if condition is None:
        return [], False
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    found = [row for part in parts if (row := _comparison(part)) is not None]
    return found, len(found) == len(parts)


def _comparison(part: Condition) -> tuple[int, float, float, bool, bool] | None:
    if not isinstance(part, Comparison) or part.field not in _PLACE:
        return None
    place = _PLACE[part.field]
    if part.op is Op.BETWEEN and isinstance(part.value, tuple):
        least, most = part.value
        return place, float(least), float(most), False, False
    if part.op not in _BOUNDS:
        return None
    below, is_open = _BOUNDS[part.op]
    bound = float(part.value)  # type: ignore[arg-type]
    return (place, bound, np.inf, is_open, False) if below else (place, -np.inf, bound, False, is_open)
