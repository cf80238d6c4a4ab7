"""What sending an offer is worth, in money, against sending nothing, over the policy's horizon.

`context · lever · [τ·margin − (P₀ valid + τ)·discount·(1 + λ)] − contact cost·(1 + λ) − fatigue`

Margin is earned on the orders that the offer causes (τ); a discount is given to those too who would have ordered anyway while it can be had
(P₀ valid, P₀ itself where it can be had as long as the horizon lasts), and money of the budget counts for more than itself (λ).
`no_action` is worth 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import Value
from features.decisions.record import Factors
from features.decisions.slate import FactorColumns

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Worth:
    """The value of k offers as a line in τ.

    Attributes:
        fixed: (k,) money where nothing is caused.
        slope: (k,) money for each unit of τ.
        tau: (k,) mean uplift.
    """

    fixed: Array
    slope: Array
    tau: Array

    @property
    def mean(self) -> Array:
        """(k,) value at the mean uplift."""
        return np.asarray(self.fixed + self.slope * self.tau)


def worth(factors: Sequence[Factors] | FactorColumns, rules: Value) -> Worth:
    """The value of offers under a policy's rules.

    Args:
        factors: of each offer.
        rules: which factors count; where the uplift does not, the response probability stands for it, as if everybody who responds did so
            because of the offer.
    """
    f = factors if isinstance(factors, FactorColumns) else FactorColumns.of(factors)
    price, nothing = 1.0 + rules.budget_price, np.zeros(len(f.p0))
    weight = (f.context if rules.context else 1.0) * (f.lever if rules.lever else 1.0) + nothing
    discount = f.discount * price if rules.discount else nothing
    anyway, tau = (np.where(np.isnan(f.p0_valid), f.p0, f.p0_valid), f.tau) if rules.uplift else (nothing, f.p0)
    fixed = -weight * anyway * discount
    if rules.contact_cost:
        fixed = fixed - f.contact_cost * price
    if rules.fatigue:
        fixed = fixed - f.fatigue
    return Worth(fixed, weight * (f.margin - discount), tau)
