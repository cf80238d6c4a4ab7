"""The one table: what each policy earned beyond sending nothing, over several worlds of one kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from training.simulation.trajectory import Trajectory

HIGHEST_RISK = "highest risk first"
_ROW_FIGURES = ("incremental_margin", "relative", "true_effect", "messages", "unsubscribed_points")

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Figure(BaseModel):
    """A mean over seeds with its 95 % interval (Student's t); None where one seed gives none."""

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]


class PolicyRow(BaseModel):
    """One policy.

    Attributes:
        policy: its name.
        incremental_margin: earned beyond sending nothing, all weeks, per customer on whom policies act.
        relative: the same by what sending nothing earned.
        true_effect: myopic effect of everything it sent, per customer, exact.
        messages: per customer.
        unsubscribed_points: share who left the channel, above that under sending nothing, in points.
        cumulated: incremental margin per customer up to each week.
    """

    model_config = ConfigDict(frozen=True)

    policy: str
    incremental_margin: Figure
    relative: Figure
    true_effect: Figure
    messages: Figure
    unsubscribed_points: Figure
    cumulated: tuple[Figure, ...]


class OracleShare(BaseModel):
    """What a policy's decisions were truly worth, by what a myopic oracle with its limits and exploration would have reached.

    Attributes:
        policy: its name.
        by_week: both on the policy's own mornings.
        last_two_weeks: of the last two weeks together.
    """

    model_config = ConfigDict(frozen=True)

    policy: str
    by_week: tuple[Figure, ...]
    last_two_weeks: Figure


class AudienceRow(BaseModel):
    """At equal budget: margin truly saved by winning back an audience, by how it was chosen.

    Attributes:
        audience: how it was chosen.
        saved: money.
        more_than_highest_risk: money saved beyond those at the highest risk, seed by seed.
        times_highest_risk: the same as a ratio; None where those at the highest risk saved nothing in any one world.
    """

    model_config = ConfigDict(frozen=True)

    audience: str
    saved: Figure
    more_than_highest_risk: Figure
    times_highest_risk: Figure | None


class SimulatorTable(BaseModel):
    """Everything that `huitou evaluate simulator` found."""

    model_config = ConfigDict(frozen=True)

    world: str
    customers: int
    weeks: int
    seeds: tuple[int, ...]
    currency: str
    rows: tuple[PolicyRow, ...]
    oracle_shares: tuple[OracleShare, ...]
    audiences: tuple[AudienceRow, ...] = ()
    notes: tuple[str, ...] = ()


def figure(values: list[float]) -> Figure:
    """Mean and interval over seeds."""
    found = np.array(values, np.float64)
    if len(found) < 2:
        return Figure(mean=float(found.mean()), low=None, high=None, by_seed=tuple(values))
    half = float(stats.t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
    return Figure(mean=float(found.mean()), low=float(found.mean()) - half, high=float(found.mean()) + half, by_seed=tuple(values))


def policy_row(name: str, found: list[Trajectory], nothing: list[Trajectory], judged: list[Flags]) -> PolicyRow:
    """Compare a policy with sending nothing, seed by seed, on customers outside holdout and control.

    Args:
        name: of the policy.
        found: its trajectories, a seed each.
        nothing: those of sending nothing in the same worlds.
        judged: customers on whom policies act.
    """
    gained, base, true, messages, left = list[Array](), list[float](), list[float](), list[float](), list[float]()
    for mine, none, who in zip(found, nothing, judged, strict=True):
        there = who & mine.there
        gained.append(np.cumsum((mine.margin - none.margin)[:, there].sum(axis=1)) / there.sum())
        base.append(float(none.margin[:, there].sum() / there.sum()))
        true.append(float(mine.true[:, there].sum() / there.sum()))
        messages.append(float(mine.messages[:, there].sum() / there.sum()))
        left.append(100 * float(none.reachable[-1, there].mean() - mine.reachable[-1, there].mean()))
    return PolicyRow(
        policy=name,
        incremental_margin=figure([float(g[-1]) for g in gained]),
        relative=figure([float(g[-1]) / b for g, b in zip(gained, base, strict=True)]),
        true_effect=figure(true),
        messages=figure(messages),
        unsubscribed_points=figure(left),
        cumulated=tuple(figure([float(g[week]) for g in gained]) for week in range(len(gained[0]))),
    )


def oracle_share(name: str, true: list[Array], best: list[Array]) -> OracleShare:
    """Share of the oracle's value.

    Args:
        name: of the policy.
        true: `(w,)` of each seed: true effect of what the policy sent.
        best: `(w,)` of each seed: what the oracle would have reached on the same mornings.
    """
    return OracleShare(
        policy=name,
        by_week=tuple(figure([float(t[w] / b[w]) for t, b in zip(true, best, strict=True)]) for w in range(len(true[0]))),
        last_two_weeks=figure([float(t[-2:].sum() / b[-2:].sum()) for t, b in zip(true, best, strict=True)]),
    )


def together(tables: Sequence[SimulatorTable]) -> SimulatorTable:
    """One table of several, lived seed by seed, of the same world and length: what was found by seed, with the interval over all.

    Args:
        tables: at least one; of no seed twice.

    Raises:
        ValueError: they are of different worlds, or of one seed twice.
    """
    first = tables[0]
    seeds = [seed for table in tables for seed in table.seeds]
    alike = {(t.world, t.customers, t.weeks, t.currency, *(row.policy for row in t.rows)) for t in tables}
    if len(alike) > 1 or len(set(seeds)) < len(seeds):
        raise ValueError("Tables are put together of one world, number of customers, weeks and policies, each seed once.")
    order = np.argsort(seeds, kind="stable")

    def merged(parts: Sequence[Figure]) -> Figure:
        values = [value for part in parts for value in part.by_seed]
        return figure([values[place] for place in order])

    def each(parts: Sequence[tuple[Figure, ...]]) -> tuple[Figure, ...]:
        return tuple(merged(week) for week in zip(*parts, strict=True))

    rows = [
        PolicyRow(
            policy=same[0].policy,
            cumulated=each([row.cumulated for row in same]),
            **{name: merged([getattr(row, name) for row in same]) for name in _ROW_FIGURES},
        )
        for same in zip(*(t.rows for t in tables), strict=True)
    ]
    shares = [
        OracleShare(policy=same[0].policy, by_week=each([s.by_week for s in same]), last_two_weeks=merged([s.last_two_weeks for s in same]))
        for same in zip(*(t.oracle_shares for t in tables), strict=True)
    ]
    saved = {name: [a.saved for t in tables for a in t.audiences if a.audience == name] for name in (a.audience for a in first.audiences)}
    audiences = audience_rows({name: list(merged(parts).by_seed) for name, parts in saved.items() if len(parts) == len(tables)})
    update = {"seeds": tuple(sorted(seeds)), "rows": tuple(rows), "oracle_shares": tuple(shares), "audiences": audiences}
    return first.model_copy(update=update | {"notes": tuple(note for table in tables for note in table.notes)})


def audience_rows(saved: Mapping[str, Sequence[float]]) -> tuple[AudienceRow, ...]:
    """Audience → money saved in each world, beside those at the highest risk; a ratio where these save anything at all."""
    base = saved.get(HIGHEST_RISK, ())
    compared = bool(base) and min(base) > 0
    return tuple(
        AudienceRow(
            audience=name,
            saved=figure(list(found)),
            more_than_highest_risk=figure([s - b for s, b in zip(found, base, strict=True)]),
            times_highest_risk=figure([s / b for s, b in zip(found, base, strict=True)]) if compared and name != HIGHEST_RISK else None,
        )
        for name, found in saved.items()
    )
