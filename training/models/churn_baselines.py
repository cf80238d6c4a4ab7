"""What the return hazard must beat, on the same rows.

Recency, frequency, RFM logistic, BG/NBD, Pareto/NBD, and one directly trained LightGBM per horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.feature_sets import CUSTOMER
from training.artifacts.bgnbd import BgNbd
from training.artifacts.hazard_path import HazardPath
from training.artifacts.pareto_nbd import ParetoNbd
from training.artifacts.return_hazard import HORIZONS
from training.artifacts.value import purchase_history
from training.datasets.hazard_rows import Snapshots, naive
from training.evaluation.churn import Baseline
from training.models.bgnbd import fit_bgnbd
from training.models.trees import Task, TreeConfig, grow

Array = NDArray[np.float64]
Fit = Callable[[Array, Array, Array], BgNbd | ParetoNbd]
RECENCY, FREQUENCY, RFM, DIRECT = "recency", "frequency", "rfm_logistic", "direct_lightgbm"
BGNBD, PARETO_NBD = "bg_nbd", "pareto_nbd"

_COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}
COLUMNS = {
    RECENCY: ("days_since_last_order",),
    FREQUENCY: ("order_day_count",),
    RFM: ("days_since_last_order", "order_day_count", "amount_mean", "days_since_first_order"),
}


def fit_churn_baselines(snapshots: Snapshots, *, until: datetime, config: TreeConfig, seed: int, threads: int = 1) -> dict[str, Baseline]:
    """The baselines that `huitou train` shows, fitted on snapshots whose label of the asked horizon is closed by `until`.

    Args:
        snapshots: all as-of dates.
        until: last moment a label may look at.
        config: tree settings of the model under test; the direct LightGBM gets the same, so that it is tuned no less.
        seed: of the trees.
        threads: models grown side by side.
    """
    return {
        RECENCY: fit_logistic(snapshots, COLUMNS[RECENCY], until=until),
        RFM: fit_logistic(snapshots, COLUMNS[RFM], until=until),
        BGNBD: fit_parametric(snapshots, fit_bgnbd, until=until),
        DIRECT: fit_direct(snapshots, HORIZONS, until=until, config=config, seed=seed, threads=threads),
    }


def fit_logistic(snapshots: Snapshots, columns: Sequence[str], *, until: datetime) -> Baseline:
    """Logistic regression on the logarithms of a few features; fitted anew for each horizon that is asked for."""

    def predict(stored: Array, horizon: int) -> Array | None:
        rows = _labelled(snapshots, horizon, until)
        if rows is None:
            return None
        fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(_logs(rows[0], columns), rows[1])
        return np.asarray(fitted.predict_proba(_logs(stored, columns))[:, 1])

    return predict


def fit_direct(
    snapshots: Snapshots, horizons: Sequence[int], *, until: datetime, config: TreeConfig, seed: int, threads: int = 1
) -> Baseline:
    """One LightGBM per horizon, all grown at once: the fits are as many as the return hazard's, and as large."""
    path = HazardPath(CUSTOMER)
    trainable = {h: rows for h in horizons if (rows := _labelled(snapshots, h, until)) is not None}
    tasks = [Task(path.at(stored, 0), label) for stored, label in trainable.values()]
    boosters = dict(zip(trainable, grow(tasks, config, names=path.inputs, seed=seed, workers=threads), strict=True))

    def predict(stored: Array, horizon: int) -> Array | None:
        booster = boosters.get(horizon)
        return None if booster is None else np.asarray(booster.predict(path.at(stored, 0), num_threads=1))

    return predict


def fit_parametric(snapshots: Snapshots, fit: Fit, *, until: datetime) -> Baseline:
    """A parametric model of repeat buying, fitted on every customer of the newest snapshot that is no later than `until`."""
    newest = snapshots.as_of == snapshots.as_of[snapshots.as_of <= naive(until)].max()
    model = fit(*purchase_history(snapshots.stored[newest]))

    def predict(stored: Array, horizon: int) -> Array:
        return model.probability_silent(*purchase_history(stored), horizon)

    return predict


def _labelled(snapshots: Snapshots, horizon: int, until: datetime) -> tuple[Array, Array] | None:
    """Features and labels (1: no order within the horizon) closed by `until`; None unless both outcomes are there."""
    mask = np.asarray(snapshots.as_of + np.timedelta64(horizon, "D") <= naive(until))
    label = (snapshots.wait[mask] > horizon).astype(np.float64)
    return (snapshots.stored[mask], label) if mask.any() and label.min() != label.max() else None


def _logs(stored: Array, columns: Sequence[str]) -> Array:
    x = stored[:, [_COLUMN[c] for c in columns]]
    return np.asarray(np.log1p(np.nan_to_num(np.maximum(x, 0.0))))
