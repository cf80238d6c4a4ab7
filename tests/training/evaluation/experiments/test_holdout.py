"""The policy against its holdouts, on customers whose true effect is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from features.decisions.experiment import Metric, Outcome
from training.evaluation.experiments.holdout import Decided, read_holdout
from training.evaluation.experiments.outcomes import History, Met

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = NOW - timedelta(days=60)
TIME = pl.Datetime("us", "UTC")
SHARES = (0.2, 0.1)
LIFT = 3.0  # margin that the policy adds a customer; the cost of a message is 0.5


def facts(rows: list[tuple[str, datetime, float]], costs: list[tuple[str, datetime, float]] | None = None) -> History:
    orders = pl.DataFrame(
        [(*row, 1) for row in rows], {"customer_id": pl.String, "at": TIME, "margin": pl.Float64, "count": pl.Int64}, orient="row"
    )
    nothing = pl.DataFrame(schema={"customer_id": pl.String, "at": TIME, "count": pl.Int64})
    spent = [(*row, 1) for row in costs or []]
    return History(
        orders, nothing, pl.DataFrame(spent, {"customer_id": pl.String, "at": TIME, "cost": pl.Float64, "count": pl.Int64}, orient="row")
    )


def world(seed: int, people: int = 3000) -> tuple[Decided, History]:
    """Customers in three groups; the policy's leave LIFT more each, and are sent one message."""
    rng = np.random.default_rng(seed)
    group = np.searchsorted([0.7, 0.9], rng.random(people), side="right")
    habit = rng.gamma(2.0, 5.0, people)
    rows, costs, met = [], [], []
    for i in range(people):
        who = f"c{i}"
        met.append(Met(who, int(group[i]), START))
        rows.append((who, START - timedelta(days=5), float(habit[i] + rng.normal())))
        rows.append((who, START + timedelta(days=5), float(habit[i] + rng.normal(0, 5) + (LIFT + 0.5) * (group[i] == 0))))
        if group[i] == 0:
            costs.append((who, START + timedelta(days=1), 0.5))
    return Decided(tuple(met), SHARES, 0), facts(rows, costs)


def test_the_lift_is_unbiased_and_its_interval_covers_it() -> None:
    told = []
    for seed in range(30):
        found = read_holdout(*world(seed), within_days=28, now=NOW)
        assert not found.ratio.mismatch
        margin = next(one.effect for one in found.lifts if one.outcome is Outcome.MARGIN and one.against == "universal")
        assert margin is not None
        told.append((margin.difference, margin.low <= LIFT <= margin.high, margin.standard_error))
    differences = np.array([one[0] for one in told])
    assert abs(differences.mean() - LIFT) < 3 * differences.std(ddof=1) / np.sqrt(len(told))
    assert abs(differences.mean() - LIFT) < 0.15
    assert np.mean([one[1] for one in told]) >= 0.95
    assert 0.7 < differences.std(ddof=1) / np.mean([one[2] for one in told]) < 1.4  # the standard error is the true spread


def test_a_group_that_loses_customers_locks_the_lift() -> None:
    decided, history = world(1)
    some = tuple(one for i, one in enumerate(decided.met) if one.group != 1 or i % 2)
    found = read_holdout(Decided(some, SHARES, 0), history, within_days=28, now=NOW)
    assert found.ratio.mismatch
    assert all(one.effect is None for one in found.lifts)


def test_only_what_is_over_by_the_clock_counts_and_the_moment_parts_before_from_after() -> None:
    met = [Met("a", 0, START), Met("b", 1, NOW - timedelta(days=27)), Met("c", 1, NOW - timedelta(days=28))]
    rows = [
        ("a", START, 5.0),  # at the moment itself: before
        ("a", START + timedelta(days=28), 7.0),
        ("a", START + timedelta(days=28, seconds=1), 100.0),
        ("a", START - timedelta(days=28), 100.0),
        ("c", NOW, 2.0),
        ("c", NOW + timedelta(seconds=1), 100.0),
        ("stranger", START, 9.0),
    ]
    history = facts(rows)
    group, sample = history.measured(met, Metric(outcome=Outcome.MARGIN, within_days=28), now=NOW)
    assert sample.before is not None
    assert group.tolist() == [0, 1]
    assert (sample.value.tolist(), sample.before.tolist()) == ([7.0, 2.0], [5.0, 0.0])
    group, sample = history.measured(met, Metric(outcome=Outcome.REPURCHASE, within_days=28), now=NOW)
    assert (group.tolist(), sample.value.tolist()) == ([0], [1.0])
    _, ratio = history.measured(met, Metric(outcome=Outcome.MARGIN_PER_ORDER, within_days=60), now=NOW)
    assert ratio.per is not None
    assert (ratio.value.tolist(), ratio.per.tolist()) == ([107.0], [2.0])
    assert history.measured([], Metric(), now=NOW)[0].tolist() == []
