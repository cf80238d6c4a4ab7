"""The value model under the contract, and what is its own: laws of its answers, and what the history must hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import TooLittleHistory
from features.feature_sets import CUSTOMER
from tests.contracts.recipe_suite import Made, RecipeSuite
from tests.training.conftest import BuiltShop
from training.artifacts.value import PERIODS, Spread, ValueModel
from training.evaluation.value import BGNBD, MEAN
from training.models.trees import TreeConfig
from training.models.value import ValueRecipe, judged_date
from training.models.value_fit import ValueConfig
from training.recipe import Recipe, TrainingData

SMALL = ValueConfig(
    rounds=20,
    min_data_in_leaf=20,
    learning_rate=0.1,
    hazard=TreeConfig(rounds=20, min_data_in_leaf=20, learning_rate=0.1),
    max_rows=20_000,
    simulated_customers=60,
    paths=2,
)


class TestValue(RecipeSuite):
    artifact = ValueModel

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        return ValueRecipe(SMALL)

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, shop: BuiltShop) -> TrainingData:
        return shop.data

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, made: Made) -> ValueModel:
        return ValueModel.load(made.final)

    @pytest.fixture(scope="class")
    @classmethod
    def people(cls, shop: BuiltShop) -> np.ndarray:
        return shop.snapshots.stored[::7]

    def test_further_periods_are_simulated_in_a_young_shop(self, model: ValueModel) -> None:
        assert 0 < model.header.learned_periods < PERIODS
        assert model.renewal_trees is not None

    def test_orders_rise_with_the_horizon_from_zero(self, model: ValueModel, people: np.ndarray) -> None:
        orders = model.orders(people, np.arange(0.0, 500.0, 3.5))
        assert (orders[:, 0] == 0).all()
        assert (np.diff(orders, axis=1) > 0).all()

    def test_a_horizon_does_not_depend_on_the_others_asked(self, model: ValueModel, people: np.ndarray) -> None:
        together = model.orders(people[:50], np.array([10.0, 28.0, 91.0, 365.0]))
        for column, days in enumerate((10.0, 28.0, 91.0, 365.0)):
            np.testing.assert_allclose(model.orders(people[:50], np.array([days]))[:, 0], together[:, column], rtol=1e-12)

    def test_a_customer_is_scored_alone_as_among_others(self, model: ValueModel, people: np.ndarray) -> None:
        together, alone = model.score(people[:9]), model.score(people[3:4])
        for name in ("predicted_orders", "predicted_clv", "predicted_clv_low", "predicted_clv_high", "percentile", "probability_alive"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(together, name)[3])

    def test_the_interval_holds_the_value_and_the_rich_rank_high(self, model: ValueModel, people: np.ndarray) -> None:
        scores = model.score(people)
        assert (scores.predicted_clv_low <= scores.predicted_clv).all()
        assert (scores.predicted_clv <= scores.predicted_clv_high).all()
        assert (scores.predicted_clv_low >= 0).all()
        assert np.corrcoef(np.argsort(np.argsort(scores.predicted_clv)), scores.percentile)[0, 1] > 0.9
        assert ((scores.probability_alive >= 0) & (scores.probability_alive <= 1)).all()

    def test_it_is_no_worse_than_the_models_it_corrects(self, made: Made) -> None:
        evaluation = made.evaluation
        assert set(evaluation.baselines) == {BGNBD, MEAN}
        for peer in (BGNBD, MEAN):
            assert evaluation.metrics["orders_mae_91d"] < evaluation.baselines[peer]["orders_mae_91d"] * 1.02
        assert evaluation.metrics["orders_correlation_91d"] > 0.4
        assert 0.5 < evaluation.metrics["spend_coverage_91d"] <= 1.0
        assert {curve.label for curve in evaluation.curves if "past" not in curve.plot} >= {"value", BGNBD}

    def test_thin_customers_are_told_apart(self, model: ValueModel, shop: BuiltShop) -> None:
        newest = shop.snapshots.stored[shop.snapshots.as_of == shop.snapshots.as_of.max()]
        days = CUSTOMER.columns.index("order_day_count")
        once = newest[newest[:, days] == newest[:, days].min()]
        assert len(np.unique(model.score(once).predicted_orders.round(6))) > len(once) / 2


@settings(max_examples=50, deadline=None)
@given(spend=st.floats(0.0, 1e5), amount=st.floats(0.01, 1e3), order=st.floats(0.1, 20), customer=st.floats(0, 1), days=st.floats(1, 365))
def test_an_interval_always_holds_its_expectation(spend: float, amount: float, order: float, customer: float, days: float) -> None:
    low, high = Spread(order=order, customer=customer).interval(np.array([spend]), np.array([amount]), days)
    assert 0 <= low[0] <= spend <= high[0]
    assert np.isfinite(high[0])


def test_the_interval_is_a_gamma_distributions() -> None:
    """Against draws: mean 500, variance (2 + 0.02 · 91) · 25 · 500."""
    variance = (2.0 + 0.02 * 91) * 25 * 500
    drawn = np.random.default_rng(1).gamma(500**2 / variance, variance / 500, 400_000)
    low, high = Spread(order=2.0, customer=0.02).interval(np.array([500.0]), np.array([25.0]), 91.0)
    assert (low[0], high[0]) == pytest.approx(tuple(np.quantile(drawn, [0.1, 0.9])), rel=0.02)


FIRST = datetime(2024, 1, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(("weeks", "horizons"), [(52, (182, 91, 28)), (40, (182, 91, 28)), (30, (91, 28)), (17, (28,))])
def test_the_longest_horizon_that_leaves_a_history_is_judged(weeks: int, horizons: tuple[int, ...]) -> None:
    as_of, found = judged_date(FIRST, FIRST + timedelta(weeks=weeks))
    assert found == horizons
    assert as_of + timedelta(days=horizons[0]) <= FIRST + timedelta(weeks=weeks)
    assert as_of - FIRST >= timedelta(days=70)


def test_fifteen_weeks_are_too_few() -> None:
    with pytest.raises(TooLittleHistory, match="covers 98 days"):
        judged_date(FIRST, FIRST + timedelta(weeks=14))


def test_a_shop_without_amounts_is_worth_nothing_but_orders(shop: BuiltShop, tmp_path: Path) -> None:
    from training.datasets.order_periods import OrderDays
    from training.models.value_fit import fit_value

    stored = shop.snapshots.stored.copy()
    stored[:, [i for i, name in enumerate(CUSTOMER.columns) if name.startswith("amount")]] = 0.0
    snapshots = type(shop.snapshots)(**{**shop.snapshots.__dict__, "stored": stored})
    orders = OrderDays.of(shop.warehouse.read("orders").with_columns(amount=0.0), until=shop.data.now)
    model = fit_value(snapshots, orders, until=shop.data.now, config=SMALL, seed=1)
    scores = model.score(stored[-50:])
    assert (scores.predicted_clv == 0).all()
    assert (scores.predicted_orders > 0).all()
