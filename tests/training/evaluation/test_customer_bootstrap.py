from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluation.customer_bootstrap import DRAWS, CustomerRows, Measure, Ranking

DAY = np.datetime64("2023-05-01T00:00:00", "us")


def rows(customers: int, each: int) -> CustomerRows:
    return CustomerRows.of(np.repeat(np.arange(customers), each) * 10, np.full(customers * each, DAY), seed=3)


def test_areas_are_exact_with_ties_and_their_draws_are_near() -> None:
    rng = np.random.default_rng(1)
    judged, score = rows(80, 25), np.round(rng.random(2000) * 30)
    y = (rng.random(2000) < score / 60).astype(float)
    areas = Ranking.of(judged, score).areas(judged, y)
    assert areas["auc"].value == pytest.approx(roc_auc_score(y, score))
    assert areas["pr_auc"].value == pytest.approx(average_precision_score(y, score))
    drawn = np.repeat(judged.draws[0], 25)
    assert areas["auc"].draws[0] == pytest.approx(roc_auc_score(y, score, sample_weight=drawn), abs=1e-9)
    assert areas["pr_auc"].draws[0] == pytest.approx(average_precision_score(y, score, sample_weight=drawn), abs=1e-9)


def test_customers_are_drawn_whole() -> None:
    judged = rows(6, 4)
    mean = judged.mean(np.repeat([1.0, 0, 0, 0, 0, 0], 4))
    np.testing.assert_allclose(mean, judged.draws[:, 0] / 6)
    assert judged.draws.shape == (DRAWS, 6)
    assert np.all(judged.draws.sum(axis=1) == 6)


def test_a_draw_without_a_purchase_is_left_out_of_the_interval() -> None:
    judged = rows(4, 3)
    y = np.zeros(12)
    y[0] = 1.0  # only the first customer buys
    area = Ranking.of(judged, -np.arange(12.0)).areas(judged, y)["auc"]
    assert np.isnan(area.draws[judged.draws[:, 0] == 0]).all()
    assert area.interval() == (1.0, 1.0)


def test_a_difference_is_paired() -> None:
    draws = np.random.default_rng(2).random(200)
    low, high = Measure(0.5, draws + 0.1).interval(Measure(0.4, draws))
    assert (low, high) == pytest.approx((0.1, 0.1))
