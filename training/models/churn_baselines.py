"""What the return hazard must beat, on the same rows: recency, RFM logistic, BG/NBD, and one directly trained LightGBM per horizon."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.feature_sets import CUSTOMER
from training.artifacts.hazard_path import HazardPath
from training.artifacts.return_hazard import HORIZONS
from training.datasets.hazard_rows import Snapshots, naive
from training.evaluation.churn import Baseline
from training.models.bgnbd import fit_bgnbd
from training.models.trees import Task, TreeConfig, grow

Array = NDArray[np.float64]
RECENCY, RFM, DIRECT, BGNBD = "recency", "rfm_logistic", "direct_lightgbm", "bg_nbd"

_COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}
_RECENCY = ("days_since_last_order",)
_RFM = ("days_since_last_order", "order_day_count", "amount_mean", "days_since_first_order")


def fit_churn_baselines(snapshots: Snapshots, *, until: datetime, config: TreeConfig, seed: int, threads: int = 1) -> dict[str, Baseline]:
    """Fit every baseline on snapshots whose label of the asked horizon is closed by `until`.

    Args:
        snapshots: all as-of dates.
        until: last moment a label may look at.
        config: tree settings of the model under test; the direct LightGBM gets the same, so that it is tuned no less.
        seed: of the trees.
        threads: models grown side by side.
    """
    age = snapshots.stored[:, _COLUMN["days_since_first_order"]]
    newest = snapshots.as_of == snapshots.as_of[snapshots.as_of <= naive(until)].max()
    silence = snapshots.stored[:, _COLUMN["days_since_last_order"]]
    repeats = snapshots.stored[:, _COLUMN["order_day_count"]] - 1
    bgnbd = fit_bgnbd(repeats[newest], (age - silence)[newest], age[newest])

    def closed(horizon: int) -> NDArray[np.bool_]:
        return np.asarray(snapshots.as_of + np.timedelta64(horizon, "D") <= naive(until))

    def labelled(horizon: int) -> tuple[Array, Array] | None:
        mask = closed(horizon)
        label = (snapshots.wait[mask] > horizon).astype(np.float64)
        return (snapshots.stored[mask], label) if mask.any() and label.min() != label.max() else None

    def logistic(columns: tuple[str, ...]) -> Baseline:
        def predict(stored: Array, horizon: int) -> Array | None:
            rows = labelled(horizon)
            if rows is None:
                return None
            fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(_logs(rows[0], columns), rows[1])
            return np.asarray(fitted.predict_proba(_logs(stored, columns))[:, 1])

        return predict

    # All horizons at once: the fits are as many as the return hazard's, and as large.
    path = HazardPath(CUSTOMER)
    trainable = {h: rows for h in HORIZONS if (rows := labelled(h)) is not None}
    tasks = [Task(path.at(stored, 0), label) for stored, label in trainable.values()]
    boosters = dict(zip(trainable, grow(tasks, config, names=path.inputs, seed=seed, workers=threads), strict=True))

    def direct(stored: Array, horizon: int) -> Array | None:
        booster = boosters.get(horizon)
        return None if booster is None else np.asarray(booster.predict(path.at(stored, 0), num_threads=1))

    def parametric(stored: Array, horizon: int) -> Array:
        first, last = stored[:, _COLUMN["days_since_first_order"]], stored[:, _COLUMN["days_since_last_order"]]
        return bgnbd.probability_silent(stored[:, _COLUMN["order_day_count"]] - 1, first - last, first, horizon)

    return {RECENCY: logistic(_RECENCY), RFM: logistic(_RFM), BGNBD: parametric, DIRECT: direct}


def _logs(stored: Array, columns: tuple[str, ...]) -> Array:
    x = stored[:, [_COLUMN[c] for c in columns]]
    return np.asarray(np.log1p(np.nan_to_num(np.maximum(x, 0.0))))
