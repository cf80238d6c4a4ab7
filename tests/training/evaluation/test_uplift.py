"""Laws of the uplift measures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.uplift import DECILES, auuc, decile_uplift, qini_coefficient, top_shares, uqc

# Ten people by score 10, 9, …: treated every other one.
SCORE = np.arange(10.0, 0.0, -1.0)
TREATED = np.array([True, False] * 5)


def planted(seed: int, people: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True effect, outcome and arm: an effect between 0 and .4 on a base of .2."""
    rng = np.random.default_rng(seed)
    effect = rng.random(people) * 0.4
    treated = rng.random(people) < 0.5
    return effect, (rng.random(people) < 0.2 + effect * treated).astype(float), treated


def test_qini_by_hand() -> None:
    outcome = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 1], float)
    # after 2: one gained; after 4: two; at the end 2 treated responders − 1 control × 5/5
    qini = top_shares(SCORE, outcome, TREATED).qini()
    assert qini[[0, 2, 4, 8, 10]].tolist() == [0.0, 1.0, 2.0, 2.0, 1.0]
    # trapezoids of all eleven points, ÷ the triangle 1/2
    assert qini.tolist() == [0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 1]
    assert uqc(SCORE, outcome, TREATED) == pytest.approx((sum(qini) - 0.5) / 10 / 0.5)


def test_tied_people_are_worth_the_mean_over_their_orders() -> None:
    effect, outcome, treated = planted(1, 400)
    coarse = np.round(effect * 5)
    rng = np.random.default_rng(0)
    shuffled = []
    for _ in range(400):
        order = rng.permutation(len(coarse))
        shuffled.append(top_shares(coarse[order] + rng.random(len(order)) * 1e-6, outcome[order], treated[order]).outcome_treated)
    fair = top_shares(coarse, outcome, treated).outcome_treated
    assert np.abs(np.mean(shuffled, axis=0) - fair).max() < 0.5
    assert uqc(np.zeros(400), outcome, treated) == pytest.approx(1.0)
    assert qini_coefficient(np.zeros(400), outcome, treated) == pytest.approx(0.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_file_and_the_scale_of_the_score_do_not_matter(seed: int) -> None:
    effect, outcome, treated = planted(seed, 500)
    score = np.round(effect, 1)
    order = np.random.default_rng(seed).permutation(500)
    assert uqc(score, outcome, treated) == pytest.approx(uqc(3 * score[order] + 1, outcome[order], treated[order]))


def test_the_true_effect_ranks_best_and_chance_is_worth_nothing() -> None:
    rng = np.random.default_rng(5)
    by_chance, by_effect, reverse = [], [], []
    for seed in range(20):
        effect, outcome, treated = planted(seed)
        by_chance.append(qini_coefficient(rng.random(len(effect)), outcome, treated))
        by_effect.append(qini_coefficient(effect, outcome, treated))
        reverse.append(qini_coefficient(-effect, outcome, treated))
        noisy = qini_coefficient(effect + rng.normal(0, 0.3, len(effect)), outcome, treated)
        assert by_effect[-1] > noisy
    # theory: effect uniform on 0 … .4, so the area between gains s(.4 − .2 s) and .2 s is .4/2 − .2/3 − .1 = 1/30
    assert np.mean(by_effect) == pytest.approx(1 / 30, abs=0.003)
    assert np.mean(by_chance) == pytest.approx(0.0, abs=0.003)
    assert np.mean(reverse) == pytest.approx(-1 / 30, abs=0.003)


def test_deciles_show_the_effect_and_net_value_pays_for_the_treated() -> None:
    effect, outcome, treated = planted(3, 200_000)
    assert decile_uplift(effect, outcome, treated) == pytest.approx(np.arange(0.38, 0.0, -0.04), abs=0.02)
    worth = top_shares(effect, outcome, treated).net_value(value=10.0, cost=1.0)
    # gain per person .4 s − .2 s², × 10, less s
    assert worth == pytest.approx(10 * (0.4 * DECILES - 0.2 * DECILES**2) - DECILES, abs=0.06)
    assert worth[0] == 0
    # ∫ .4 s − .2 s² = .2 − .0667
    assert auuc(effect, outcome, treated) == pytest.approx(0.2 - 0.2 / 3, abs=0.003)


def test_an_effect_that_is_not_above_zero_has_no_uqc() -> None:
    assert np.isnan(uqc(SCORE, (~TREATED).astype(float), TREATED))


def test_an_arm_missing_from_the_top_is_no_error() -> None:
    treated = np.array([True] * 5 + [False] * 5)
    assert np.isfinite(top_shares(SCORE, np.ones(10), treated).qini()).all()
    assert np.isfinite(decile_uplift(SCORE, np.ones(10), treated)).all()
