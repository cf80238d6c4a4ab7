"""Expectations over a beta distribution: Gauss–Jacobi nodes and weights, exact for polynomials of degree below twice their number.

Golub, Welsch (1969): nodes are the eigenvalues of the symmetric tridiagonal matrix of the recurrence of the orthogonal polynomials,
weights the squared first components of its eigenvectors. NumPy only, because finished models serve without SciPy.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@lru_cache(maxsize=4096)  # a customer's number of orders decides the arguments: in a service they come again and again
def beta_quadrature(a: float, b: float, nodes: int = 40) -> tuple[Array, Array]:
    """Nodes and weights of E[f(p)], p ~ beta(a, b): `weights @ f(nodes)`.

    Args:
        a: of the beta distribution, above 0.
        b: of the beta distribution, above 0.
        nodes: their number.

    Returns:
        (nodes,) points within (0, 1), ascending, and (nodes,) weights that sum to 1.
    """
    # Jacobi polynomials P^(lower, upper) on (-1, 1), weight (1 - z)^lower (1 + z)^upper; p = (1 + z) / 2 has exponents b - 1 and a - 1.
    lower, upper = b - 1.0, a - 1.0
    total = lower + upper
    n = np.arange(nodes, dtype=np.float64)
    diagonal = np.empty(nodes)
    diagonal[0] = (upper - lower) / (total + 2.0)
    twice = 2.0 * n[1:] + total
    diagonal[1:] = (upper**2 - lower**2) / (twice * (twice + 2.0))
    k, twice = n[1:], 2.0 * n[1:] + total
    beside = np.empty(nodes - 1)
    beside[0] = 4.0 * (1.0 + lower) * (1.0 + upper) / ((total + 2.0) ** 2 * (total + 3.0))  # k + total cancels: total may be -1
    k, twice = k[1:], twice[1:]
    beside[1:] = 4.0 * k * (k + lower) * (k + upper) * (k + total) / (twice**2 * (twice + 1.0) * (twice - 1.0))
    matrix = np.diag(diagonal) + np.diag(np.sqrt(beside), 1) + np.diag(np.sqrt(beside), -1)
    values, vectors = np.linalg.eigh(matrix)
    points, weights = np.clip((1.0 + values) / 2.0, 0.0, 1.0), vectors[0] ** 2
    points.flags.writeable = weights.flags.writeable = False
    return points, weights
