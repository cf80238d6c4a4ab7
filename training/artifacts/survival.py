"""Survival at any moment from a hazard of steps: `S(H) = Π (1 − h_k)`, a last, partial step of r days counting `(1 − h)^(r/7)`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.artifacts.hazard_path import STEP_DAYS

Array = NDArray[np.float64]
_ALMOST_CERTAIN = 1.0 - 1e-12  # of a hazard: its survival stays above zero


def survival_at(days: Array, hazards: Callable[[int], Array]) -> Array:
    """P(nothing happened within each of `days` after the as-of date), (n, len(days)); 1 at 0 days, never rising.

    Args:
        days: >= 0.
        hazards: number of steps → (n, steps) hazard of each step, given that nothing happened before.
    """
    days = np.asarray(days, dtype=np.float64)
    steps = max(1, math.ceil(days.max() / STEP_DAYS))
    log_stay = np.log1p(-np.clip(hazards(steps), 0.0, _ALMOST_CERTAIN))
    total = np.hstack([np.zeros((len(log_stay), 1)), np.cumsum(log_stay, axis=1)])
    whole = np.minimum((days // STEP_DAYS).astype(int), steps)
    rest = days / STEP_DAYS - whole
    partial = log_stay[:, np.minimum(whole, steps - 1)] * rest
    return np.asarray(np.exp(total[:, whole] + partial))
