"""Reasons: the effect is what the model itself says, in both languages, and noise is none."""

from __future__ import annotations

import re

import numpy as np
import pytest

from features.feature_sets import CUSTOMER
from tests.training.conftest import BuiltShop, FittedHazard
from training.artifacts.reasons import CAUSES, Cause, Reason
from training.artifacts.return_hazard import ReturnHazard

COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def model(hazard: FittedHazard) -> ReturnHazard:
    return hazard.model


@pytest.fixture(scope="module")
def customers(shop: BuiltShop) -> np.ndarray:
    return shop.snapshots.stored[::400]


def cause_of(reason: Reason) -> Cause:
    return next(c for c in CAUSES if reason.code in {c.raises[0], c.lowers[0]})


def replaced(model: ReturnHazard, row: np.ndarray, cause: Cause) -> np.ndarray:
    other = row.copy()
    for name in cause.features:
        if np.isnan(row[COLUMN[name]]):
            continue  # what is not known of the customer is no cause
        value = model.header.reference[COLUMN[name]]
        other[COLUMN[name]] = np.nan if value is None else value
    if cause.features == ("days_since_last_order",) and not np.isnan(row[COLUMN["gap_mean"]]):
        other[COLUMN["days_since_last_order"]] = row[COLUMN["gap_mean"]]
    return other


@pytest.mark.parametrize("horizon", [14, 28, 56])
def test_replacing_a_cause_moves_the_prediction_by_its_effect(model: ReturnHazard, customers: np.ndarray, horizon: int) -> None:
    told = 0
    for row in customers:
        own = model.churn_probability(row[None, :], horizon)[0]
        for reason in model.reasons(row, horizon_days=horizon, limit=len(CAUSES)):
            cause = cause_of(reason)
            without = model.churn_probability(replaced(model, row, cause)[None, :], horizon)[0]
            assert own - without == pytest.approx(reason.effect, abs=6e-5)
            assert reason.code == (cause.raises if reason.effect > 0 else cause.lowers)[0]
            told += 1
    assert told > len(customers)


def named(row: np.ndarray) -> dict[str, float]:
    return dict(zip(CUSTOMER.columns, row.tolist(), strict=True))


def test_no_cause_above_the_noise_is_kept_back_unless_its_numbers_contradict_it(model: ReturnHazard, customers: np.ndarray) -> None:
    kept_back = 0
    for row in customers[:30]:
        own = model.churn_probability(row[None, :], 28)[0]
        told = 0
        for cause in CAUSES:
            other = replaced(model, row, cause)
            effect = float(own - model.churn_probability(other[None, :], 28)[0])
            fits = cause.borne_out(named(row), named(other), effect)
            told += abs(effect) >= 0.005 and fits
            kept_back += abs(effect) >= 0.005 and not fits
        assert len(model.reasons(row, limit=len(CAUSES))) == told
    assert kept_back


def test_a_sentence_never_speaks_against_its_effect() -> None:
    nan = float("nan")
    silence, contacts, rhythm = (
        next(c for c in CAUSES if name in c.features) for name in ("days_since_last_order", "contact_count", "gap_std")
    )
    usual = {"days_since_last_order": 36.0, "redemptions_per_contact": 0.2, "gap_mean": 9.0, "gap_std": 8.0, "gap_recent": 9.0}
    assert not silence.borne_out({"days_since_last_order": 8.0}, usual, 0.01)  # "8 days since the last order, usually 36" is no risk
    assert silence.borne_out({"days_since_last_order": 8.0}, usual, -0.01)
    assert silence.borne_out({"days_since_last_order": 40.0}, usual, 0.01)
    for effect in (0.01, -0.01):
        assert not contacts.borne_out(
            {"redemptions_per_contact": nan}, usual, effect
        )  # who was never written to did not respond, nor refuse
    slow_but_steady = {"gap_mean": 13.0, "gap_std": 2.0, "gap_recent": 14.0}
    assert rhythm.borne_out(slow_but_steady, usual, 0.01)
    assert rhythm.borne_out(slow_but_steady, usual, -0.01)
    assert not rhythm.borne_out({"gap_mean": 1.2, "gap_std": 0.5, "gap_recent": 2.0}, usual, 0.01)


def test_the_strongest_come_first_and_the_limit_is_kept(model: ReturnHazard, customers: np.ndarray) -> None:
    for row in customers:
        everything = model.reasons(row, limit=len(CAUSES))
        sizes = [abs(r.effect) for r in everything]
        assert sizes == sorted(sizes, reverse=True)
        assert model.reasons(row, limit=2) == everything[:2]


def test_sentences_are_whole_in_both_languages(model: ReturnHazard, customers: np.ndarray) -> None:
    for row in customers:
        for reason in model.reasons(row, limit=len(CAUSES)):
            assert CHINESE.search(reason.sentence_zh)
            assert not CHINESE.search(reason.sentence_en)
            for sentence in (reason.sentence_en, reason.sentence_zh):
                assert not re.search(r"[{}]|nan", sentence)


def test_the_customer_who_is_the_reference_has_no_reason(model: ReturnHazard) -> None:
    row = np.array([np.nan if v is None else v for v in model.header.reference])
    row[COLUMN["days_since_last_order"]] = row[COLUMN["gap_mean"]]
    assert model.reasons(row) == []


def test_a_customer_without_a_rhythm_is_compared_with_the_median_silence(model: ReturnHazard, shop: BuiltShop) -> None:
    once = shop.snapshots.stored[np.isnan(shop.snapshots.stored[:, COLUMN["gap_mean"]])]
    silent = once[np.argmax(once[:, COLUMN["days_since_last_order"]])]
    for reason in model.reasons(silent, limit=len(CAUSES)):
        own = model.churn_probability(silent[None, :], 28)[0]
        without = model.churn_probability(replaced(model, silent, cause_of(reason))[None, :], 28)[0]
        assert own - without == pytest.approx(reason.effect, abs=6e-5)


def test_what_is_not_known_of_a_customer_is_no_cause(model: ReturnHazard, customers: np.ndarray) -> None:
    unknown = customers.copy()
    rhythm = next(c for c in CAUSES if "gap_std" in c.features)
    unknown[:, [COLUMN[name] for name in rhythm.features]] = np.nan
    told = {reason.code for row in unknown for reason in model.reasons(row, limit=len(CAUSES))}
    assert told
    assert not told & {rhythm.raises[0], rhythm.lowers[0]}


def test_causes_name_real_features_once_and_codes_are_unique() -> None:
    grouped = [name for cause in CAUSES for name in cause.features]
    assert set(grouped) <= set(CUSTOMER.columns)
    assert len(grouped) == len(set(grouped))
    assert all({*cause.rises_with, *cause.falls_with} <= set(cause.features) for cause in CAUSES)
    codes = [side[0] for cause in CAUSES for side in (cause.raises, cause.lowers)]
    assert len(codes) == len(set(codes))
