from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS
from training.datasets.category_rows import CategorySnapshots
from training.evaluation.repurchase import judge_repurchase
from training.recipe import Evaluation

HORIZONS = (7, 14, 28)


def judged(customers: int, pairs: int, seed: int = 4) -> tuple[CategorySnapshots, dict[int, np.ndarray]]:
    """Waits drawn from known hazards, so that the returned probabilities are exactly right."""
    rng = np.random.default_rng(seed)
    n = customers * pairs
    hazard = rng.beta(1, 8, n) * np.repeat(rng.gamma(4, 0.25, customers), pairs).clip(0.1, 2)
    rate = -np.log1p(-hazard.clip(0.001, 0.9)) / 7
    wait = rng.exponential(1 / rate)
    category = np.zeros((n, len(CATEGORY_INPUTS)))
    category[:, CATEGORY_INPUTS.index("quantity_recent")] = 2.0
    category[:, CATEGORY_INPUTS.index("quantity_last")] = rng.integers(1, 4, n)
    snapshots = CategorySnapshots(
        category=category,
        customer=np.zeros((n, len(CUSTOMER_INPUTS))),
        as_of=np.full(n, np.datetime64("2023-05-01T00:00:00", "us")),
        customer_code=np.repeat(np.arange(customers), pairs),
        wait=wait,
        next_quantity=np.full(n, 2.0),
    )
    return snapshots, {h: -np.expm1(-rate * h) for h in HORIZONS}


def judge(customers: int = 150, pairs: int = 30) -> tuple[CategorySnapshots, dict[int, np.ndarray], Evaluation]:
    snapshots, p = judged(customers, pairs)
    noise = np.random.default_rng(1).random(len(snapshots.wait))
    worse = {h: (q + 0.2 * noise).clip(0, 1) for h, q in p.items()}
    return snapshots, p, judge_repurchase("repurchase", p, snapshots, probable={"worse": worse}, ranked={"chance": noise}, seed=9)


def test_figures_equal_the_library_and_lie_in_their_intervals() -> None:
    snapshots, p, evaluation = judge()
    for h in HORIZONS:
        y = snapshots.wait <= h
        assert evaluation.metrics[f"auc_{h}d"] == pytest.approx(roc_auc_score(y, p[h]))
        assert evaluation.metrics[f"pr_auc_{h}d"] == pytest.approx(average_precision_score(y, p[h]))
        assert evaluation.metrics[f"log_loss_{h}d"] == pytest.approx(log_loss(y, p[h]))
        for key in ("auc", "pr_auc", "log_loss"):
            low, high = evaluation.intervals[f"{key}_{h}d"]
            assert low < evaluation.metrics[f"{key}_{h}d"] < high < low + 0.15


def test_the_binned_bootstrap_is_that_of_the_exact_area() -> None:
    snapshots, p, evaluation = judge()
    y, rng = snapshots.wait <= 14, np.random.default_rng(2)
    exact = []
    for _ in range(200):
        drawn = rng.integers(0, 150, 150)
        rows = (drawn[:, None] * 30 + np.arange(30)).ravel()
        exact.append(average_precision_score(y[rows], p[14][rows]))
    low, high = evaluation.intervals["pr_auc_14d"]
    assert (low, high) == pytest.approx(tuple(np.quantile(exact, [0.025, 0.975])), abs=0.012)


def test_the_paired_difference_is_against_the_best_peer() -> None:
    _, _, evaluation = judge()
    assert evaluation.differences["pr_auc_14d vs worse"][0] > 0
    assert evaluation.differences["log_loss_28d vs worse"][1] < 0
    assert not any(key.endswith("vs chance") for key in evaluation.differences if key.startswith(("auc", "pr_auc_14d")))


def test_the_list_and_the_ranking_of_the_month_are_compared_with_every_peer() -> None:
    _, _, evaluation = judge()
    for key in ("pr_auc_28d", "hit_rate_5", "hit_rate_5_28d"):
        against = [name.removeprefix(f"{key} vs ") for name in evaluation.differences if name.startswith(f"{key} vs ")]
        assert sorted(against) == ["chance", "worse"]
    assert evaluation.differences["pr_auc_28d vs chance"][0] > evaluation.differences["pr_auc_28d vs worse"][0] > 0


def test_probabilities_that_are_right_are_calibrated() -> None:
    _, _, evaluation = judge()
    assert evaluation.metrics["ece_28d"] < 0.025
    assert evaluation.baselines["worse"]["ece_28d"] > 0.08
    assert evaluation.metrics["ece_28d"] <= evaluation.metrics["ece_perfect_p95_28d"] < evaluation.baselines["worse"]["ece_28d"]


def test_lists_by_hand() -> None:
    snapshots, _ = judged(2, 7)
    wait = np.full(14, np.inf)
    wait[[0, 1, 12]] = 3.0  # the first customer buys the pairs 0 and 1, the second buys the pair that is ranked last but one
    object.__setattr__(snapshots, "wait", wait)
    score = np.tile(np.arange(7.0, 0.0, -1.0), 2) / 10
    evaluation = judge_repurchase("repurchase", dict.fromkeys(HORIZONS, score), snapshots, probable={}, ranked={}, seed=1)
    assert evaluation.metrics["hit_rate_5"] == 0.5
    assert evaluation.metrics["precision_5"] == pytest.approx((2 / 5 + 0) / 2)


def test_each_list_is_ranked_by_the_chance_within_its_own_horizon() -> None:
    snapshots, _ = judged(1, 7)
    wait = np.full(7, np.inf)
    wait[0], wait[6] = 3.0, 20.0
    object.__setattr__(snapshots, "wait", wait)
    rising, falling = np.arange(1.0, 8.0) / 10, np.arange(7.0, 0.0, -1.0) / 10
    own = {7: rising, 14: rising, 28: falling}
    evaluation = judge_repurchase("repurchase", own, snapshots, probable={}, ranked={"falling": falling}, seed=1)
    # Within 14 days only the pair 0 is bought, which the 14-day chance leaves out of its five; within 28 days both are.
    assert (evaluation.metrics["hit_rate_5"], evaluation.metrics["precision_5"]) == (0.0, 0.0)
    assert (evaluation.metrics["hit_rate_5_28d"], evaluation.metrics["precision_5_28d"]) == (1.0, pytest.approx(1 / 5))
    assert evaluation.baselines["falling"]["hit_rate_5"] == 1.0


def test_equal_scores_do_not_profit_from_the_order_of_rows() -> None:
    snapshots, _ = judged(400, 10)
    first = np.arange(len(snapshots.wait)) % 10 < 5
    object.__setattr__(snapshots, "wait", np.where(first, 1.0, np.inf))
    flat = np.full(len(first), 0.5)
    evaluation = judge_repurchase("repurchase", dict.fromkeys(HORIZONS, flat), snapshots, probable={}, ranked={}, seed=1)
    assert evaluation.metrics["precision_5"] == pytest.approx(0.5, abs=0.05)
    assert evaluation.metrics["auc_14d"] == pytest.approx(0.5)


def test_the_quantity_is_judged_beside_the_last() -> None:
    snapshots, _, evaluation = judge()
    bought = snapshots.wait <= 28
    last = np.abs(snapshots.category[bought, CATEGORY_INPUTS.index("quantity_last")] - 2.0).mean()
    assert evaluation.metrics["quantity_mae"] == 0.0
    assert evaluation.baselines["last quantity"]["quantity_mae"] == pytest.approx(last)
