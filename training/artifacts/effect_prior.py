"""What is believed of an offer's effect before this shop has proven anything: little, and uncertain.

The effect is measured in steps of `s = max(4·P₀(1−P₀), least spread)`: `τ = b·s`, `b ~ N(mean, sd²)`. `s` is 1 where a response is as
likely as not and 4·P₀ where it is rare, so that `b` is about a quarter of what an offer adds to the log-odds of responding, and a quarter
of its relative lift where responses are rare. Field experiments agree on that scale far better than on percentage points: where the same
two mailings raised visits from .106 to .151 and .183 and purchases from .0057 to .0107 (Hillstrom 2008), `b` is .10 to .16 in all cases.
Sources of the default mean and deviation: docs/offer-effects.md, "The prior".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import Prior
from training.artifacts.effect_reach import reach

Array = NDArray[np.float64]
Named = tuple[str, str]
"""An offer's id and type."""

# How the variance of `b` is shared out: what all offers of a shop have in common, those of a type, and an offer by itself. Half for the
# shop: across the experiments in docs/offer-effects.md shops differ from each other at least as much as one shop's mailings do.
SHARED, OF_TYPE, OWN = 0.5, 0.25, 0.25


def spread(p0: Array, least_spread: float) -> Array:
    """`s`: the size of a step, of the same shape as P₀."""
    return np.maximum(4.0 * p0 * (1.0 - p0), least_spread)


def prior_belief(p0: float, mean: float, sd: float, least_spread: float) -> tuple[float, float]:
    """Mean and standard deviation of τ.

    Args:
        p0: P(responds without contact).
        mean: of τ at P₀ = one half.
        sd: its standard deviation there.
        least_spread: 4·P₀(1−P₀) is not taken below this.
    """
    step = max(4.0 * p0 * (1.0 - p0), least_spread)
    return mean * step, sd * step


@dataclass(frozen=True)
class EffectPrior:
    """The belief as a model: it answers what `training.artifacts.offer_effect.OfferEffect` answers, whoever the customer is.

    Attributes:
        mean, sd: of τ at P₀ = one half.
        least_spread: 4·P₀(1−P₀) is not taken below this.
    """

    mean: float
    sd: float
    least_spread: float

    @classmethod
    def of(cls, prior: Prior) -> EffectPrior:
        """The policy's."""
        return cls(prior.mean, prior.sd, prior.least_spread)

    def beliefs(self, state: Array, offers: Sequence[Named], p0: Array) -> tuple[Array, Array]:  # noqa: ARG002 - the model's contract
        """Mean and standard deviation of each offer's τ.

        Args:
            state: (len(STATE),) of one customer or (n, len(STATE)) of many; of size 0 where nothing is known of them.
            offers: k ids and types.
            p0: (k,) of one customer or (n, k) of many.

        Returns:
            Two arrays of the shape of `p0`.
        """
        step = self._step(state, p0)
        return bounded(self.mean * step, p0), self.sd * step

    def draws(self, state: Array, offers: Sequence[Named], p0: Array, count: int, seed: int) -> Array:
        """Joint draws of the τ of one customer, (count, k): offers of a shop resemble each other, those of a type more so.

        Args:
            state: (len(STATE),), or of size 0.
            offers: k ids and types.
            p0: (k,).
            count: draws.
            seed: equal arguments give equal draws.
        """
        kinds = {name: place for place, name in enumerate(dict.fromkeys(kind for _, kind in offers))}
        of = np.array([kinds[kind] for _, kind in offers], dtype=np.intp)
        normal = np.random.default_rng([seed, 2]).standard_normal((count, 1 + len(kinds) + len(offers)))
        common, by_type, own = normal[:, :1], normal[:, 1 : 1 + len(kinds)][:, of], normal[:, 1 + len(kinds) :]
        unit = SHARED**0.5 * common + OF_TYPE**0.5 * by_type + OWN**0.5 * own
        return bounded((self.mean + self.sd * unit) * self._step(state, p0), p0)

    def _step(self, state: Array, p0: Array) -> Array:
        if not state.size:
            return spread(p0, self.least_spread)
        reached = reach(np.atleast_2d(state))
        return spread(p0, self.least_spread) * (reached if p0.ndim == 1 else reached[:, None])


def bounded(tau: Array, p0: Array) -> Array:
    """An uplift that leaves a probability: within −P₀ and 1 − P₀."""
    return np.minimum(np.maximum(tau, -p0), 1.0 - p0)
