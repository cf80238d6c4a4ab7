"""The offers of one decision as columns: an answer values some fifty of them in a fraction of a millisecond, which objects do not allow.

`Considered` is one row of it with what was drawn; a slate is made of rows where a record is read again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.decisions.record import NO_ACTION, Considered, Factors, TauSource
from features.decisions.record_columns import NUMBERS

Array = NDArray[np.float64]
_MAYBE = ("p0_soon", "p0_valid")  # None in a row is NaN in its column


@dataclass(frozen=True)
class FactorColumns:
    """`Factors` of k offers, a column each; see there for what they mean.

    Attributes:
        source: where each τ comes from, (k,).
        context, lever, p0, p0_soon, p0_valid, tau, tau_sd, margin, discount, contact_cost, fatigue: (k,) float64; p0_soon and p0_valid
            are NaN where they are None.
    """

    context: Array
    lever: Array
    p0: Array
    p0_soon: Array
    p0_valid: Array
    tau: Array
    tau_sd: Array
    source: Sequence[TauSource]
    margin: Array
    discount: Array
    contact_cost: Array
    fatigue: Array

    @classmethod
    def of(cls, factors: Sequence[Factors]) -> FactorColumns:
        """From rows."""
        numbers = {name: np.array([getattr(one, name) for one in factors], dtype=np.float64) for name in NUMBERS}
        return cls(source=tuple(one.tau_source for one in factors), **numbers)

    def taken(self, places: NDArray[np.intp]) -> FactorColumns:
        """Those of some offers."""
        numbers = {name: getattr(self, name)[places] for name in NUMBERS}
        return FactorColumns(source=[self.source[place] for place in places.tolist()], **numbers)

    def row(self, place: int) -> Factors:
        """The factors of one offer."""
        numbers = {name: float(getattr(self, name)[place]) for name in NUMBERS}
        known = {name: number for name, number in numbers.items() if name not in _MAYBE or not math.isnan(number)}
        return Factors(tau_source=self.source[place], **known)


@dataclass(frozen=True)
class Slate:
    """What a choice is made from.

    Attributes:
        offer_ids, types: (k,) of each offer; `no_action` is one of them.
        product_ids: (k,) what each offers.
        factors: of their values.
    """

    offer_ids: Sequence[str]
    types: Sequence[str]
    product_ids: Sequence[Sequence[str]]
    factors: FactorColumns

    @classmethod
    def of(cls, considered: Sequence[Considered] | Slate) -> Slate:
        """From rows; a slate is returned as it is."""
        if isinstance(considered, Slate):
            return considered
        return cls(
            tuple(one.offer_id for one in considered),
            tuple(one.type for one in considered),
            tuple(one.product_ids for one in considered),
            FactorColumns.of([one.factors for one in considered]),
        )

    def __len__(self) -> int:
        return len(self.offer_ids)

    @property
    def silence(self) -> int:
        """Place of `no_action`."""
        return self.types.index(NO_ACTION)

    def taken(self, places: NDArray[np.intp]) -> Slate:
        """Some of the offers."""
        at = places.tolist()
        ids, types, products = ([column[place] for place in at] for column in (self.offer_ids, self.types, self.product_ids))
        return Slate(ids, types, products, self.factors.taken(places))  # type: ignore[arg-type]

    def tired(self, fatigue: float) -> Slate:
        """The same where every message costs so much later; silence none."""
        sent = np.array([kind != NO_ACTION for kind in self.types], np.float64)
        return replace(self, factors=replace(self.factors, fatigue=fatigue * sent))

    def row(self, place: int, *, value: float, propensity: float, policy_propensity: float, slot: int | None = None) -> Considered:
        """One offer with what was drawn."""
        return Considered(
            offer_id=self.offer_ids[place],
            type=self.types[place],
            product_ids=tuple(self.product_ids[place]),
            factors=self.factors.row(place),
            value=value,
            propensity=propensity,
            policy_propensity=policy_propensity,
            slot=slot,
        )
