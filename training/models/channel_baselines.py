"""What the channel-churn model must beat, on the same rows: the overall rate, how long ago the last message was, a logistic of contacts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER
from training.datasets.hazard_rows import Snapshots
from training.datasets.snapshot_cuts import closed
from training.evaluation.churn import Baseline
from training.models.churn_baselines import fit_logistic

Array = NDArray[np.float64]
RATE, RECENCY, CONTACTS = "overall_rate", "contact_recency", "contacts_logistic"
_SINCE = CUSTOMER.columns.index("days_since_last_contact")
_NEVER_DAYS = 365.0  # since the last message, of who got none: as long ago as a year
_COLUMNS = {
    RECENCY: ("days_since_last_contact",),
    CONTACTS: ("contact_count", "days_since_last_contact", "contacts_decayed_28d", "contacts_decayed_112d", "messages_opened_decayed_28d"),
}


def fit_channel_baselines(snapshots: Snapshots, *, until: datetime) -> dict[str, Baseline]:
    """The baselines, fitted on snapshots of customers in the channel whose label of the asked horizon is closed by `until`."""
    told = replace(snapshots, stored=_told(snapshots.stored))
    return {
        RATE: _rate(snapshots, until),
        **{name: _leaving(fit_logistic(told, columns, until=until)) for name, columns in _COLUMNS.items()},
    }


def _rate(snapshots: Snapshots, until: datetime) -> Baseline:
    def predict(stored: Array, horizon: int) -> Array | None:
        known = closed(snapshots, horizon, until)
        return np.full(len(stored), float((known.wait <= horizon).mean())) if len(known.wait) else None

    return predict


def _leaving(staying: Baseline) -> Baseline:
    """P(left) from a baseline that gives P(nothing happened)."""

    def predict(stored: Array, horizon: int) -> Array | None:
        found = staying(_told(stored), horizon)
        return None if found is None else 1.0 - found

    return predict


def _told(stored: Array) -> Array:
    filled = stored.copy()
    filled[:, _SINCE] = np.where(np.isnan(filled[:, _SINCE]), _NEVER_DAYS, filled[:, _SINCE])
    return filled
