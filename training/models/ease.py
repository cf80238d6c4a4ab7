"""EASE: a linear item-to-item model in closed form. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (2019)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

MOST_COLUMNS = 20_000  # the weights are dense: 3.2 GB and some minutes on two cores at this width


class EaseSettings(BaseModel):
    """What may be set.

    Attributes:
        regularization: λ on the diagonal; 200 is what Youshu was measured with (docs/evidence.md); larger sets want more.
    """

    model_config = ConfigDict(frozen=True)

    regularization: float = 200.0


def fit_ease(pairs: sparse.csr_matrix, settings: EaseSettings) -> NDArray[np.float32]:
    """Weights `(columns, columns)` with a zero diagonal; a row's scores are `row @ weights`.

    Args:
        pairs: CSR rows × columns, binary; at most `MOST_COLUMNS` wide.
        settings: regularization > 0 makes the matrix regular whatever the pairs are.
    """
    gram = np.asarray((pairs.T @ pairs).todense(), np.float64)
    gram[np.diag_indices_from(gram)] += settings.regularization
    inverse = _inverse(gram)
    weights = np.divide(inverse, -np.diag(inverse), out=inverse)
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32)


def _inverse(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of a positive definite matrix, by Cholesky: half the work and memory of a general one."""
    from scipy.linalg import lapack

    factor, failed = lapack.dpotrf(gram, lower=0, overwrite_a=1)
    upper, failed_too = lapack.dpotri(factor, lower=0, overwrite_c=1)
    if failed or failed_too:  # a λ far below the rounding of the counts
        raise np.linalg.LinAlgError(f"EASE needs a greater regularization (LAPACK {failed}, {failed_too}).")
    upper = np.triu(upper)  # LAPACK leaves the other half as it found it
    upper += np.triu(upper, 1).T
    return np.asarray(upper)
