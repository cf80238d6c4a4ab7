"""Intervals that hold however often they are looked at, and whenever one stops.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, "Time-uniform central limit theory and asymptotic
confidence sequences", theorem 2.2): in place of z standard errors, `√(2·(nρ²+1)/(nρ²) · ln(√(nρ²+1)/α))` of them, with ρ chosen so that the
interval is narrowest at the planned size. At that size it is about a half wider than one for a single look: the price of peeking.
"""

from __future__ import annotations

import math

LEAST = 100  # customers of an arm below which nothing is said: the guarantee is asymptotic


def width(customers: int, *, planned: int, alpha: float) -> float:
    """Standard errors on either side of the estimate.

    Args:
        customers: of both arms so far, > 0.
        planned: of both arms where it should be narrowest, > 0.
        alpha: chance that the truth ever lies outside, in (0, 1).
    """
    told = max(-2 * math.log(min(alpha, 0.5)), 1.0)
    seen = customers * (told + math.log(told) + 1) / planned  # n·ρ², ρ as in the paper's appendix B.2
    return math.sqrt(2 * (seen + 1) / seen * math.log(math.sqrt(seen + 1) / alpha))
