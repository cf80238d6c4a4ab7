"""Contenders that both studies have: plain ALS and EASE on the pairs alone."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.models.als import fit_factors
from training.models.ease import MOST_COLUMNS, EaseSettings, fit_ease
from training.studies.pair_lists.contender import Scored, Scorer
from training.studies.tuning import Between, Space

EASE_SPACE: Space = {"regularization": Between(1.0, 10_000.0, log=True)}
ALS_SPACE: Space = {
    "factors": Between(16, 256, log=True, whole=True),
    "regularization": Between(0.1, 1000.0, log=True),
    "alpha": Between(0.5, 100.0, log=True),
    "iterations": Between(4, 20, whole=True),
    "popularity_exponent": Between(0.0, 0.6),
}


class PairAlsSettings(BaseModel):
    """Plain ALS on binary pairs.

    Attributes:
        factors, regularization, alpha, iterations: `training.models.als.Factorisation`; the best of nine on made-up pairs, for a start.
        popularity_exponent: a pair weighs (the column's takers / their mean)^-exponent; at 0 the pairs go to implicit as they are.
    """

    model_config = ConfigDict(frozen=True)

    factors: int = 64
    regularization: float = 100.0
    alpha: float = 20.0
    iterations: int = 10
    popularity_exponent: float = 0.0


def fit_pair_als(pairs: BundlePairs, settings: PairAlsSettings, seed: int, threads: int) -> Scorer:
    """Factorise the pairs alone."""
    weights = pairs.bought
    if settings.popularity_exponent:
        takers = np.maximum(np.bincount(weights.indices, minlength=weights.shape[1]), 1)
        scale = (takers / takers.mean()) ** -settings.popularity_exponent
        weights = (weights @ sparse.diags(scale.astype(np.float32))).tocsr()
    users, columns = fit_factors(weights, settings, seed=seed, threads=threads)
    return lambda rows: np.asarray(users[rows] @ columns.T, np.float32)


def fit_pair_ease(pairs: BundlePairs, settings: EaseSettings, _seed: int, _threads: int) -> Scorer:
    """EASE on the pairs alone."""
    weights = fit_ease(pairs.bought, settings)
    return lambda rows: np.asarray(pairs.bought[rows] @ weights, np.float32)


def als(name: str) -> Scored[PairAlsSettings]:
    """The contender, as the table calls it."""
    return Scored(name, PairAlsSettings(), fit_pair_als, ALS_SPACE)


def ease(name: str) -> Scored[EaseSettings]:
    """The contender, as the table calls it."""
    why = "EASE inverts a dense matrix of columns × columns, which would take tens of gigabytes and hours."
    return Scored(name, EaseSettings(), fit_pair_ease, EASE_SPACE, most_columns=MOST_COLUMNS, why=why)
