"""Rankings by expected effect judged on a randomised experiment: Qini, UQC, AUUC, uplift by decile, what treating the top share is worth.

All curves start from the people ranked by score, best first. Within the top share `s`, with `y` the outcome and `n` a number of people,
subscripts t and c for the treated and the control arm:

* **Qini**(s) `= Σ y_t − Σ y_c · n_t / n_c`: outcomes gained among the treated people of the top share (Radcliffe 2007).
* **uplift curve**(s) `= (mean y_t − mean y_c) · s`: outcomes gained per person of the whole population when the top share is treated.

**Ties are cut fairly.** People with equal scores have no order, so each sum grows linearly within a tie: the curve is the expectation
over all orders of the tied people, and a score that knows only two groups is neither rewarded nor punished by the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DECILES: Array = np.linspace(0.0, 1.0, 11)
_FINE: Array = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class TopShares:
    """Sums over the top share of a ranking, at each of `shares`.

    Attributes:
        shares: `(k,)` ascending, from 0 to 1.
        treated, control: `(k,)` people of each arm; fractions where a tie is cut.
        outcome_treated, outcome_control: `(k,)` sums of the outcome.
    """

    shares: Array
    treated: Array
    control: Array
    outcome_treated: Array
    outcome_control: Array

    def qini(self) -> Array:
        """Outcomes gained among the treated of the top share."""
        return self.outcome_treated - self.outcome_control * _ratio(self.treated, self.control)

    def uplift(self) -> Array:
        """Outcomes gained per person of the population when the top share is treated."""
        effect = _ratio(self.outcome_treated, self.treated) - _ratio(self.outcome_control, self.control)
        return effect * self.shares

    def net_value(self, *, value: float, cost: float) -> Array:
        """Value gained per person of the population when the top share is treated, less what treating it costs.

        Args:
            value: of one unit of the outcome.
            cost: of treating one person.
        """
        return self.uplift() * value - self.shares * cost


def top_shares(score: Array, outcome: Array, treated: NDArray[np.bool_], shares: Array = DECILES) -> TopShares:
    """Rank by score, best first, and sum up to each share; ties are cut fairly (see above).

    Args:
        score: `(n,)` greater = treat first.
        outcome: `(n,)`.
        treated: `(n,)` arm.
        shares: `(k,)` ascending.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.r_[0, np.flatnonzero(np.diff(score[order])) + 1, len(score)]
    at = shares * len(score)

    def summed(values: Array) -> Array:
        return np.asarray(np.interp(at, ends, np.r_[0.0, np.cumsum(values[order])][ends]))

    arm = treated.astype(np.float64)
    return TopShares(shares, summed(arm), summed(1.0 - arm), summed(outcome * arm), summed(outcome * (1.0 - arm)))


def uqc(score: Array, outcome: Array, treated: NDArray[np.bool_]) -> float:
    """Area under the Qini curve at deciles ÷ area under the straight line to its end: 1 is a ranking by chance.

    Only meaningful where the whole effect is positive and clear: its size is the divisor. NaN where it is not above zero.
    """
    curve = top_shares(score, outcome, treated).qini()
    return float(np.trapezoid(curve, DECILES) / (curve[-1] / 2.0)) if curve[-1] > 0 else float("nan")


def qini_coefficient(score: Array, outcome: Array, treated: NDArray[np.bool_]) -> float:
    """Area between the Qini curve at deciles and the straight line to its end, per treated person; 0 is a ranking by chance."""
    curve = top_shares(score, outcome, treated).qini()
    return float((np.trapezoid(curve, DECILES) - curve[-1] / 2.0) / max(treated.sum(), 1))


def auuc(score: Array, outcome: Array, treated: NDArray[np.bool_]) -> float:
    """Area under the uplift curve at hundredths: outcomes gained per person, averaged over all shares that could be treated."""
    return float(np.trapezoid(top_shares(score, outcome, treated, _FINE).uplift(), _FINE))


def decile_uplift(score: Array, outcome: Array, treated: NDArray[np.bool_]) -> Array:
    """`(10,)` difference of the arms' mean outcomes in each tenth of the ranking, best tenth first."""
    sums = top_shares(score, outcome, treated)
    of_treated = _ratio(np.diff(sums.outcome_treated), np.diff(sums.treated))
    return of_treated - _ratio(np.diff(sums.outcome_control), np.diff(sums.control))


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Quotient, 0 where nobody is counted."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
