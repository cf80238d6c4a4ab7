"""Renewal simulation: weeks in which a customer orders, drawn one after another from the return hazard, the features taking each order in.

The hazard says whether a week holds an order; a second, small model says on how many days of such a week there is one. After an order the
path begins again at lead 0 with recencies near zero and the rhythm updated (`training.datasets.order_path`). Expectations over a year need
no label of a year: one closed week is enough, as for the hazard itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER
from training.artifacts.hazard_path import STEP_DAYS, HazardPath
from training.datasets.hazard_rows import Snapshots, hazard_rows, naive
from training.datasets.order_path import OrderPath
from training.datasets.order_periods import OrderDays
from training.models.corrections import grow_correction
from training.models.return_hazard import require_learnable
from training.models.trees import Task, TreeConfig, grow

Array = NDArray[np.float64]
PATH = HazardPath(CUSTOMER)

MAX_LEAD = 12  # greatest lead of a training row, as in the return hazard; later ones count as this
LEAD_SHARE = 0.1
_MORE_DAYS = STEP_DAYS - 1.0  # beside the first, at most so many days of a week hold an order


@dataclass(frozen=True)
class Renewal:
    """What the simulation draws from.

    Attributes:
        hazard: P(an order within the next step), on `HazardPath`'s inputs.
        more_days: mean number of order days beside the first in a step that has one.
        days: factor on it, on the same inputs.
    """

    hazard: lgb.Booster
    more_days: float
    days: lgb.Booster

    def simulate(self, stored: Array, *, steps: int, paths: int, seed: int) -> Array:
        """Order days in each step along independent paths.

        Args:
            stored: (n, features) at the as-of date.
            steps: steps of `STEP_DAYS`.
            paths: paths of each customer.
            seed: of all chance.

        Returns:
            (n, paths, steps).
        """
        rng, path = np.random.default_rng(seed), OrderPath(CUSTOMER)
        state, silent = np.repeat(stored, paths, axis=0), np.zeros(len(stored) * paths)
        drawn = np.zeros((len(state), steps))
        lead = PATH.inputs.index("lead")
        for step in range(steps):
            inputs = PATH.at(state, 0)
            inputs[:, lead] = np.minimum(silent, MAX_LEAD)
            orders = rng.random(len(state)) < self.hazard.predict(inputs, num_threads=1)
            days = np.zeros(len(state))
            if orders.any():
                more = self.more_days * np.asarray(self.days.predict(inputs[orders], num_threads=1))
                days[orders] = 1.0 + rng.binomial(int(_MORE_DAYS), np.clip(more / _MORE_DAYS, 0.0, 1.0))
            path.advance(state, days, rng)
            silent = np.where(orders, 0.0, silent + 1.0)
            drawn[:, step] = days
        return drawn.reshape(len(stored), paths, steps)


def fit_renewal(snapshots: Snapshots, order_days: OrderDays, *, until: datetime, config: TreeConfig, seed: int) -> Renewal:
    """Fit both models on every step closed by `until`.

    Args:
        snapshots: as-of dates up to `until`.
        order_days: the orders.
        until: last moment a label may look at.
        config: settings of the hazard's trees, and of the other's but for their number.
        seed: of sampling and of the trees.

    Raises:
        TooLittleHistory: too few rows, or none with or none without an order.
    """
    rows = hazard_rows(snapshots, until=until, max_lead=MAX_LEAD, lead_share=LEAD_SHARE, seed=seed)
    require_learnable(rows.label)
    (hazard,) = grow([Task(rows.inputs, rows.label)], config, names=PATH.inputs, seed=seed, workers=1)
    closed = (snapshots.as_of + np.timedelta64(STEP_DAYS, "D") <= naive(until)) & (snapshots.wait <= STEP_DAYS)
    count, _ = order_days.within(snapshots.customer_id[closed], snapshots.as_of[closed], STEP_DAYS)
    more = np.maximum(count - 1.0, 0.0)
    fewer = config.model_copy(
        update={"rounds": max(1, config.rounds // 3)}
    )  # a week's days differ less between customers than the weeks do
    mean = max(float(more.mean()), 1e-3) if len(more) else 1e-3
    inputs = PATH.at(snapshots.stored[closed], 0)
    days = grow_correction(inputs, more, np.full(len(more), mean), fewer, names=PATH.inputs, seed=seed, objective="poisson")
    return Renewal(hazard, mean, days)
