"""The posterior as it serves: what is new borrows, draws repeat and agree with the beliefs, the file is checked."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.decisions.state import STATE
from training.artifacts.effect_design import COLUMNS, OWN, EffectDesign
from training.artifacts.folder import ArtifactBroken, Manifest
from training.artifacts.offer_effect import KIND, STATE_HASH, EffectHeader, Levels, OfferEffect

LEVELS = Levels(shared=0.05, of_type=0.04, own=0.03, shared_slope=0.02, type_slope=0.01, own_slope=0.01)
OFFERS = [("coupon:a", "coupon"), ("coupon:new", "coupon"), ("winback", "winback"), ("gift:1", "gift"), ("gift:2", "gift")]
P0 = np.array([0.3, 0.3, 0.1, 0.3, 0.3])


def random_state(count: int, seed: int = 3) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(1.0, 0.5, (count, len(STATE))))


def model(seed: int = 1, types: tuple[str, ...] = ("coupon", "winback")) -> OfferEffect:
    random = np.random.default_rng(seed)
    m = len(COLUMNS) * (1 + len(types)) + OWN * 2
    root = random.normal(0, 0.001, (m, m))
    header = EffectHeader(
        horizon_days=28,
        types=types,
        offers=(("coupon:a", "coupon"), ("winback", "winback")),
        design=EffectDesign.of(random_state(500), random.uniform(0.01, 0.6, 500)),
        least_spread=0.02,
        levels=LEVELS,
        decisions=10,
        rows=20,
        learned_until="2024-01-01T00:00:00+00:00",
    )
    return OfferEffect(header, random.normal(0, 0.01, m), root @ root.T)


def step(effect: OfferEffect, state: np.ndarray) -> np.ndarray:
    return effect.header.design.step(np.tile(state, (len(P0), 1)), P0, 0.02)


def manifest() -> Manifest:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    return Manifest(name=KIND, kind=KIND, feature_set_hash=STATE_HASH, data_from=at, data_until=at, input_hash="x")


def test_an_effect_is_the_shops_and_its_types_and_its_own() -> None:
    effect, state = model(), random_state(1)[0]
    columns = effect.header.design(state[None, :], P0[:1])[0]
    width = len(COLUMNS)
    expected = columns @ (effect.mean[:width] + effect.mean[width : 2 * width]) + columns[:OWN] @ effect.mean[3 * width : 3 * width + OWN]
    mean, sd = effect.beliefs(state, OFFERS, P0)
    assert mean[0] == pytest.approx(expected * step(effect, state)[0])
    assert (sd > 0).all()


def test_what_is_new_borrows_from_its_type_or_from_the_shop_and_is_less_sure() -> None:
    effect, state = model(), random_state(1)[0]
    assert effect.learned(OFFERS) == [True, True, True, False, False]
    columns = effect.header.design(state[None, :], P0[:1])[0]
    mean, sd = effect.beliefs(state, OFFERS, P0)
    shop = columns @ effect.mean[: len(COLUMNS)] * step(effect, state)[3]
    assert mean[3] == pytest.approx(shop)
    assert mean[3] == pytest.approx(mean[4])
    unseen = columns**2 @ LEVELS.of_a_type() + columns[:OWN] ** 2 @ LEVELS.of_an_offer()
    width = len(COLUMNS)
    seen = columns @ effect.covariance[:width, :width] @ columns
    assert sd[3] == pytest.approx(step(effect, state)[3] * np.sqrt(seen + unseen))


def test_many_customers_at_once_are_the_same_as_one_by_one() -> None:
    effect, state = model(), random_state(7)
    state[2, :] = np.nan
    p0 = np.random.default_rng(2).uniform(0.01, 0.9, (7, len(OFFERS)))
    mean, sd = effect.beliefs(state, OFFERS, p0)
    for row in range(7):
        one_mean, one_sd = effect.beliefs(state[row], OFFERS, p0[row])
        np.testing.assert_allclose(mean[row], one_mean, atol=1e-12)
        np.testing.assert_allclose(sd[row], one_sd, atol=1e-12)


def test_draws_repeat_and_have_the_mean_spread_and_ties_of_what_is_believed() -> None:
    effect, state = model(), random_state(1)[0]
    drawn = effect.draws(state, OFFERS, P0, 40_000, seed=9)
    np.testing.assert_array_equal(drawn, effect.draws(state, OFFERS, P0, 40_000, seed=9))
    mean, sd = effect.beliefs(state, OFFERS, P0)
    inside = (drawn > -P0) & (drawn < 1 - P0)
    assert inside.mean() > 0.97
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.004)
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.05)
    assert np.corrcoef(drawn[:, 3], drawn[:, 4])[0, 1] > np.corrcoef(drawn[:, 0], drawn[:, 4])[0, 1]


def test_the_same_offer_twice_can_be_drawn() -> None:
    drawn = model().draws(random_state(1)[0], [OFFERS[0], OFFERS[0]], P0[:2], 50, seed=1)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 1], atol=1e-4)


def test_a_customer_of_whom_nothing_is_known_is_an_average_one() -> None:
    mean, sd = model().beliefs(np.full(len(STATE), np.nan), OFFERS, P0)
    assert np.isfinite(mean).all()
    assert np.isfinite(sd).all()


def test_save_and_load_are_an_identity_and_another_size_is_refused(tmp_path: Path) -> None:
    effect = model()
    effect.save(tmp_path / "a", manifest())
    again = OfferEffect.load(tmp_path / "a")
    assert again.header == effect.header
    np.testing.assert_array_equal(again.covariance, effect.covariance)
    OfferEffect(effect.header, effect.mean[:-1], effect.covariance).save(tmp_path / "b", manifest())
    with pytest.raises(ArtifactBroken, match="numbers where"):
        OfferEffect.load(tmp_path / "b")


def test_beliefs_about_one_customer_take_milliseconds_at_most() -> None:
    effect = model(types=tuple(f"type{i}" for i in range(8)))
    state, offers, p0 = random_state(1)[0], [(f"o{i}", f"type{i % 8}") for i in range(20)], np.full(20, 0.2)
    effect.beliefs(state, offers, p0)
    best = min(_seconds(lambda: effect.beliefs(state, offers, p0)) for _ in range(30))
    assert best < 0.005  # 0.2 ms on a quiet machine


def _seconds(call: object) -> float:
    assert callable(call)
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
