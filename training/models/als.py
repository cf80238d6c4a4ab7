"""Implicit alternating least squares as every recommender here fits it: seeded, quiet, and only the column factors kept."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse
from threadpoolctl import threadpool_limits


class Factorisation(Protocol):
    """What an implicit factorisation is told, whatever else its settings hold."""

    @property
    def factors(self) -> int:
        """Length of a factor vector."""
        ...

    @property
    def regularization(self) -> float:
        """λ; implicit does not scale it by frequency."""
        ...

    @property
    def alpha(self) -> float:
        """Factor on every weight."""
        ...

    @property
    def iterations(self) -> int:
        """Sweeps over rows and columns."""
        ...


class AlsSettings(BaseModel):
    """One point of a grid.

    Attributes:
        factors: length of a factor vector; 96 and 128 ranked no better on Complete Journey's inner window and cost time in the request.
        regularization: implicit does not scale it by frequency, so tuned values are large.
        alpha: factor on every weight.
        half_life_days, exponent: `features.recent.purchase_weights`.
        iterations: sweeps; six ranked as well as ten on Complete Journey's inner window.
    """

    model_config = ConfigDict(frozen=True)

    factors: int = 64
    regularization: float = 30.0
    alpha: float = 3.0
    half_life_days: float = 45.0
    exponent: float = 0.5
    iterations: int = 6


def fit_column_factors(weights: sparse.csr_matrix, settings: Factorisation, *, seed: int, threads: int) -> NDArray[np.float32]:
    """Factorise a weighted matrix and return the factors of its columns; arguments as of `fit_factors`.

    Rows are forgotten: a row is folded in again from its weights (`training.artifacts.fold_in`) with the same exact solve.

    Returns:
        `(columns, factors)` float32.
    """
    return fit_factors(weights, settings, seed=seed, threads=threads)[1]


def fit_factors(
    weights: sparse.csr_matrix, settings: Factorisation, *, seed: int, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factorise a weighted matrix exactly as a bare `implicit` fit of the same settings would: nothing is added to it.

    Args:
        weights: CSR, float32, > 0 where there is an entry.
        settings: the grid point; a half-life and an exponent have already made `weights`.
        seed: of the starting factors; with equal `threads` equal seeds give equal factors.
        threads: of the fit.

    Returns:
        `(rows, factors)` and `(columns, factors)`, float32.
    """
    # implicit runs its own threads and warns, rightly, when the BLAS below it starts more
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=settings.factors,
            regularization=settings.regularization,
            alpha=settings.alpha,
            iterations=settings.iterations,
            num_threads=threads,
            random_state=seed,
        )
        model.fit(weights.astype(np.float32), show_progress=False)
    return np.asarray(model.user_factors, np.float32), np.asarray(model.item_factors, np.float32)
