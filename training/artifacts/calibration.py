"""One monotone map on the logit scale: `p' = sigmoid(intercept + slope · logit(p))` (Platt 1999), fitted on a later window than the model.

A single map on the hazard keeps survival monotone over horizons; a map per horizon would not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

_EPSILON = 1e-9


def logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds, finite at 0 and 1."""
    clipped = np.clip(p, _EPSILON, 1 - _EPSILON)
    return np.log(clipped / (1 - clipped))


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `logit`."""
    return 1.0 / (1.0 + np.exp(-z))


class LogitMap(BaseModel):
    """The map; `slope` is above zero, so that order is kept."""

    model_config = ConfigDict(frozen=True)

    intercept: float = 0.0
    slope: float = 1.0

    def __call__(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of the same shape."""
        return sigmoid(self.intercept + self.slope * logit(p))


def fit_logit_map(p: NDArray[np.float64], y: NDArray[np.float64], *, iterations: int = 25) -> LogitMap:
    """Fit by Newton's method on the log loss.

    Args:
        p: predicted probabilities, (n,).
        y: outcomes 0/1, (n,).
        iterations: Newton steps; the problem is convex with two unknowns and settles in a few.

    Returns:
        The map, or the identity when the outcomes are all equal or the fit would reverse the order.
    """
    if y.min(initial=1) == y.max(initial=0):
        return LogitMap()
    x = np.column_stack([np.ones(len(p)), logit(p)])
    beta = np.array([0.0, 1.0])
    for _ in range(iterations):
        q = sigmoid(x @ beta)
        gradient = x.T @ (y - q)
        hessian = (x * (q * (1 - q))[:, None]).T @ x + np.eye(2) * _EPSILON
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step
        if np.abs(step).max() < _EPSILON:
            break
    intercept, slope = float(beta[0]), float(beta[1])
    return LogitMap(intercept=intercept, slope=slope) if np.isfinite(beta).all() and slope > 0 else LogitMap()
