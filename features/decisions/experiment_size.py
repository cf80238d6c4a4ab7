"""How many customers an experiment needs, in arms of any weights: normal approximation (Fleiss, Levin and Paik 2003, ch. 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def planned_size(
    weights: Sequence[float], *, baseline: float, effect: float, deviation: float | None = None, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Customers in all arms together, so that the smallest other arm can be told from the control.

    With several arms beside the control, `alpha` is shared out among them (Bonferroni), as the reading does.

    Args:
        weights: of the arms, the control first; at least two, all above 0.
        baseline: what the control arm shows: a share in (0, 1), or a mean where `deviation` is given.
        effect: smallest difference worth finding, absolute, not 0.
        deviation: standard deviation of the outcome within an arm; None: the outcome is a share.
        alpha: chance to find a difference that is not there, two-sided, for the experiment as a whole.
        power: chance to find the smallest effect when it is there.

    Raises:
        ValueError: a share or a chance is out of range; the sentence says which.
    """
    if effect == 0:
        raise ValueError("smallest_effect must not be 0")
    control, smallest, everything = weights[0], min(weights[1:]), sum(weights)
    ratio = smallest / control
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / (2 * (len(weights) - 1))), NormalDist().inv_cdf(power)
    if deviation is None:
        in_control = _of_shares(baseline, baseline + effect, ratio, z_alpha, z_power)
    else:
        in_control = (z_alpha + z_power) ** 2 * deviation**2 * (1 + 1 / ratio) / effect**2
    return math.ceil(in_control * everything / control)


def _of_shares(base: float, other: float, ratio: float, z_alpha: float, z_power: float) -> float:
    if not (0 < base < 1 and 0 < other < 1):
        raise ValueError(f"baseline {base:g} and baseline + smallest_effect {other:g} must both lie between 0 and 1")
    mean = (base + ratio * other) / (1 + ratio)
    spread = z_alpha * math.sqrt((1 + ratio) * mean * (1 - mean)) + z_power * math.sqrt(ratio * base * (1 - base) + other * (1 - other))
    return spread**2 / (ratio * (other - base) ** 2)
