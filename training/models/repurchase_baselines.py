"""What a shop does without a model: the peers that the repurchase model is judged beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from training.artifacts.category_path import CATEGORY_INPUTS
from training.artifacts.repurchase import HORIZONS
from training.datasets.category_rows import CategorySnapshots

Array = NDArray[np.float64]

_COLUMN = {name: i for i, name in enumerate(CATEGORY_INPUTS)}


@dataclass(frozen=True)
class RepurchaseBaselines:
    """Peers.

    Attributes:
        regressions: horizon in days → logistic regression on recency, mean gap and count.
    """

    regressions: Mapping[int, Pipeline]

    def scores(self, category: Array) -> dict[str, Array]:
        """Peers that only rank; the same order for every horizon. Name → (n,) score.

        Args:
            category: (n, category inputs) at the as-of date.
        """
        recency, gap = category[:, _COLUMN["days_since_last_purchase"]], category[:, _COLUMN["gap_mean"]]
        due = -np.abs(np.log((recency + 1.0) / (gap + 1.0)))
        return {
            "bought most often": category[:, _COLUMN["purchase_count"]],
            "bought most often lately": category[:, _COLUMN["purchases_decayed_56d"]],
            # Nearest to the mean interval first; a pair without an interval comes last.
            "due by mean interval": np.where(np.isnan(due), -np.inf, due),
            "popular category": category[:, _COLUMN["category_purchases_last_28d"]],
        }

    def probabilities(self, category: Array) -> dict[str, Mapping[int, Array]]:
        """Peers that give probabilities. Name → horizon → (n,)."""
        if not self.regressions:
            return {}
        x = _regressors(category)
        return {"logistic regression": {h: model.predict_proba(x)[:, 1] for h, model in self.regressions.items()}}


def fit_repurchase_baselines(past: CategorySnapshots) -> RepurchaseBaselines:
    """Fit the regressions on pairs whose 28-day labels closed before the judged dates; none where a label has one value only."""
    regressions = {}
    for horizon in HORIZONS:
        label = past.wait <= horizon
        if 0 < label.sum() < len(label):
            regressions[horizon] = make_pipeline(StandardScaler(), LogisticRegression()).fit(_regressors(past.category), label)
    return RepurchaseBaselines(regressions)


def _regressors(category: Array) -> Array:
    gap = category[:, _COLUMN["gap_mean"]]
    unknown = np.isnan(gap)
    # Logarithms, as counts and days are skewed; a missing interval is a case of its own.
    return np.column_stack(
        [
            np.log1p(category[:, _COLUMN["days_since_last_purchase"]]),
            np.log1p(np.where(unknown, 0.0, gap)),
            unknown.astype(float),
            np.log1p(category[:, _COLUMN["purchase_count"]]),
        ]
    )
