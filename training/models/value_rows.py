"""Training rows of the value model: customer × period of four weeks after an as-of date, as it happened or as it is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from training.artifacts.bgnbd import BgNbd
from training.artifacts.hazard_path import STEP_DAYS
from training.artifacts.value import PERIOD_DAYS, PERIODS, expected_periods, period_inputs
from training.datasets.hazard_rows import Snapshots
from training.datasets.order_periods import OrderDays, closed_periods
from training.models.renewal import PATH, Renewal

_LEAST_CLOSED = (
    0.05  # a period with a smaller share of the first one's closed rows is left to the simulation: few early weeks, few customers
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PeriodRows:
    """Rows of the order trees.

    Attributes:
        inputs: (m, inputs + 1), the period's number last.
        label: (m,) order days in the period; a mean over paths where simulated.
        offset: (m,) BG/NBD's expectation.
    """

    inputs: Array
    label: Array
    offset: Array


def closed_rows(
    snapshots: Snapshots, order_days: OrderDays, model: BgNbd, *, until: datetime, most: int, seed: int
) -> tuple[PeriodRows, int]:
    """What happened in periods that end by `until`.

    Args:
        snapshots: as-of dates up to `until`.
        order_days: the orders.
        model: of the offset.
        until: last moment a label may look at.
        most: rows drawn at most, all periods together.
        seed: of the sample.

    Returns:
        The rows, and of how many periods, from the first one on: how it goes on after them is left to the simulation.
    """
    learned = learned_periods(snapshots.as_of, until=until)
    closed = closed_periods(snapshots.as_of, days=PERIOD_DAYS, count=PERIODS, until=until)
    closed[:, learned:] = False
    kept = closed & (np.random.default_rng(seed).random(closed.shape) < most / max(int(closed.sum()), 1))
    rows = np.flatnonzero(kept.any(axis=1))
    kept = kept[rows]
    labels, _ = order_days.periods(snapshots.customer_id[rows], snapshots.as_of[rows], days=PERIOD_DAYS, count=PERIODS)
    offsets = expected_periods(model, snapshots.stored[rows], PERIODS)
    row, period = np.nonzero(kept)
    inputs = np.hstack([PATH.at(snapshots.stored[rows], 0)[row], period[:, None].astype(np.float64)])
    return PeriodRows(inputs, labels[row, period], offsets[row, period]), learned


def learned_periods(as_of: NDArray[np.datetime64], *, until: datetime) -> int:
    """How many periods, from the first one on, have closed for enough rows to be learned, 0 to `PERIODS`.

    Args:
        as_of: (n,) of every row.
        until: last moment a label may look at.
    """
    counts = closed_periods(as_of, days=PERIOD_DAYS, count=PERIODS, until=until).sum(axis=0)
    return int((counts >= max(1.0, _LEAST_CLOSED * float(counts[0]))).sum())  # counts fall with the period


def simulated_rows(renewal: Renewal, stored: Array, model: BgNbd, *, paths: int, seed: int) -> PeriodRows:
    """What the renewal simulation expects in every period.

    Args:
        renewal: the simulation.
        stored: (n, features) of the customers at the newest as-of date.
        model: of the offset.
        paths: paths of each customer; their mean is the label.
        seed: of the simulation.
    """
    steps = PERIODS * PERIOD_DAYS // STEP_DAYS
    drawn = renewal.simulate(stored, steps=steps, paths=paths, seed=seed).mean(axis=1)
    label = drawn.reshape(len(stored), PERIODS, PERIOD_DAYS // STEP_DAYS).sum(axis=2)
    inputs = period_inputs(PATH.at(stored, 0), np.arange(float(PERIODS)))
    return PeriodRows(inputs, label.ravel(), expected_periods(model, stored, PERIODS).ravel())
