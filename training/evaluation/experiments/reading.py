"""The reading of an experiment: first whether it may be read at all, then what each arm changed, then whether anything suffered.

A fixed reading is locked until the planned size, and then reads exactly the first so many customers: looking again, or later, gives the
same answer. A sequential one may be looked at at any time. Neither is read while the arms hold numbers of customers that chance does not
explain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.decisions.experiment import Experiment, Guardrail, Metric
from features.decisions.sample_ratio import SampleRatio, sample_ratio
from training.evaluation.experiments.effect import Effect, effect, worst
from training.evaluation.experiments.sample import Sample
from training.evaluation.experiments.sequential import LEAST


@dataclass(frozen=True)
class Measured:
    """What one metric shows, of the customers whose time is over, in the order in which they met the experiment.

    Attributes:
        arm: (n,) number of the arm of each.
        sample: their outcomes.
    """

    arm: NDArray[np.int64]
    sample: Sample


@dataclass(frozen=True)
class Kept:
    """How a guardrail stands for one arm.

    Attributes:
        guardrail: which.
        state: `kept`: any harm is below the margin, with 1 − alpha certainty. `broken`: it is above. `not_shown`: it cannot be told yet.
            `waiting`: too few customers, or a fixed reading that is still locked.
        harm: estimated, in the guardrail's unit, > 0 is worse; None while waiting.
        at_most: one-sided bound of the harm.
    """

    guardrail: Guardrail
    state: str
    harm: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class ArmReading:
    """One arm against the control; `effect` None where it may not be read yet."""

    arm: str
    effect: Effect | None
    guardrails: tuple[Kept, ...]


@dataclass(frozen=True)
class Reading:
    """The whole.

    Attributes:
        ratio: customers per arm, and whether they were dealt as planned.
        ready: customers whose time is over.
        size: planned.
        locked: why no effect is shown; None when they are.
        arms: all but the control.
    """

    ratio: SampleRatio
    ready: int
    size: int
    locked: str | None
    arms: tuple[ArmReading, ...]


def read_experiment(
    experiment: Experiment, exposed: Mapping[str, int], measured: Measured, guarded: Mapping[Guardrail, Measured]
) -> Reading:
    """Read an experiment.

    Args:
        experiment: sized.
        exposed: arm → customers that met it, whether or not their time is over.
        measured: of the metric.
        guarded: of each guardrail.
    """
    size = experiment.sized().size or 0
    ratio = sample_ratio(exposed, {arm.name: arm.weight for arm in experiment.arms})
    ready = len(measured.arm)
    locked = _locked(experiment, ratio, ready, size)
    arms = tuple(
        ArmReading(
            arm.name,
            None if locked else _effect(experiment, measured, number, size),
            tuple(_kept(experiment, one, guarded[one], number, size, blocked=ratio.mismatch) for one in experiment.guardrails),
        )
        for number, arm in enumerate(experiment.arms)
        if number
    )
    return Reading(ratio, ready, size, locked, arms)


def _locked(experiment: Experiment, ratio: SampleRatio, ready: int, size: int) -> str | None:
    if ratio.mismatch:
        planned = {arm: round(expected) for arm, expected in ratio.expected.items()}
        return (
            f"The arms hold {ratio.counts}, where {planned} were to be expected: chance does not explain that (p = {ratio.chance:.1g}). "
            "Find out what loses customers of an arm; until then nothing can be read."
        )
    if experiment.reading == "fixed" and ready < size:
        return f"Planned for {size:,} customers whose time is over, and read once; there are {ready:,}."
    return None


def _effect(experiment: Experiment, measured: Measured, number: int, size: int) -> Effect | None:
    control, treated = _pair(experiment, measured, number, size)
    sequential = experiment.reading == "sequential"
    if min(len(control), len(treated)) < (LEAST if sequential else 2):
        return None
    return effect(control, treated, alpha=_alpha(experiment), planned=_planned(experiment, number, size) if sequential else None)


def _kept(experiment: Experiment, guardrail: Guardrail, measured: Measured, number: int, size: int, *, blocked: bool) -> Kept:
    control, treated = _pair(experiment, measured, number, size)
    fixed = experiment.reading == "fixed"
    early = fixed and len(measured.arm) < size
    if blocked or early or min(len(control), len(treated)) < LEAST:
        return Kept(guardrail, "waiting")
    planned = None if fixed else _planned(experiment, number, size)
    found = effect(control, treated, alpha=experiment.alpha, planned=planned)
    low, high = worst(found, alpha=experiment.alpha, planned=planned)
    # More unsubscriptions are harm, less of everything else.
    harm, least, most = (found.difference, low, high) if guardrail.outcome == "unsubscribed" else (-found.difference, -high, -low)
    state = "kept" if most < guardrail.margin else "broken" if least > guardrail.margin else "not_shown"
    return Kept(guardrail, state, harm, most)


def _pair(experiment: Experiment, measured: Measured, number: int, size: int) -> tuple[Sample, Sample]:
    if experiment.reading == "fixed":
        measured = replace(measured, arm=measured.arm[:size], sample=measured.sample.of(slice(size)))
    return measured.sample.of(measured.arm == 0), measured.sample.of(measured.arm == number)


def _alpha(experiment: Experiment) -> float:
    return experiment.alpha / (len(experiment.arms) - 1)  # Bonferroni: every arm beside the control has a chance to look good


def _planned(experiment: Experiment, number: int, size: int) -> int:
    weights = [arm.weight for arm in experiment.arms]
    return max(2, round(size * (weights[0] + weights[number]) / sum(weights)))


def metrics_of(experiment: Experiment) -> tuple[Metric, ...]:
    """The metric and the guardrails', each once."""
    guarded = (Metric(outcome=one.outcome, within_days=one.within_days) for one in experiment.guardrails)
    return tuple(dict.fromkeys((experiment.metric, *guarded)))
