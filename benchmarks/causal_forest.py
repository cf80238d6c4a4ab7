"""econml's causal forest in the folds of `huitou evaluate uplift`, beside our own choice.

econml is a peer, not a dependency: run this where it is installed too (`pip install econml`).

    python -m benchmarks.causal_forest --data hillstrom.csv.gz --treatment segment --treated "Womens E-Mail" \
        --control "No E-Mail" --outcome visit --ignore conversion,spend --repeats 10
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.repeated_folds import corrected_interval, stratified_folds
from training.evaluation.uplift import uqc
from training.models.uplift.chosen import Chosen
from training.models.uplift.experiment import Array, Experiment, Scorer, out_of_fold
from training.models.uplift.risk_modified import Residuals
from training.studies.uplift.experiment_file import Columns, read_experiment

LEAVES = (5, 100)  # econml's own default, and one for effects that hardly show
TREES = 100  # econml's default of the forest


@dataclass(frozen=True)
class CausalForest:
    """Orthogonalised by the same cross-fitted expected response as our own."""

    leaf: int

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Grow on one thread."""
        from econml.grf import CausalForest as Forest

        residuals = Residuals.of(experiment, seed=seed)
        arm = experiment.treated - experiment.treated.mean()
        # (outcome − expected) ÷ arm is what the residuals hold
        forest: Any = Forest(
            n_estimators=TREES, min_samples_leaf=self.leaf, criterion="het", inference=False, max_samples=0.4, n_jobs=1, random_state=seed
        )
        forest.fit(_columns(experiment.inputs, experiment.levels), arm, residuals.target * arm)
        return lambda inputs: np.asarray(forest.predict(_columns(inputs, experiment.levels))).ravel()


def _columns(inputs: Array, levels: tuple[int, ...]) -> Array:
    """Categories as flags, unknown numbers far outside."""
    parts = []
    for column, count in enumerate(levels):
        values = inputs[:, column]
        parts += [(values == code).astype(float) for code in range(count)] if count > 2 else [np.nan_to_num(values, nan=-1e6)]
    return np.column_stack(parts)


def main() -> None:
    """Print every learner's mean UQC and its interval, and our own minus the forest."""
    options = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "treatment", "treated", "control", "outcome", "ignore"):
        options.add_argument(f"--{name}", required=name != "ignore", default="")
    options.add_argument("--repeats", type=int, default=10)
    options.add_argument("--folds", type=int, default=5)
    options.add_argument("--seed", type=int, default=20170101)
    given = options.parse_args()
    columns = Columns(given.treatment, given.treated, given.control, given.outcome, tuple(filter(None, given.ignore.split(","))))
    experiment = read_experiment(Path(given.data), columns).experiment
    folds = stratified_folds(experiment.strata, folds=given.folds, repeats=given.repeats, seed=123)
    learners = {"chosen": Chosen(), **{f"causal forest, leaves of {leaf}": CausalForest(leaf) for leaf in LEAVES}}
    found: dict[str, list[float]] = {name: [] for name in learners}
    for repeat, fold in enumerate(folds):
        for name, learner in learners.items():
            scores = out_of_fold(learner, experiment, fold, seed=given.seed)
            for hidden in range(given.folds):
                test = fold == hidden
                found[name].append(uqc(scores[test], experiment.outcome[test], experiment.treated[test]))
        print(f"after repeat {repeat + 1}")
        for name, values in found.items():
            low, high = corrected_interval(np.array(values), folds=given.folds)
            line = f"  {name}: uqc {np.mean(values):.4f} ({low:.3f} to {high:.3f})"
            if name != "chosen":
                low, high = corrected_interval(np.array(found["chosen"]) - values, folds=given.folds)
                line += f"; chosen − this: {low:+.3f} to {high:+.3f}"
            print(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
