"""The part of the snapshots whose label of some length is closed."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from training.datasets.hazard_rows import Snapshots, naive


def closed(snapshots: Snapshots, days: float, until: datetime) -> Snapshots:
    """As-of dates whose label of so many days ends by a moment."""
    ended = snapshots.as_of + np.timedelta64(round(days * 86_400_000_000), "us") <= naive(until)
    return snapshots.where(ended)
