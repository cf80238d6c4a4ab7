"""Rolling a customer along the path without orders gives what the features themselves say later: no skew."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.feature_sets import CUSTOMER
from tests.training.conftest import BuiltShop
from training.artifacts.bgnbd import BgNbd
from training.artifacts.hazard_path import DERIVED, LONGEST_OBSERVED, POSTERIOR, HazardPath

PATH = HazardPath(CUSTOMER)
STORED = len(CUSTOMER.columns)
# What others do to the customer is not determined by the path and stays as it was.
FROZEN = tuple(name for view, names in CUSTOMER.views if view != "purchasing" for name in names)
KNOWN = tuple(name for name in CUSTOMER.columns if name not in FROZEN)


def columns(names: tuple[str, ...]) -> list[int]:
    return [CUSTOMER.columns.index(name) for name in names]


def pairs(shop: BuiltShop, lead: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of customers at t and at t + 7·lead days, of those who ordered nothing in between."""
    orders = shop.warehouse.read("orders").select("customer_id", "ordered_at")
    now = shop.features.select("customer_id", "as_of").with_columns(later=pl.col("as_of") + pl.duration(days=7 * lead))
    bought = now.join(orders, on="customer_id").filter(pl.col("ordered_at").is_between("as_of", "later", closed="right"))
    quiet = now.join(bought, on=["customer_id", "as_of"], how="anti").join(
        shop.features.select("customer_id", "as_of"), left_on=["customer_id", "later"], right_on=["customer_id", "as_of"], how="semi"
    )
    left = quiet.join(shop.features, on=["customer_id", "as_of"])
    right = quiet.join(shop.features, left_on=["customer_id", "later"], right_on=["customer_id", "as_of"])
    keys = ["customer_id", "as_of"]
    return (left.sort(keys).select(CUSTOMER.columns).to_numpy(), right.sort(keys).select(CUSTOMER.columns).to_numpy())


@pytest.mark.parametrize("lead", [1, 2, 5, 12, 13, 16])
def test_rolled_features_are_the_features_of_that_week(shop: BuiltShop, lead: int) -> None:
    before, after = pairs(shop, lead)
    assert len(before) > 100
    rolled, reached = PATH.at(before, lead), PATH.at(after, 0)
    for name in KNOWN:
        column = CUSTOMER.columns.index(name)
        np.testing.assert_allclose(rolled[:, column], reached[:, column], rtol=1e-7, atol=1e-9, err_msg=name)
    # Hence the derived inputs agree as well, but for the lead itself.
    derived = [PATH.inputs.index(name) for name in DERIVED if name != "lead"]
    np.testing.assert_allclose(rolled[:, derived], reached[:, derived], rtol=1e-6, atol=1e-9)


def test_the_days_observed_end_at_half_a_year(shop: BuiltShop) -> None:
    stored = shop.snapshots.stored[:50].copy()
    observed = CUSTOMER.columns.index("days_observed")
    stored[:, observed] = np.linspace(0.0, 300.0, 50)
    np.testing.assert_array_equal(PATH.at(stored, 2)[:, observed], np.minimum(stored[:, observed] + 14, LONGEST_OBSERVED))


def test_frozen_features_stay_and_the_lead_is_told(shop: BuiltShop) -> None:
    stored = shop.snapshots.stored[:50]
    rolled = PATH.at(stored, 3)
    np.testing.assert_array_equal(rolled[:, columns(FROZEN)], stored[:, columns(FROZEN)])
    assert (rolled[:, PATH.inputs.index("lead")] == 3).all()


def test_no_step_changes_nothing_and_the_argument_is_left_alone(shop: BuiltShop) -> None:
    stored = shop.snapshots.stored[:50].copy()
    np.testing.assert_array_equal(PATH.at(stored, 0)[:, :STORED], stored)
    PATH.at(stored, 5)
    np.testing.assert_array_equal(stored, shop.snapshots.stored[:50])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_rolling_twice_is_rolling_once(one: int, two: int, seed: int) -> None:
    stored = np.random.default_rng(seed).uniform(0, 50, (3, STORED))
    twice = PATH.at(PATH.at(stored, one)[:, :STORED], two)[:, :STORED]
    np.testing.assert_allclose(twice, PATH.at(stored, one + two)[:, :STORED], rtol=1e-9)


def test_every_window_and_decay_of_the_feature_set_moves() -> None:
    stored = np.full((1, STORED), 10.0)
    moved = PATH.at(stored, 13)[0]
    for name in KNOWN:
        if name.startswith("order_days_last_"):
            assert moved[CUSTOMER.columns.index(name)] == 0, name
        elif "_decayed_" in name:
            days = float(name.rsplit("_", 1)[1].rstrip("d"))
            assert moved[CUSTOMER.columns.index(name)] == pytest.approx(10 * np.exp(-91 / days)), name


def test_an_unknown_rhythm_is_missing_not_zero() -> None:
    stored = np.full((1, STORED), 5.0)
    stored[0, columns(("gap_mean", "gap_recent", "gap_std", "gap_max"))] = np.nan
    row = dict(zip(PATH.inputs, PATH.at(stored, 0)[0], strict=True))
    assert all(np.isnan(row[name]) for name in DERIVED if name.startswith("recency_"))
    assert row["order_day_rate"] == 1.0


def test_the_beliefs_are_bgnbds_own_at_every_lead(shop: BuiltShop) -> None:
    habits = BgNbd(r=0.5, alpha=10.0, a=0.8, b=2.5)
    path, stored = HazardPath(CUSTOMER, habits), shop.snapshots.stored[:50]
    assert path.inputs[: len(PATH.inputs)] == PATH.inputs
    for lead in (0, 3):
        rolled = path.at(stored, lead)
        np.testing.assert_array_equal(rolled[:, : len(PATH.inputs)], PATH.at(stored, lead))
        silence, age, days = (
            rolled[:, path.inputs.index(n)] for n in ("days_since_last_order", "days_since_first_order", "order_day_count")
        )
        past = (days - 1, age - silence, age)
        alive, rate, week, quarter = (rolled[:, path.inputs.index(name)] for name in POSTERIOR)
        np.testing.assert_allclose(alive, habits.probability_alive(*past))
        np.testing.assert_allclose(rate, (habits.r + past[0]) / (habits.alpha + age))
        for belief, horizon in ((week, 7.0), (quarter, 91.0)):
            np.testing.assert_allclose(1 / (1 + np.exp(-belief)), 1 - habits.probability_silent(*past, horizon), rtol=1e-6, atol=1e-8)


def test_several_leads_are_each_lead_below_the_other() -> None:
    random = np.random.default_rng(5)
    stored = random.gamma(1.0, 20.0, size=(7, len(CUSTOMER.columns)))
    stored[random.random(stored.shape) < 0.2] = np.nan
    path, before = HazardPath(CUSTOMER, BgNbd(r=0.5, alpha=20.0, a=0.7, b=2.0)), stored.copy()
    one_by_one = [path.at(stored, lead) for lead in (0, 1, 4, 26)]
    np.testing.assert_array_equal(path.along(stored, [0, 1, 4, 26]), np.vstack(one_by_one))
    np.testing.assert_array_equal(stored, before)
    index = {name: i for i, name in enumerate(CUSTOMER.columns)}
    np.testing.assert_allclose(one_by_one[2][:, index["days_since_last_order"]], stored[:, index["days_since_last_order"]] + 28)
    np.testing.assert_array_equal(one_by_one[1][:, index["order_days_last_28d"]], stored[:, index["order_days_last_21d"]])
    assert (one_by_one[3][:, index["order_days_last_28d"]] == 0).all()
