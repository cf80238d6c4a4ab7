"""How many people an experiment needs: two proportions, two-sided test, normal approximation (Fleiss, Levin and Paik 2003, ch. 4)."""

from __future__ import annotations

import math

from scipy import stats


def arm_size(base: float, effect: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """People needed in *each* of two equal arms to find a difference of two shares.

    Args:
        base: share of the control arm that responds, in (0, 1).
        effect: smallest difference worth finding, absolute, not 0; `base + effect` must be in (0, 1).
        power: chance to find it when it is there.
        alpha: chance to find one that is not.

    Raises:
        ValueError: a share or a chance is not between 0 and 1.
    """
    other = base + effect
    if not (0 < base < 1 and 0 < other < 1 and effect != 0 and 0 < power < 1 and 0 < alpha < 1):
        raise ValueError(f"shares {base:g} and {other:g}, power {power:g} and alpha {alpha:g} must lie between 0 and 1, the shares apart.")
    mean = (base + other) / 2
    z_alpha, z_power = float(stats.norm.ppf(1 - alpha / 2)), float(stats.norm.ppf(power))
    spread = z_alpha * math.sqrt(2 * mean * (1 - mean)) + z_power * math.sqrt(base * (1 - base) + other * (1 - other))
    return math.ceil((spread / effect) ** 2)


def arm_size_for_mean(deviation: float, effect: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """People needed in each of two equal arms to find a difference of two means.

    Args:
        deviation: standard deviation of the outcome within an arm, > 0.
        effect: smallest difference worth finding, not 0.
        power: chance to find it when it is there.
        alpha: chance to find one that is not.
    """
    if deviation <= 0 or effect == 0:
        raise ValueError("deviation must be above 0 and effect not 0.")
    z = float(stats.norm.ppf(1 - alpha / 2)) + float(stats.norm.ppf(power))
    return math.ceil(2 * (z * deviation / effect) ** 2)
