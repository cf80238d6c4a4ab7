"""Stacked implicit ALS: bundles recommended from what users took, alone and in sets.

One block matrix is factorised. Rows are users and bundles, columns are bundles and items, so that a bundle is known both by who took it and
by what it holds: `[[UB, d·UI], [e·I, c·BI·n^-p]]` with n the bundle's number of items. Measured figures: docs/evidence.md, "Bundles".
The product's bundle model (`training.models.bundle_stack`) factorises the same matrix with weights that decay with time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.bundle_pairs import BundlePairs
from training.models.als import fit_factors


class BundleWeights(Protocol):
    """How much a bundle's own row weighs in the block matrix."""

    @property
    def content_weight(self) -> float:
        """c, an item in a bundle's row."""
        ...

    @property
    def identity_weight(self) -> float:
        """e, the bundle's own column in its row."""
        ...

    @property
    def size_exponent(self) -> float:
        """p, by which large bundles' items count less."""
        ...


class StackedAlsSettings(BaseModel):
    """Shipped values won 249 trials on Youshu's validation pairs (docs/evidence.md, "Bundles").

    Attributes:
        factors, regularization, alpha, iterations: `training.models.als.Factorisation`.
        item_weight: d, an item in a user's row.
        content_weight, identity_weight, size_exponent: `BundleWeights`.
    """

    model_config = ConfigDict(frozen=True)

    factors: int = 128
    regularization: float = 84.3
    alpha: float = 12.2
    iterations: int = 8
    item_weight: float = 0.39
    content_weight: float = 0.84
    identity_weight: float = 2.99
    size_exponent: float = 0.061


@dataclass(frozen=True)
class StackedFactors:
    """What the factorisation says about everybody and everything.

    Attributes:
        users: `(n_users, f)`.
        bundles: `(n_bundles, f)`, bundles as columns; `users @ bundles.T` are the scores.
        contents: `(n_bundles, f)`, bundles as rows: what somebody who holds exactly this bundle's items would be.
        items: `(n_items, f)`.
    """

    users: NDArray[np.float32]
    bundles: NDArray[np.float32]
    contents: NDArray[np.float32]
    items: NDArray[np.float32]


def bundle_rows(contents: sparse.csr_matrix, weights: BundleWeights) -> sparse.csr_matrix:
    """The lower blocks `[e·I, c·BI·n^-p]`.

    Args:
        contents: CSR `(n_bundles, n_items)` of ones.
        weights: of the blocks.
    """
    sizes = np.maximum(np.diff(contents.indptr), 1).astype(np.float64)  # a bundle of unknown contents has no items to shrink
    shrink = sparse.diags(weights.content_weight * sizes**-weights.size_exponent)
    identity = weights.identity_weight * sparse.identity(contents.shape[0], format="csr")
    return sparse.hstack([identity, shrink @ contents]).tocsr()


def fit_stacked_als(pairs: BundlePairs, settings: StackedAlsSettings, *, seed: int, threads: int) -> StackedFactors:
    """Factorise pairs and contents together.

    Args:
        pairs: what is known of users and bundles; without contents and users' items only `[[UB], [e·I]]` is left.
        settings: weights of the blocks and of the factorisation.
        seed: of the starting factors.
        threads: of the fit.
    """
    above = sparse.hstack([pairs.bought, settings.item_weight * pairs.items])
    stacked = sparse.vstack([above, bundle_rows(pairs.contents, settings)]).tocsr()
    stacked.eliminate_zeros()
    rows, columns = fit_factors(stacked.astype(np.float32), settings, seed=seed, threads=threads)
    users, bundles = pairs.bought.shape
    return StackedFactors(users=rows[:users], bundles=columns[:bundles], contents=rows[users:], items=columns[bundles:])
