"""Gamma–gamma: the mean amount of an order varies between customers, and a customer's own orders vary around it.

Fader, Hardie (2013), "The Gamma-Gamma Model of Monetary Value": amounts are gamma(p, ν) distributed, ν among customers gamma(q, v).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class GammaGamma(BaseModel):
    """Fitted parameters; `v` has the unit of the amounts."""

    model_config = ConfigDict(frozen=True)

    p: float
    q: float
    v: float

    @property
    def population_mean(self) -> float:
        """Mean amount of an order over customers; infinity where q ≤ 1."""
        return self.p * self.v / (self.q - 1.0) if self.q > 1.0 else float("inf")

    def expected_amount(self, orders: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected amount of a customer's future orders, (n,): the own mean drawn towards the population's (their equation 5).

        Args:
            orders: orders that `mean` is the mean of, (n,); 0 gives the population's mean.
            mean: mean amount of them, (n,).
        """
        return np.asarray(self.p * (self.v + np.where(orders > 0, orders * mean, 0.0)) / (self.p * orders + self.q - 1.0))
