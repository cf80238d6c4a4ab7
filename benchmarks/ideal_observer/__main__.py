"""How much of the oracle's value could anybody reach who sees what the shop sees?

    python -m benchmarks.ideal_observer [--world ordinary] [--seeds 3] [--first-seed 301] [--customers 800]
    python -m benchmarks.ideal_observer --weeks 12                                          # lives on under its own policy
    python -m benchmarks.ideal_observer --without looks --without pace --without elsewhere  # what each kind of evidence is worth

The observer knows the world's equations and its file, and of customers what a shop sees: orders with products and days, looks, messages
with what became of them, who signed up when, what is in stock, the season. It weighs all that may lie behind it and sends what is worth
most on average. Minutes a seed. See docs/simulator.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.ideal_observer.grid import Evidence
from benchmarks.ideal_observer.mornings import REVEALED, Judged, Lived, Morning, first_morning, judge, lived, watched
from benchmarks.ideal_observer.observer import Observer
from training.simulation.parameters import load_world
from training.simulation.trials import fewer

_EVERYTHING = "everything revealed"  # then all draws are alike


def main() -> None:
    """Print the shares."""
    asked = _asked()
    parameters = load_world(asked.world)
    parameters = fewer(parameters, customers=asked.customers, history_weeks=parameters.history.weeks)
    found, weeks = dict[str, list[Judged]](), list[Lived]()
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        morning = first_morning(parameters, seed, weeks=max(asked.weeks, 1))
        watching = _watched(morning, asked, Evidence())
        rows = _revealed(morning, watching, asked.draws)
        for name in asked.without:
            less = _watched(morning, asked, replace(Evidence(), **{name: False}))
            rows[f"without {name}"] = judge(morning, less, draws=asked.draws, soon=True)
        for name, row in rows.items():
            found.setdefault(name, []).append(row)
            print(f"{asked.world} {seed}: {name}: {_told([row])}", flush=True)
        if asked.weeks:
            weeks.append(lived(morning, watching, asked.weeks, draws=asked.draws))
            print(f"{asked.world} {seed}: {_life(weeks[-1:])}", flush=True)
    print(f"{asked.world}, {asked.customers} customers, {asked.seeds} seeds from {asked.first_seed}: share of the oracle's value")
    for name, judged in found.items():
        print(f"{name}: {_told(judged)}")
    if weeks:
        print(_life(weeks))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", default="ordinary")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=301)
    parser.add_argument("--customers", type=int, default=800)
    parser.add_argument("--draws", type=int, default=60, help="states valued a customer")
    parser.add_argument("--weeks", type=int, default=0, help="lived under the observer's own policy")
    parser.add_argument("--without", action="append", default=[], choices=[field.name for field in fields(Evidence)])
    parser.add_argument("--hastes", type=int, default=5, help="points of the grid")
    parser.add_argument("--cycles", type=int, default=5, help="points of the grid")
    parser.add_argument("--ages", type=int, default=140, help="days of the grid")
    return parser.parse_args()


def _watched(morning: Morning, asked: argparse.Namespace, evidence: Evidence) -> Observer:
    return watched(morning, hastes=asked.hastes, cycles=asked.cycles, ages=asked.ages, evidence=evidence)


def _revealed(morning: Morning, watching: Observer, draws: int) -> dict[str, Judged]:
    rows = {"what the shop sees": judge(morning, watching, draws=draws, soon=True)}
    return rows | {
        name: judge(morning, watching, draws=4 if name == _EVERYTHING else draws, revealed=revealed) for name, revealed in REVEALED.items()
    }


def _told(judged: Sequence[Judged]) -> str:
    figures: Mapping[str, list[float]] = {field.name: [getattr(row, field.name) for row in judged] for field in fields(Judged)}
    true, believed = np.divide(figures["got"], figures["best"]), np.divide(figures["own"], figures["oracle"])
    together = sum(figures["got"]) / sum(figures["best"])
    said = f"{_figure(true)}, all seeds together {together:.3f}, expected {_figure(believed)}, sent to {np.mean(figures['sent']):.0%}"
    if np.isnan(figures["bought"]).any():
        return said
    return (
        f"{said}; its chance of a week beside the true one: bought before {_figure(figures['bought'])} "
        f"(slope {np.mean(figures['calibrated']):.2f}), never bought {_figure(figures['unbought'])}"
    )


def _life(lives: Sequence[Lived]) -> str:
    """Under its own policy."""
    by_week = np.sum([life.own for life in lives], axis=0) / np.sum([life.oracle for life in lives], axis=0)
    last = [life.true[-2:].sum() / life.best[-2:].sum() for life in lives]
    expected = [life.own[-2:].sum() / life.oracle[-2:].sum() for life in lives]
    return (
        f"under its own policy, last two of {len(by_week)} weeks {_figure(last)}, expected {_figure(expected)}, "
        f"all weeks {_figure([life.true.sum() / life.best.sum() for life in lives])}; expected by week "
        f"{' '.join(f'{share:.2f}' for share in by_week)}; a customer {_figure([life.margin for life in lives])} beyond sending nothing, "
        f"lowest from week 4 {_figure([life.lowest for life in lives])}, {np.mean([life.messages for life in lives]):.1f} messages, "
        f"{_figure([100 * life.unsubscribed for life in lives])} points more unsubscribed"
    )


def _figure(values: Sequence[float] | NDArray[np.float64]) -> str:
    """Mean with its 95 % interval over seeds (Student's t)."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:.3f} ({mean - half:.3f} to {mean + half:.3f})"


if __name__ == "__main__":
    main()
