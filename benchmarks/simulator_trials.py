"""What is measured, against the truth of the simulated shop: A/A tests, the holdout's lift, off-policy intervals.

    python -m benchmarks.simulator_trials [--world ordinary] [--aa 1000] [--holdout 400] [--coverage 200]

See docs/simulator.md.
"""

from __future__ import annotations

import argparse

import numpy as np

from training.simulation.parameters import load_world
from training.simulation.trials import ESTIMATORS, coverage_trial, fewer, holdout_trial, null_trial


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", default="ordinary")
    parser.add_argument("--aa", type=int, default=1000, help="A/A tests")
    parser.add_argument("--holdout", type=int, default=400, help="holdouts")
    parser.add_argument("--coverage", type=int, default=200, help="logs")
    asked = parser.parse_args()
    world = load_world(asked.world)
    small = fewer(world, customers=300, history_weeks=6)
    if asked.aa:
        tests = [null_trial(small, seed) for seed in range(asked.aa)]
        plain, adjusted = (sum(getattr(test, name) < 0.05 for test in tests) for name in ("plain", "adjusted"))
        print(f"{asked.world}: of {asked.aa} A/A tests at 5 % reject {plain} (Welch), {adjusted} (after CUPED)", flush=True)
    if asked.holdout:
        held = [holdout_trial(small, seed) for seed in range(asked.holdout)]
        told, true = np.array([h.told for h in held]), np.array([h.true for h in held])
        off = (told - true).mean() / ((told - true).std(ddof=1) / np.sqrt(len(held)))
        print(
            f"{asked.world}: lift of {asked.holdout} holdouts told {told.mean():+.4f}, true {true.mean():+.4f}, {off:+.2f} errors apart",
            flush=True,
        )
    if asked.coverage:
        logs = [coverage_trial(fewer(world, customers=800, history_weeks=6), seed) for seed in range(asked.coverage)]
        for name in ("value", "difference"):
            shares = ", ".join(f"{e.value} {sum(getattr(log, name)[e] for log in logs) / len(logs):.1%}" for e in ESTIMATORS)
            print(f"{asked.world}: 95 % intervals of the {name} hold the truth in {asked.coverage} logs: {shares}", flush=True)


if __name__ == "__main__":
    main()
