"""What each round says of another policy's value: IPS, SNIPS, DM, DR and clipped DR.

With π the judged policy, p the logged propensity, w = π/p at the taken action, r the reward and q a reward model:

* **IPS** `w·r` (Horvitz and Thompson 1952): unbiased wherever the log has a chance for what π does; its variance grows with w.
* **SNIPS** `Σ w·r ÷ Σ w` (Swaminathan and Joachims 2015): no longer moved by a constant added to all rewards.
* **DM** `Σₐ π(a)·q(a)`: as right as q is, whatever was logged.
* **DR** `DM + w·(r − q)` (Dudík, Erhan, Langford and Li 2014): unbiased as IPS is, with the variance of what q leaves unexplained.
* **clipped DR** `DM + min(w, λ)·(r − q)` (Su, Dimakopoulou, Krishnamurthy and Dudík 2020, their pessimistic shrinkage): a little bias, by
  what q is wrong on the rounds that are clipped, for less variance. λ = √n by default (Ionides 2008): the bias goes faster than the error.
  Their optimistic shrinkage `λ·w/(w² + λ)`, and switching to DM where w > λ (Wang, Agarwal and Dudík 2017), can be had in its place.

Every one of them is a ratio of sums over rounds, so that one bootstrap serves all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from training.evaluation.policy.logged_rounds import Array, LoggedRounds, check_probabilities


class Estimator(StrEnum):
    """How a policy's value is estimated."""

    IPS = "ips"
    SNIPS = "snips"
    DM = "dm"
    DR = "dr"
    CLIPPED_DR = "clipped_dr"


class Shrinkage(StrEnum):
    """What clipped DR does to a large weight; λ is its one parameter."""

    PESSIMISTIC = "pessimistic"  # min(w, λ)
    OPTIMISTIC = "optimistic"  # λ·w/(w² + λ)
    SWITCH = "switch"  # w up to λ, 0 beyond

    def of(self, weight: Array, limit: float) -> Array:
        """(n,) weights made smaller."""
        match self:
            case Shrinkage.PESSIMISTIC:
                return np.minimum(weight, limit)
            case Shrinkage.OPTIMISTIC:
                return np.asarray(limit * weight / (weight**2 + limit))
            case Shrinkage.SWITCH:
                return np.where(weight <= limit, weight, 0.0)


@dataclass(frozen=True)
class Shares:
    """A value as a ratio: Σ `above` ÷ Σ `below`, both (n,) by round."""

    above: Array
    below: Array

    @property
    def value(self) -> float:
        """The estimate; NaN where nothing is counted."""
        below = float(self.below.sum())
        return float(self.above.sum()) / below if below > 0 else math.nan


@dataclass(frozen=True)
class Estimates:
    """One policy's value on one log.

    Attributes:
        shares: estimator → what each round says.
        weight: (n,) π/p at the taken action.
        clip: λ of clipped DR.
        clipped: share of Σ w that clipping took away.
    """

    shares: dict[Estimator, Shares]
    weight: Array
    clip: float
    clipped: float


def estimate(
    rounds: LoggedRounds,
    target: Array,
    expected: Array | None,
    *,
    clip: float | None = None,
    shrinkage: Shrinkage = Shrinkage.PESSIMISTIC,
) -> Estimates:
    """Estimate a policy's value in every way.

    Args:
        rounds: the log.
        target: (m,) P(action) under the judged policy, for the same actions.
        expected: (m,) q, reward expected of each action, learned without the customer's own rewards; None leaves DM and DR out.
        clip: λ of clipped DR, > 0; None: √n.
        shrinkage: what clipped DR does to large weights.

    Raises:
        BrokenLog: the target's probabilities are none.
    """
    check_probabilities(rounds, target, "target policy")
    weight = target[rounds.taken] / rounds.propensity[rounds.taken]
    limit = math.sqrt(rounds.count) if clip is None else clip
    held = shrinkage.of(weight, limit)
    one = np.ones(rounds.count)
    shares = {Estimator.IPS: Shares(weight * rounds.reward, one), Estimator.SNIPS: Shares(weight * rounds.reward, weight)}
    if expected is not None:
        direct, surprise = rounds.summed(target * expected), rounds.reward - expected[rounds.taken]
        shares[Estimator.DM] = Shares(direct, one)
        shares[Estimator.DR] = Shares(direct + weight * surprise, one)
        shares[Estimator.CLIPPED_DR] = Shares(direct + held * surprise, one)
    total = float(weight.sum())
    return Estimates(shares, weight, limit, 1.0 - float(held.sum()) / total if total > 0 else 0.0)
