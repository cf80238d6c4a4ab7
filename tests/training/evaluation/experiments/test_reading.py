"""When an experiment is read, when it is not, and what its guardrails say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.decisions.experiment import GUARDRAILS
from tests.features.decisions.experiments import ARMS, experiment
from training.evaluation.experiments.reading import Measured, Reading, metrics_of, read_experiment
from training.evaluation.experiments.sample import Sample


def measured(rate: float, other: float, people: int, *, seed: int = 1) -> Measured:
    rng = np.random.default_rng(seed)
    arm = (rng.random(people) < 0.5).astype(np.int64)
    return Measured(arm, Sample((rng.random(people) < np.where(arm == 1, other, rate)).astype(float)))


def read(metric: Measured, *, leaving: Measured | None = None, exposed: dict[str, int] | None = None, **told: Any) -> Reading:
    even = dict.fromkeys(("price", "category"), len(metric.arm))
    guarded = {GUARDRAILS[0]: leaving or measured(0.01, 0.01, len(metric.arm)), GUARDRAILS[1]: metric}
    return read_experiment(experiment(**told), exposed or even, metric, guarded)


def test_a_fixed_reading_is_locked_and_then_never_changes() -> None:
    whole = measured(0.2, 0.3, 5000)
    early = read(replace(whole, arm=whole.arm[:999], sample=whole.sample.of(slice(999))), size=1000)
    assert early.locked is not None
    assert "Planned for 1,000" in early.locked
    assert early.arms[0].effect is None
    assert {one.state for one in early.arms[0].guardrails} == {"waiting"}
    at_size = read(replace(whole, arm=whole.arm[:1000], sample=whole.sample.of(slice(1000))), size=1000)
    later = read(whole, size=1000)
    assert at_size.locked is None
    assert later.arms[0].effect == at_size.arms[0].effect
    assert later.arms[0].effect is not None
    assert sum(later.arms[0].effect.customers) == 1000


def test_a_sequential_reading_may_be_looked_at_early_and_is_wider() -> None:
    whole = measured(0.2, 0.3, 1000)
    fixed, sequential = (read(whole, size=1000, reading=kind).arms[0].effect for kind in ("fixed", "sequential"))
    assert fixed is not None
    assert sequential is not None
    assert sequential.difference == fixed.difference
    assert sequential.high - sequential.low > 1.3 * (fixed.high - fixed.low)
    few = replace(whole, arm=whole.arm[:150], sample=whole.sample.of(slice(150)))
    assert read(few, size=1000, reading="sequential").arms[0].effect is None


@pytest.mark.parametrize("kind", ["fixed", "sequential"])
def test_uneven_arms_lock_everything(kind: str) -> None:
    found = read(measured(0.2, 0.3, 2000), exposed={"price": 2000, "category": 1700}, reading=kind)
    assert found.ratio.mismatch
    assert found.locked is not None
    assert "chance does not explain" in found.locked
    assert found.arms[0].effect is None
    assert {one.state for one in found.arms[0].guardrails} == {"waiting"}


@pytest.mark.parametrize(("other", "people", "state"), [(0.01, 20_000, "kept"), (0.05, 20_000, "broken"), (0.02, 2000, "not_shown")])
def test_a_guardrail_is_kept_broken_or_not_shown(other: float, people: int, state: str) -> None:
    found = read(measured(0.2, 0.2, people), leaving=measured(0.01, other, people), size=people)
    assert found.arms[0].guardrails[0].state == state


def test_less_repurchase_is_harm() -> None:
    found = read(measured(0.5, 0.4, 20_000), size=20_000).arms[0].guardrails[1]
    assert found.state == "broken"
    assert found.harm == pytest.approx(0.1, abs=0.03)


def test_more_arms_have_wider_intervals_each() -> None:
    three = [*ARMS, {"name": "third"}]
    rng = np.random.default_rng(5)
    one = Measured(rng.integers(0, 3, 3000), Sample(rng.random(3000)))
    told = experiment(arms=three, size=3000, guardrails=[])
    found = read_experiment(told, {"price": 1000, "category": 1000, "third": 1000}, one, {})
    effect = found.arms[0].effect
    assert effect is not None
    assert (effect.high - effect.low) / 2 / effect.standard_error == pytest.approx(2.24, abs=0.01)  # Bonferroni: 1.25 % on either side
    assert len(metrics_of(experiment())) == 3
