"""Did every arm get the customers it should have? If not, something about the experiment is broken and no effect can be read from it.

Pearson's χ² test; a mismatch is declared at 0.1 %, since experiments are looked at again and again (Fabijan et al. 2019, KDD,
"Diagnosing sample ratio mismatch", recommend a level well below 5 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

LEVEL = 0.001
_LEAST_EXPECTED = 5.0  # customers expected in the smallest arm, below which χ² is no approximation (Cochran 1954)


@dataclass(frozen=True)
class SampleRatio:
    """The check.

    Attributes:
        counts: arm → customers.
        expected: arm → customers that its weight gives it.
        chance: of counts at least as uneven, when customers were dealt as planned; None with too few customers to say.
    """

    counts: dict[str, int]
    expected: dict[str, float]
    chance: float | None

    @property
    def mismatch(self) -> bool:
        """Whether the counts are too uneven to be chance: nothing may be read from the experiment."""
        return self.chance is not None and self.chance < LEVEL


def sample_ratio(counts: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio:
    """Compare customers per arm with the arms' weights.

    Args:
        counts: arm → customers; an arm without any may be missing.
        weights: arm → weight, at least two, all above 0.
    """
    told = {arm: int(counts.get(arm, 0)) for arm in weights}
    everything, people = sum(weights.values()), sum(told.values())
    expected = {arm: people * weight / everything for arm, weight in weights.items()}
    if min(expected.values()) < _LEAST_EXPECTED:
        return SampleRatio(told, expected, None)
    statistic = sum((told[arm] - expected[arm]) ** 2 / expected[arm] for arm in weights)
    return SampleRatio(told, expected, chi_square_above(statistic, len(weights) - 1))


def chi_square_above(statistic: float, degrees: int) -> float:
    """P(χ² with so many degrees of freedom ≥ statistic), by the finite series for whole degrees (Abramowitz and Stegun 26.4.4–5)."""
    half = statistic / 2
    if degrees % 2 == 0:
        term, total = math.exp(-half), 0.0
        for step in range(degrees // 2):
            total += term
            term *= half / (step + 1)
        return min(1.0, total)
    total, term = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    for step in range((degrees - 1) // 2):
        total += term
        term *= half / (step + 1.5)
    return min(1.0, total)
