"""Implicit ALS on users' baskets: what users bought, decayed per basket, factorised (Hu, Koren and Volinsky 2008)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]


class BasketAlsSettings(BaseModel):
    """Settings, named as `implicit` names them; the best of 7 tried in as much time as `TifuKnnSettings` had, on the same users.

    Attributes:
        factors: length of a factor vector.
        regularization: implicit does not scale it by frequency, so tuned values are large.
        alpha: factor on every weight.
        decay: factor on a user's basket per step back.
        exponent: a weight is the decayed number of baskets to this power.
        iterations: sweeps.
    """

    model_config = ConfigDict(frozen=True)

    factors: int = 102
    regularization: float = 2.8
    alpha: float = 7.7
    decay: float = 0.48
    exponent: float = 0.46
    iterations: int = 8


class BasketAls:
    """Factors of users and items."""

    def __init__(self, sequences: BasketSequences, settings: BasketAlsSettings, *, seed: int, threads: int) -> None:
        """Factorise.

        Args:
            sequences: histories of all users.
            settings: see `BasketAlsSettings`.
            seed: of the starting factors.
            threads: of the fit.
        """
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        pairs = sequences.pairs
        decayed = pairs.sums(sequences.decayed(settings.decay)) ** settings.exponent
        weights: sparse.csr_matrix = pairs.matrix(decayed, sequences.items)
        with threadpool_limits(1, "blas"):  # implicit runs its own threads
            model = AlternatingLeastSquares(
                factors=settings.factors,
                regularization=settings.regularization,
                alpha=settings.alpha,
                iterations=settings.iterations,
                num_threads=threads,
                random_state=seed,
            )
            model.fit(weights, show_progress=False)
        self._user_factors = np.asarray(model.user_factors, np.float32)
        self._item_factors = np.asarray(model.item_factors, np.float32)

    def scores(self, users: Ints) -> Scores:
        """Score of every item, `(n, items)`; `users` should be a batch."""
        return np.asarray(self._user_factors[users] @ self._item_factors.T, np.float32)
