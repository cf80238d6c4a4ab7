"""The renewal simulation where its outcome is known in closed form: a constant hazard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import lightgbm as lgb
import numpy as np
import pytest

from features.feature_sets import CUSTOMER
from training.models.renewal import Renewal


@dataclass(frozen=True)
class Constant:
    """Trees of one value."""

    value: float

    def predict(self, inputs: np.ndarray, **_: Any) -> np.ndarray:
        return np.full(len(inputs), self.value)


def simulated(hazard: float, more: float, *, customers: int = 400, paths: int = 25, steps: int = 20, seed: int = 1) -> np.ndarray:
    stored = np.full((customers, len(CUSTOMER.columns)), 10.0)
    renewal = Renewal(cast("lgb.Booster", Constant(hazard)), more, cast("lgb.Booster", Constant(1.0)))
    return renewal.simulate(stored, steps=steps, paths=paths, seed=seed)


@pytest.mark.parametrize("hazard", [0.03, 0.3, 0.9])
def test_weeks_with_an_order_are_binomial(hazard: float) -> None:
    drawn = simulated(hazard, 0.0)
    weeks = (drawn > 0).sum(axis=2).ravel()
    assert weeks.mean() == pytest.approx(20 * hazard, rel=0.03)
    assert weeks.var() == pytest.approx(20 * hazard * (1 - hazard), rel=0.08)


def test_the_first_order_is_geometric() -> None:
    drawn = simulated(0.2, 0.0)
    silent = np.cumprod(drawn == 0, axis=2).mean(axis=(0, 1))
    np.testing.assert_allclose(silent[:10], 0.8 ** np.arange(1, 11), atol=0.012)


def test_order_days_of_a_week_have_their_mean() -> None:
    drawn = simulated(0.5, 1.5)
    assert drawn[drawn > 0].mean() == pytest.approx(2.5, rel=0.02)
    assert drawn.max() <= 7


def test_chance_comes_from_the_seed_alone() -> None:
    np.testing.assert_array_equal(simulated(0.3, 0.5, customers=10), simulated(0.3, 0.5, customers=10))
    assert (simulated(0.3, 0.5, customers=10) != simulated(0.3, 0.5, customers=10, seed=2)).any()


def test_a_hazard_of_one_orders_every_week_and_of_none_never() -> None:
    assert (simulated(1.0, 0.0, customers=5) == 1).all()
    assert (simulated(0.0, 0.0, customers=5) == 0).all()
