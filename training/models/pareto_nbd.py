"""Fits Pareto/NBD by maximum likelihood (Fader, Hardie 2005, "A Note on Deriving the Pareto/NBD Model")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from training.artifacts.pareto_nbd import ParetoNbd
from training.models.bgnbd import require_repeats

_FIRST_LOOK = 3_000  # different histories that choose among the starts; the best goes on with all
_BOUND = 12.0  # |log parameter|; keeps the search finite on degenerate histories

Array = NDArray[np.float64]


def fit_pareto_nbd(repeats: Array, last: Array, age: Array) -> ParetoNbd:
    """Fit the four parameters.

    Args:
        repeats: repeat purchases per customer, same-day purchases counted once, (n,).
        last: time from first to last purchase, (n,).
        age: time from first purchase to the end of observation, (n,).

    Raises:
        TooLittleHistory: nobody bought twice.
    """
    require_repeats(repeats, "Pareto/NBD")
    scale = max(float(age.mean()), 1e-9)  # times near 1 keep the search well conditioned
    # Equal histories are looked at once: most customers of a young shop bought once, on one of a few days.
    rows, counts = np.unique(np.column_stack([repeats, last / scale, age / scale]), axis=0, return_counts=True)
    few = np.linspace(0, len(rows) - 1, min(len(rows), _FIRST_LOOK)).astype(int)
    looks = [_descend(rows[few], counts[few], start) for start in (np.zeros(4), np.array([-0.5, -1.0, -0.5, -1.0]))]
    _, best = min(looks, key=lambda found: found[0])
    _, best = _descend(rows, counts, best)
    r, alpha, s, beta = np.exp(best)
    return ParetoNbd(r=float(r), alpha=float(alpha) * scale, s=float(s), beta=float(beta) * scale)


def _descend(rows: Array, counts: NDArray[np.int64], start: Array) -> tuple[float, Array]:
    """Loss and log parameters that the search reaches from a start."""
    x, t_x, t = (np.ascontiguousarray(column) for column in rows.T)
    share = counts / counts.sum()

    def negative_log_likelihood(log_parameters: Array) -> float:
        r, alpha, s, beta = (float(value) for value in np.exp(log_parameters))
        model = ParetoNbd(r=r, alpha=alpha, s=s, beta=beta)
        return -float(share @ (gammaln(r + x) - gammaln(r) + model.log_history(x, t_x, t)))

    fit = minimize(negative_log_likelihood, start, method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 4)
    return float(fit.fun), np.asarray(fit.x)
