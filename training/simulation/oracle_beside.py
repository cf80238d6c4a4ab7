"""An oracle over a policy's shoulder: on the policy's own mornings, what a myopic oracle with the same limits would have reached."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.simulation.peers import Limits, calendar_month, oracle_value
from training.simulation.state import NOTHING, State
from training.simulation.trajectory import Known
from training.simulation.world import World

Array = NDArray[np.float64]


@dataclass
class OracleBeside:
    """Hand its `watch` to `training.simulation.trajectory.live`.

    Attributes:
        world: as drawn.
        limits: of the policy and of the oracle.
        true: by week, true effect of what the policy sent to customers on whom it acts.
        best: by week, what the oracle would have reached with the same customers; it may send what the policy's monthly cap still allows.
    """

    world: World
    limits: Limits
    true: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    _month: int = -1
    _sent: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def watch(self, week: int, state: State, known: Known, actions: NDArray[np.int64]) -> None:  # noqa: ARG002 - the state says the day
        """Note a morning."""
        month = calendar_month(self.world, state.day)
        if month != self._month:
            self._month, self._sent = month, np.zeros(len(actions), np.int64)
        may = self.world.addressable(state) & self.limits.judged
        if self.limits.monthly is not None:
            may &= self._sent < self.limits.monthly
        sends = np.flatnonzero((actions != NOTHING) & self.limits.judged)
        self.true.append(float(known().margin[sends, actions[sends]].sum()))
        self.best.append(float(oracle_value(known(), self.limits.exploration)[may].sum()))
        self._sent = self._sent + (actions != NOTHING)

    @property
    def by_week(self) -> tuple[Array, Array]:
        """`(w,)` true and best."""
        return np.array(self.true), np.array(self.best)
