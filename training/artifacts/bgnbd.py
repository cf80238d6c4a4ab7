"""BG/NBD: the classic parametric model of repeat buying, as a baseline and as the tail beyond the history.

Fader, Hardie, Lee (2005), "Counting Your Customers the Easy Way". Orders come at a gamma(r, alpha) distributed rate per day; after each
order the customer leaves with a beta(a, b) distributed probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.artifacts.beta_quadrature import beta_quadrature


class BgNbd(BaseModel):
    """Fitted parameters; the unit of time of `alpha` is the unit of the arguments below."""

    model_config = ConfigDict(frozen=True)

    r: float
    alpha: float
    a: float
    b: float

    def probability_alive(self, repeats: NDArray[np.float64], last: NDArray[np.float64], age: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(still a customer | history).

        Args:
            repeats: repeat purchases (purchases − 1), (n,).
            last: time from the first to the last purchase, (n,).
            age: time from the first purchase to the as-of date, (n,).
        """
        x = repeats
        log_odds = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) + (self.r + x) * np.log((self.alpha + age) / (self.alpha + last))
        odds = np.where(x > 0, np.exp(np.minimum(log_odds, 700)), 0.0)
        return np.asarray(1.0 / (1.0 + odds))

    def probability_silent(
        self, repeats: NDArray[np.float64], last: NDArray[np.float64], age: NDArray[np.float64], horizon: float
    ) -> NDArray[np.float64]:
        """P(no purchase within `horizon` after the as-of date | history); arguments as in `probability_alive`."""
        quiet = ((self.alpha + age) / (self.alpha + age + horizon)) ** (self.r + repeats)
        return np.asarray(1.0 - self.probability_alive(repeats, last, age) * (1.0 - quiet))

    def expected_orders(
        self, repeats: NDArray[np.float64], last: NDArray[np.float64], age: NDArray[np.float64], horizon: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Expected purchases within `horizon`, one or (n,), after the as-of date given the history, (n,); else as `probability_alive`.

        Their equation 10, taken as the expectation it is: of who still is a customer the rate is gamma(r + x, alpha + T) and the chance of
        leaving p after an order beta(a, b + x) distributed; E[purchases | p] = (1 - (1 + p t / (alpha + T))^-(r + x)) / p. The 2F1 of its
        closed form overflows for frequent customers and is undefined at a = 1.
        """
        if_alive, within = np.empty(len(repeats)), np.broadcast_to(horizon, repeats.shape)
        for count in np.unique(repeats):
            own = repeats == count
            p, weight = beta_quadrature(self.a, self.b + float(count))
            p = np.maximum(p, 1e-300)  # towards p = 0 the expectation is the rate times the horizon
            grown = np.log1p(p[None, :] * (within[own] / (self.alpha + age[own]))[:, None])
            if_alive[own] = (-np.expm1(-(self.r + count) * grown) / p) @ weight
        return np.asarray(self.probability_alive(repeats, last, age) * if_alive)
