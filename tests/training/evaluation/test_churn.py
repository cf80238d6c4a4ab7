"""The judge of churn: closed labels only, the same rows for every baseline, paired differences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.feature_sets import CUSTOMER
from training.datasets.hazard_rows import Snapshots, naive
from training.evaluation.churn import judge_churn
from training.evaluation.classification import expected_calibration_error
from training.recipe import Evaluation

FIRST = datetime(2023, 5, 7, tzinfo=UTC)
RATE = 0  # column of the stored row that carries the customer's own rate in these tests


class KnownRates:
    """Survival of customers whose orders come at a known rate."""

    def survival(self, stored: np.ndarray, days: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(-stored[:, [RATE]] * days[None, :]))


def same(stored: np.ndarray, horizon: int) -> np.ndarray:
    return KnownRates().survival(stored, np.array([float(horizon)]))[:, 0]


def constant(stored: np.ndarray, horizon: int) -> np.ndarray:
    return np.full(len(stored), 0.5)


def unfitted(stored: np.ndarray, horizon: int) -> None:
    return None


def judged_rows(n: int = 1500) -> Snapshots:
    rng = np.random.default_rng(6)
    stored = np.zeros((2 * n, len(CUSTOMER.columns)))
    stored[:, RATE] = np.tile(rng.uniform(0.005, 0.08, n), 2)
    as_of = np.repeat([naive(FIRST), naive(FIRST + timedelta(days=28))], n)
    customer = np.tile(np.arange(n), 2)
    wait = rng.exponential(1 / stored[:, RATE])
    return Snapshots(stored, as_of, customer, customer.astype(str), wait)


@pytest.fixture(scope="module")
def rows() -> Snapshots:
    return judged_rows()


@pytest.fixture(scope="module")
def evaluation(rows: Snapshots) -> Evaluation:
    baselines = {"same": same, "constant": constant, "unfitted": unfitted}
    return judge_churn("return_hazard", KnownRates(), baselines, rows, now=FIRST + timedelta(days=60), seed=1)


def test_only_closed_labels_are_judged(rows: Snapshots, evaluation: Evaluation) -> None:
    # 60 days after the first date: 28 days are closed for both dates, 56 for the first only, 91 for none.
    first = rows.as_of == naive(FIRST)
    for horizon, closed in ((28, np.ones(len(first), bool)), (56, first)):
        label, predicted = rows.wait[closed] > horizon, same(rows.stored[closed], horizon)
        assert evaluation.metrics[f"auc_{horizon}d"] == pytest.approx(roc_auc_score(label, predicted))
        assert evaluation.metrics[f"ece_{horizon}d"] == pytest.approx(expected_calibration_error(label.astype(float), predicted))
    assert not [name for name in evaluation.metrics if name.endswith("_91d")]
    assert any(note.startswith("91 days") for note in evaluation.notes)


def test_a_true_model_is_within_the_bound_of_perfect_calibration(evaluation: Evaluation) -> None:
    assert evaluation.metrics["ece_28d"] < 1.3 * evaluation.metrics["ece_perfect_p95_28d"]


def test_every_baseline_carries_every_metric_of_the_model(evaluation: Evaluation) -> None:
    measured = {name for name in evaluation.metrics if "perfect" not in name}
    assert set(evaluation.baselines) == {"same", "constant"}
    for values in evaluation.baselines.values():
        assert set(values) == measured


def test_differences_are_paired(evaluation: Evaluation) -> None:
    assert evaluation.differences["auc_28d vs same"] == (0.0, 0.0)
    low, high = evaluation.differences["auc_28d vs constant"]
    assert 0 < low < evaluation.metrics["auc_28d"] - 0.5 < high
    low, high = evaluation.differences["log_loss_28d vs constant"]
    assert low < high < 0


def test_intervals_hold_the_metric(evaluation: Evaluation) -> None:
    for name in ("auc_28d", "log_loss_28d", "auc_56d"):
        low, high = evaluation.intervals[name]
        assert low < evaluation.metrics[name] < high


def test_a_baseline_that_could_not_be_fitted_is_told(evaluation: Evaluation) -> None:
    assert any(note.startswith("unfitted: no closed 28-day label") for note in evaluation.notes)
    assert not [name for name in evaluation.differences if "unfitted" in name]


def test_survival_curves_fall_and_are_ordered_by_risk(evaluation: Evaluation) -> None:
    quarters = [c for c in evaluation.curves if c.plot.startswith("Survival")]
    assert len(quarters) == 4
    for curve in quarters:
        assert curve.y[0] == 1.0
        assert curve.y == sorted(curve.y, reverse=True)
    ends = [curve.y[4] for curve in quarters]
    assert ends == sorted(ends)


def test_one_outcome_is_not_judged() -> None:
    rows = judged_rows(50)
    nobody = Snapshots(rows.stored, rows.as_of, rows.customer, rows.customer_id, np.full(len(rows.wait), np.inf))
    evaluation = judge_churn("return_hazard", KnownRates(), {"same": same}, nobody, now=FIRST + timedelta(days=200), seed=1)
    assert evaluation.metrics == {}
    assert len(evaluation.notes) == 4


def test_the_same_seed_gives_the_same_evaluation(rows: Snapshots, evaluation: Evaluation) -> None:
    baselines = {"same": same, "constant": constant, "unfitted": unfitted}
    again = judge_churn("return_hazard", KnownRates(), baselines, rows, now=FIRST + timedelta(days=60), seed=1)
    assert again == evaluation
