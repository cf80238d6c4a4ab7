"""What effects are held against: the prior, one effect for all, the response taken for the effect, two LightGBMs and their difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artifacts.effect_prior import EffectPrior, bounded, spread
from training.datasets.effect_rows import EffectRows
from training.models.uplift.boosted import BoostedConfig, boost

Array = NDArray[np.float64]

PRIOR, ONE, RESPONSE, TWO = "prior", "one effect for all", "response model", "two LightGBMs"
_MOST = 60_000  # rows of each arm that a LightGBM reads; of more, so many are drawn
_TREES = BoostedConfig(num_leaves=15, rounds=60, min_data_in_leaf=50)


def baseline_effects(
    rows: EffectRows, columns: Array, expected: Array, judged: EffectRows, judged_columns: Array, *, prior: EffectPrior, seed: int
) -> dict[str, Array]:
    """τ of the judged rows by every baseline.

    Args:
        rows: to learn from.
        columns: (n, len(COLUMNS)) of them.
        expected: (n,) their cross-fitted m(x).
        judged: rows of other customers.
        judged_columns: of those.
        prior: the policy's.
        seed: draws rows where there are many.
    """
    step, centred = spread(rows.p0, prior.least_spread), rows.treated - rows.chance
    weight = (centred * step) ** 2
    one = float((centred * step * (rows.outcome - expected)).sum() / max(weight.sum(), 1e-12))
    own = spread(judged.p0, prior.least_spread)
    given, silent = (_grown(arm, rows, columns, _inputs(judged, judged_columns), seed=seed) for arm in (1.0, 0.0))
    return {
        PRIOR: bounded(prior.mean * own, judged.p0),
        ONE: bounded(one * own, judged.p0),
        RESPONSE: given,
        TWO: given - silent,
    }


def _grown(arm: float, rows: EffectRows, columns: Array, judged: Array, *, seed: int) -> Array:
    """Response of one arm, learned by a LightGBM, for the judged inputs."""
    mine = np.flatnonzero(rows.treated == arm)
    if len(mine) > _MOST:
        mine = np.sort(np.random.default_rng(seed).choice(mine, _MOST, replace=False))
    inputs, levels = _inputs(rows, columns), (*(0 for _ in range(columns.shape[1] + 1)), len(rows.offers))
    model = boost(inputs[mine], levels, rows.outcome[mine], _TREES, seed=seed, kind="binary")
    return model.expected(judged)


def _inputs(rows: EffectRows, columns: Array) -> Array:
    return np.column_stack([columns, rows.p0, rows.offer])
