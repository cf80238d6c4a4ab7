"""Fits BG/NBD by maximum likelihood (Fader, Hardie, Lee 2005, equation 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from features.errors import TooLittleHistory
from training.artifacts.bgnbd import BgNbd

_BOUND = 12.0  # |log parameter|; keeps the search finite on degenerate histories


def fit_bgnbd(repeats: NDArray[np.float64], last: NDArray[np.float64], age: NDArray[np.float64]) -> BgNbd:
    """Fit the four parameters.

    Args:
        repeats: repeat purchases per customer, same-day purchases counted once, (n,).
        last: time from first to last purchase, (n,).
        age: time from first purchase to the end of observation, (n,).

    Raises:
        TooLittleHistory: nobody bought twice.
    """
    require_repeats(repeats, "BG/NBD")
    scale = max(float(age.mean()), 1e-9)  # times near 1 keep the search well conditioned
    x, t_x, t = repeats, last / scale, age / scale

    def negative_log_likelihood(log_parameters: NDArray[np.float64]) -> float:
        r, alpha, a, b = np.exp(log_parameters)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + t)
        left = np.where(x > 0, betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x), -np.inf)
        return -float(np.mean(common + np.logaddexp(alive, left)))

    starts = (np.zeros(4), np.array([-1.0, 0.0, 0.0, 1.0]))
    bounds = [(-_BOUND, _BOUND)] * 4
    fits = [minimize(negative_log_likelihood, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    r, alpha, a, b = np.exp(min(fits, key=lambda fit: float(fit.fun)).x)
    return BgNbd(r=float(r), alpha=float(alpha) * scale, a=float(a), b=float(b))


def require_repeats(repeats: NDArray[np.float64], model: str = "BG/NBD") -> None:
    """Refuse a history in which nobody came back.

    Args:
        repeats: repeat purchases per customer, same-day purchases counted once, (n,).
        model: who needs them, for the message.

    Raises:
        TooLittleHistory: nobody bought twice.
    """
    if not (repeats > 0).any():
        raise TooLittleHistory(f"{model} needs at least one customer who bought on two days.")
