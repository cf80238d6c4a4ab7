"""Moving features through weeks with orders: what the engine computes from the same orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.feature_sets import CUSTOMER
from tests.training.conftest import built
from tests.training.seeded_shop import START
from training.artifacts.hazard_path import STEP_DAYS, HazardPath
from training.datasets import order_path
from training.datasets.order_path import OrderPath

_COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}
# What an order holds is not simulated: it is the customer's mean, and shares and variety stay.
_EXACT = (
    "days_since_first_order",
    "days_since_last_order",
    "order_day_count",
    "gap_mean",
    "gap_std",
    "gap_last",
    "gap_max",
    *(f"order_days_last_{d}d" for d in range(7, 92, 7)),
)


def test_a_week_of_orders_is_what_the_engine_computes_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One order a week, always 6.5 days before its end: then the drawn moment can be set."""
    times: list[tuple[str, datetime]] = []
    noon = timedelta(hours=12)
    for week in range(30):
        times += [("steady", START + timedelta(weeks=week) + noon)] if week % 2 == 0 else []
        times += [("always", START + timedelta(weeks=week) + noon)]
    shop = built(tmp_path, [*times, ("always", START + timedelta(weeks=30))])
    snapshots = shop.snapshots
    dates = np.unique(snapshots.as_of)
    before, after = (snapshots.where(snapshots.as_of == date) for date in dates[[20, 21]])
    days = after.stored[:, _COLUMN["order_day_count"]] - before.stored[:, _COLUMN["order_day_count"]]
    assert days.tolist() == [1.0, 0.0]
    monkeypatch.setattr(order_path, "_ages", lambda drawn, _: (np.full(len(drawn), 6.5), np.full(len(drawn), 6.5)))
    moved = before.stored.copy()
    OrderPath(CUSTOMER).advance(moved, days, np.random.default_rng(0))
    for name in _EXACT:
        np.testing.assert_allclose(moved[:, _COLUMN[name]], after.stored[:, _COLUMN[name]], atol=1e-6, err_msg=name)
    np.testing.assert_allclose(moved[:, _COLUMN["gap_recent"]], after.stored[:, _COLUMN["gap_recent"]], rtol=0.02)
    for decay in (7, 14, 28, 56, 112):
        name = f"order_days_decayed_{decay}d"
        np.testing.assert_allclose(moved[:, _COLUMN[name]], after.stored[:, _COLUMN[name]], rtol=1e-6, err_msg=name)


def stored_customers(n: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    stored = rng.uniform(1, 20, (n, len(CUSTOMER.columns)))
    stored[:, _COLUMN["days_since_first_order"]] += 200
    stored[:, _COLUMN["order_count"]] = stored[:, _COLUMN["order_day_count"]] = rng.integers(1, 9, n)
    stored[stored[:, _COLUMN["order_day_count"]] == 1, _COLUMN["gap_mean"]] = np.nan
    return stored


def test_a_week_without_orders_is_a_step_of_the_hazards_path() -> None:
    stored = stored_customers(50)
    path = HazardPath(CUSTOMER)
    moved = stored.copy()
    OrderPath(CUSTOMER).advance(moved, np.zeros(50), np.random.default_rng(0))
    here, there = path.at(moved, 0), path.at(stored, 1)
    lead = path.inputs.index("lead")
    np.testing.assert_allclose(np.delete(here, lead, axis=1), np.delete(there, lead, axis=1), rtol=1e-9)


def test_orders_leave_possible_customers() -> None:
    stored, rng = stored_customers(200), np.random.default_rng(1)
    path = OrderPath(CUSTOMER)
    for _ in range(30):
        days = rng.integers(0, 8, 200).astype(float)
        before = stored.copy()
        path.advance(stored, days, rng)
        counted = stored[:, _COLUMN["order_day_count"]] - before[:, _COLUMN["order_day_count"]]
        np.testing.assert_array_equal(counted, days)
        assert (stored[days > 0, _COLUMN["days_since_last_order"]] < STEP_DAYS).all()
        assert (stored[:, _COLUMN["order_days_last_7d"]] == days).all()
    many = stored[:, _COLUMN["order_day_count"]] > 2
    assert np.isfinite(stored[many][:, [_COLUMN[n] for n in ("gap_mean", "gap_std", "gap_recent", "gap_last", "gap_max")]]).all()
    assert (stored[many, _COLUMN["gap_max"]] >= stored[many, _COLUMN["gap_mean"]]).all()
