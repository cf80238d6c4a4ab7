"""Folding a customer into a fitted implicit factorisation: one small exact solve, no stored customer.

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (2008), equation 4, with YᵀY computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FoldIn:
    """Column factors of an implicit ALS and what solving for a new row needs.

    Attributes:
        factors: `(columns, f)` float32.
        regularization: λ of the fit (implicit does not scale it by frequency).
        alpha: factor on every weight, as in the fit.
    """

    factors: NDArray[np.float32]
    regularization: float
    alpha: float

    @cached_property
    def gram(self) -> NDArray[np.float32]:
        """YᵀY + λI, `(f, f)`: the same for every customer."""
        return np.asarray(self.factors.T @ self.factors + self.regularization * np.eye(self.factors.shape[1]), np.float32)

    def solve(self, columns: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Factors of a row that holds `weights` in `columns`.

        Args:
            columns: `(n,)` distinct positions in `factors`.
            weights: `(n,)` > 0, before `alpha`.

        Returns:
            `(f,)` float32; zeros when there is no column.
        """
        if not len(columns):
            return np.zeros(self.factors.shape[1], np.float32)
        confidence = np.float32(self.alpha) * weights.astype(np.float32)
        chosen = self.factors[columns]
        left = self.gram + (chosen.T * (confidence - 1)) @ chosen
        return np.asarray(np.linalg.solve(left, confidence @ chosen), np.float32)
