"""Fits gamma–gamma by maximum likelihood (Fader, Hardie 2013, equation 1a)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from features.errors import TooLittleHistory
from training.artifacts.gamma_gamma import GammaGamma

_BOUND = 12.0  # |log parameter|; keeps the search finite on degenerate histories
_LEAST_Q = 1.001  # at q = 1 and below the population has no mean

Array = NDArray[np.float64]


def fit_gamma_gamma(orders: Array, mean: Array) -> GammaGamma:
    """Fit the three parameters.

    Args:
        orders: orders of each customer that `mean` is the mean of, (n,); customers without any are left out.
        mean: mean amount of them, (n,); amounts not above zero have no place in the model and are left out.

    Raises:
        TooLittleHistory: fewer than two customers with an amount above zero.
    """
    known = (orders > 0) & (mean > 0) & np.isfinite(mean)
    if known.sum() < 2:
        raise TooLittleHistory("Gamma–gamma needs at least two customers with orders of an amount above zero.")
    x, scale = orders[known], float(np.median(mean[known]))
    z = mean[known] / scale  # amounts near 1 keep the search well conditioned

    def negative_log_likelihood(log_parameters: Array) -> float:
        p, less, v = np.exp(log_parameters)
        q = less + _LEAST_Q
        likelihood = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(z) + p * x * np.log(x)
        return -float(np.mean(likelihood - (p * x + q) * np.log(v + x * z)))

    bounds = [(-_BOUND, _BOUND)] * 3
    starts = (np.array([1.0, 1.0, 0.0]), np.zeros(3))
    fits = [minimize(negative_log_likelihood, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    p, less, v = np.exp(min(fits, key=lambda fit: float(fit.fun)).x)
    return GammaGamma(p=float(p), q=float(less) + _LEAST_Q, v=float(v) * scale)
