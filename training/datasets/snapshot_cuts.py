"""Parts of the snapshots: those up to a moment, those of the newest date, those whose label of some length is closed."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from training.datasets.hazard_rows import Snapshots, naive


def up_to(snapshots: Snapshots, moment: datetime) -> Snapshots:
    """As-of dates not after a moment."""
    return rows_of(snapshots, snapshots.as_of <= naive(moment))


def newest(snapshots: Snapshots) -> Snapshots:
    """The newest as-of date, every customer once; empty where there is none."""
    return rows_of(snapshots, snapshots.as_of == snapshots.as_of.max()) if len(snapshots.as_of) else snapshots


def closed(snapshots: Snapshots, days: float, until: datetime) -> Snapshots:
    """As-of dates whose label of so many days ends by a moment."""
    return rows_of(snapshots, snapshots.as_of + np.timedelta64(round(days * 86_400_000_000), "us") <= naive(until))


def rows_of(snapshots: Snapshots, mask: NDArray[np.bool_]) -> Snapshots:
    """The rows of a mask, (n,)."""
    return Snapshots(
        snapshots.stored[mask], snapshots.as_of[mask], snapshots.customer[mask], snapshots.customer_id[mask], snapshots.wait[mask]
    )
