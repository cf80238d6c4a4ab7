"""Baselines: fitted on closed labels only, on their own columns only, None where no label is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.feature_sets import CUSTOMER
from tests.training.conftest import SMALL, BuiltShop
from training.datasets.hazard_rows import Snapshots, naive
from training.evaluation.churn import Baseline
from training.models.churn_baselines import BGNBD, DIRECT, RECENCY, RFM, fit_churn_baselines

UNTIL = datetime(2023, 7, 30, tzinfo=UTC)
CONFIG = SMALL


def fitted(snapshots: Snapshots, until: datetime = UNTIL) -> dict[str, Baseline]:
    return fit_churn_baselines(snapshots, until=until, config=CONFIG, seed=1)


@pytest.fixture(scope="module")
def snapshots(shop: BuiltShop) -> Snapshots:
    return shop.snapshots


@pytest.fixture(scope="module")
def baselines(snapshots: Snapshots) -> dict[str, Baseline]:
    return fitted(snapshots)


@pytest.fixture(scope="module")
def judged(snapshots: Snapshots) -> Snapshots:
    return snapshots.at([UNTIL + timedelta(days=7)])


@pytest.mark.parametrize("name", [RECENCY, RFM, BGNBD, DIRECT])
def test_each_ranks_leavers_before_buyers(baselines: dict[str, Baseline], judged: Snapshots, name: str) -> None:
    p = baselines[name](judged.stored, 28)
    assert p is not None
    assert ((p >= 0) & (p <= 1)).all()
    assert roc_auc_score(judged.wait > 28, p) > 0.7


def test_recency_reads_recency_only(baselines: dict[str, Baseline], judged: Snapshots) -> None:
    column = CUSTOMER.columns.index("days_since_last_order")
    other = np.random.default_rng(0).random(judged.stored.shape) * 100
    other[:, column] = judged.stored[:, column]
    own, same = baselines[RECENCY](judged.stored, 28), baselines[RECENCY](other, 28)
    assert own is not None
    assert same is not None
    np.testing.assert_array_equal(own, same)
    assert (np.diff(own[np.argsort(judged.stored[:, column])]) >= 0).all()


@pytest.mark.parametrize("name", [RECENCY, RFM, DIRECT])
def test_labels_that_close_later_are_not_seen(snapshots: Snapshots, baselines: dict[str, Baseline], judged: Snapshots, name: str) -> None:
    open_then = snapshots.as_of + np.timedelta64(28, "D") > naive(UNTIL)
    other = Snapshots(
        snapshots.stored, snapshots.as_of, snapshots.customer, snapshots.customer_id, np.where(open_then, 1.0, snapshots.wait)
    )
    own, same = baselines[name](judged.stored, 28), fitted(other)[name](judged.stored, 28)
    assert own is not None
    assert same is not None
    np.testing.assert_array_equal(own, same)


def test_a_horizon_without_a_closed_label_is_not_predicted(snapshots: Snapshots, judged: Snapshots) -> None:
    early = fitted(snapshots, until=datetime(2023, 2, 19, tzinfo=UTC))
    for name in (RECENCY, RFM, DIRECT):
        assert early[name](judged.stored, 91) is None
    assert early[BGNBD](judged.stored, 91) is not None


def test_the_direct_model_is_the_same_on_any_number_of_threads(snapshots: Snapshots, judged: Snapshots) -> None:
    one, two = (
        fit_churn_baselines(snapshots, until=UNTIL, config=CONFIG, seed=1, threads=threads)[DIRECT](judged.stored, 28) for threads in (1, 2)
    )
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one, two)
