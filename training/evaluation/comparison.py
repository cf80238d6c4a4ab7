"""Sets a ranking beside its baselines on the same customers, and its probabilities beside what happened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.evaluation.classification import expected_calibration_error, log_loss, perfect_calibration_error
from training.evaluation.ranking import RankingScores, bootstrap_intervals


def compare(
    ours: dict[str, RankingScores], peers: dict[str, dict[str, RankingScores]], *, parts: tuple[str, ...] = (), seed: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]], dict[str, tuple[float, float]]]:
    """Means, their intervals, and the paired difference to the best baseline of each measure.

    Args:
        ours: protocol → scores.
        peers: baseline → protocol → scores, the same customers.
        parts: peers that are a part of the model itself: shown, but never the baseline of a difference.
        seed: of the bootstrap.
    """
    metrics: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    differences: dict[str, tuple[float, float]] = {}
    for protocol, scores in ours.items():
        metrics |= scores.means()
        means = {name: peer[protocol].means() for name, peer in peers.items() if name not in parts}
        paired = {}
        for metric, values in scores.by_customer.items():
            if "repeat_share" not in metric:
                best = max(means, key=lambda name: means[name][metric])
                paired[f"{metric} vs {best}"] = values - peers[best][protocol].by_customer[metric]
        drawn = bootstrap_intervals([*scores.by_customer.values(), *paired.values()], seed=seed)
        intervals |= zip(scores.by_customer, drawn, strict=False)
        differences |= zip(paired, drawn[len(scores.by_customer) :], strict=True)
    return metrics, intervals, differences


def judge_probabilities(probabilities: NDArray[np.float64], bought: NDArray[np.float64], *, seed: int) -> dict[str, float]:
    """Calibration and log loss of the probabilities of the pairs that offers can come from.

    Args:
        probabilities: `(n,)` predicted.
        bought: `(n,)` 0 or 1.
        seed: of the draws of a perfectly calibrated model on the same pairs.
    """
    return {
        "ece_candidates": expected_calibration_error(bought, probabilities),
        "ece_candidates_if_perfect_95th": perfect_calibration_error(probabilities, seed=seed, draws=40),
        "log_loss_candidates": log_loss(bought, probabilities),
        "log_loss_candidates_constant": log_loss(bought, np.full_like(bought, bought.mean())),
    }
