"""What an arm changed against the control: difference of means or of ratios of means, with what was known before taken out (CUPED).

Variances of ratios by the delta method, those of unequal arms by Welch: `tea-tasting` computes them from sums (Deng, Knoblich and Lu 2018,
KDD; Deng, Xu, Kohavi and Walker 2013, WSDM). A fixed reading's interval is theirs; the always valid one is widened here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from training.evaluation.experiments.sample import Array, Sample
from training.evaluation.experiments.sequential import width

_LEAST_VARIANCE = 1e-12  # a covariate that is the same for everybody tells nothing


@dataclass(frozen=True)
class Effect:
    """A difference and its interval.

    Attributes:
        control, treated: mean, or ratio of means, of each; adjusted where `adjusted`.
        difference: treated − control.
        low, high: interval at 1 − alpha.
        standard_error: of the difference.
        chance: p-value of no difference, two-sided; None for an always valid reading, whose interval says whether 0 is left out.
        customers: control's and treated's.
        adjusted: whether what was known before was taken out.
    """

    control: float
    treated: float
    difference: float
    low: float
    high: float
    standard_error: float
    chance: float | None
    customers: tuple[int, int]
    adjusted: bool

    @property
    def found(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def effect(control: Sample, treated: Sample, *, alpha: float = 0.05, planned: int | None = None) -> Effect:
    """Compare an arm with the control.

    Args:
        control: at least two customers.
        treated: at least two customers.
        alpha: chance that the interval misses the truth; of an always valid one, that it ever does.
        planned: customers of both where an always valid interval should be narrowest; None: an interval for a single look.
    """
    import tea_tasting

    if not (np.ptp(control.value) or np.ptp(treated.value)):
        return _still(control, treated, alpha=alpha, planned=planned)
    adjusted = _tells(control, treated)
    ratio = control.per is not None
    metric = tea_tasting.RatioOfMeans(
        "value",
        "per" if ratio else None,
        "before" if adjusted else None,
        "per_before" if adjusted and ratio else None,
        alternative="two-sided",
        confidence_level=1 - alpha,
        equal_var=False,
        use_t=True,
    )
    found = metric.analyze_aggregates(_sums(control), _sums(treated))
    error = abs(found.effect_size / found.statistic) if found.statistic else _error(found, alpha)
    half = (found.effect_size_ci_upper - found.effect_size_ci_lower) / 2 if planned is None else 0.0
    customers = (len(control), len(treated))
    if planned is not None:
        half = error * width(sum(customers), planned=planned, alpha=alpha)
    return Effect(
        control=float(found.control),
        treated=float(found.treatment),
        difference=float(found.effect_size),
        low=float(found.effect_size - half),
        high=float(found.effect_size + half),
        standard_error=float(error),
        chance=float(found.pvalue) if planned is None else None,
        customers=customers,
        adjusted=adjusted,
    )


def _still(control: Sample, treated: Sample, *, alpha: float, planned: int | None) -> Effect:
    """Neither arm varies, such as no unsubscription in either: as if each had one more customer of either kind (Agresti and Caffo 2000)."""
    error = math.sqrt(sum((1 / (n + 2)) * (1 - 1 / (n + 2)) / (n + 2) for n in (len(control), len(treated))))
    half = error * (
        NormalDist().inv_cdf(1 - alpha / 2) if planned is None else width(len(control) + len(treated), planned=planned, alpha=alpha)
    )
    a, b = float(control.value[0]), float(treated.value[0])
    chance = None if planned is not None else 2 * NormalDist().cdf(-abs(b - a) / error)
    return Effect(a, b, b - a, b - a - half, b - a + half, error, chance, (len(control), len(treated)), adjusted=False)


def worst(found: Effect, *, alpha: float, planned: int | None = None) -> tuple[float, float]:
    """One-sided bounds of the difference at `alpha` each: below and above it lies with that chance only; arguments as `effect`."""
    if planned is None:
        half = found.standard_error * NormalDist().inv_cdf(1 - alpha)
    else:
        # A two-sided boundary at 2α is left on either side with α (Waudby-Smith et al. 2021, appendix B).
        half = found.standard_error * width(sum(found.customers), planned=planned, alpha=2 * alpha)
    return found.difference - half, found.difference + half


def _tells(control: Sample, treated: Sample) -> bool:
    if control.before is None or treated.before is None:
        return False
    if control.per is not None and (control.per_before is None or treated.per_before is None):
        return False
    below = [part for part in (control.per_before, treated.per_before) if part is not None and control.per is not None]
    whole = np.concatenate([control.before, treated.before])
    return bool(np.var(whole) > _LEAST_VARIANCE) and all(float(part.sum()) > 0 for part in below)


def _sums(sample: Sample) -> object:
    from tea_tasting.aggr import Aggregates

    named = {"value": sample.value, "per": sample.per, "before": sample.before, "per_before": sample.per_before}
    columns: dict[str, Array] = {name: column for name, column in named.items() if column is not None}
    names = list(columns)
    matrix = np.cov(np.stack([columns[name] for name in names]), ddof=1).reshape(len(names), len(names))
    return Aggregates(
        count_=len(sample),
        mean_={name: float(columns[name].mean()) for name in names},
        var_={name: float(matrix[i, i]) for i, name in enumerate(names)},
        cov_={(a, b): float(matrix[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if a < b},
    )


def _error(found: object, alpha: float) -> float:
    half = (found.effect_size_ci_upper - found.effect_size_ci_lower) / 2  # type: ignore[attr-defined]
    return float(half) / NormalDist().inv_cdf(1 - alpha / 2) if math.isfinite(half) else 0.0
