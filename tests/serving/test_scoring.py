"""What offers and answers are computed from: churn, needs, segments, spending, the cart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from features.feature_sets import CUSTOMER
from features.store import CustomerFeatures
from serving.cart import with_cart
from serving.catalogue import Catalogue
from serving.category_needs import category_needs, usual_quantities
from serving.churn_scores import ChurnScores, expected_date, median_days, score_churn
from serving.live_models import LiveModels
from serving.segments import Layer, Segments, Stage, cycle_survival, own_cycle, segments_of, spend_percentile
from serving.services import Services
from serving.spending import expected_margin
from tests.contracts.offer_suite import MakeContext
from tests.serving.small_shop import AS_OF, CUSTOMERS
from training.artifacts.value import ValueScores


def people(services: Services) -> list[CustomerFeatures]:
    found = [services.live.reader.read(customer) for customer in CUSTOMERS]
    return [customer for customer in found if customer is not None]


def changed(customer: CustomerFeatures, **values: float) -> CustomerFeatures:
    vector = customer.vector.copy()
    for name, value in values.items():
        vector[CUSTOMER.columns.index(name)] = value
    return replace(customer, vector=vector)


def test_churn_equals_the_models_own_answers(services: Services) -> None:
    model = services.live.models.return_hazard
    assert model is not None
    stored = np.vstack([customer.vector for customer in people(services)])
    scores = score_churn(model, stored, also=(45, 300))
    for horizon, probability in scores.probability.items():
        assert probability == pytest.approx(model.churn_probability(stored, horizon), abs=1e-12)
    assert np.allclose(scores.days_until_order, model.median_days_until_order(stored), atol=1e-9)
    assert np.isinf(scores.days_until_order).any() or scores.days_until_order.max() > 91
    one = score_churn(model, stored[:1], also=(45, 300))
    assert one.probability[45][0] == pytest.approx(scores.probability[45][0])


def test_churn_falls_with_the_horizon_and_percentiles_lie_between(services: Services) -> None:
    model = services.live.models.return_hazard
    assert model is not None
    stored = np.vstack([customer.vector for customer in people(services)])
    scores = score_churn(model, stored, also=(1, 45, 365))
    columns = np.column_stack([scores.probability[h] for h in sorted(scores.probability)])
    assert (np.diff(columns, axis=1) <= 1e-12).all()
    low, high = np.minimum(scores.percentile[28], scores.percentile[56]), np.maximum(scores.percentile[28], scores.percentile[56])
    assert ((scores.percentile[45] >= low - 1e-9) & (scores.percentile[45] <= high + 1e-9)).all()
    assert scores.percentile[365] == pytest.approx(scores.percentile[91])
    assert np.corrcoef(scores.percentile[28].argsort().argsort(), scores.probability[28].argsort().argsort())[0, 1] > 0.999


def test_median_days_at_the_edges() -> None:
    survival = np.array([[1.0, 0.5, 0.2], [1.0, 0.9, 0.8], [1.0, 0.25, 0.1], [1.0, 0.8, 0.0]])
    days = median_days(survival)
    assert days[0] == pytest.approx(7.0)
    assert np.isinf(days[1])
    assert days[2] == pytest.approx(3.5), "geometric inside the step: half of the way to a quarter"
    assert 7 < days[3] < 14


def test_expected_date() -> None:
    assert expected_date(AS_OF, 10.5) == AS_OF + timedelta(days=10.5)
    assert expected_date(AS_OF, 183) is None
    assert expected_date(AS_OF, float("inf")) is None


def test_needs_equal_the_models_own_forecast(context_of: MakeContext) -> None:
    for customer in CUSTOMERS[:20]:
        context = context_of(customer)
        model, inputs = context.live.models.repurchase, context.category_inputs
        needs, forecast = category_needs(model, *inputs), model.predict(*inputs)
        assert needs.probability_28d == pytest.approx(forecast.probability_28d)
        assert needs.probability_14d == pytest.approx(forecast.probability_14d)
        near = forecast.days_until_due <= 28
        assert needs.days_until_due[near] == pytest.approx(forecast.days_until_due[near])
        assert np.isinf(needs.days_until_due[~near]).all()
        assert usual_quantities(context.customer.category_features) == pytest.approx(np.fmax(forecast.quantity, 1.0))
        known = category_needs(model, *inputs, known=model.hazards_along(*inputs, range(2)))
        assert known.days_until_due == pytest.approx(needs.days_until_due)


def weekly(rate: float) -> ChurnScores:
    """Scores of one customer whose chance to stay away falls by the same share each week."""
    curve = rate ** np.arange(14.0)[None, :]
    return ChurnScores(probability={}, percentile={}, days_until_order=np.zeros(1), days_interval=None, curve=curve, beyond_history={})


def worth(clv: float, percentile: float) -> ValueScores:
    one = np.ones(1)
    return ValueScores(one, clv * one, 0 * one, 2 * clv * one, percentile * one, one)


def test_layers_follow_worth_and_the_own_cycle(services: Services) -> None:
    live = services.live
    customer = changed(people(services)[0], gap_mean=14, days_since_last_order=3)
    for percentile, layer in ((10, Layer.REGULAR), (39, Layer.REGULAR), (41, Layer.POTENTIAL), (81, Layer.HIGH_VALUE)):
        assert segments_of(live, customer, weekly(0.6), worth(100, percentile)).layer == layer
    # 0.9 a week leaves 0.53 after three cycles of 14 days, 0.87 a week 0.43.
    quiet = changed(customer, days_since_last_order=15)
    assert segments_of(live, quiet, weekly(0.9), worth(100, 90)).layer == Layer.DORMANT
    assert segments_of(live, quiet, weekly(0.87), worth(100, 90)).layer == Layer.HIGH_VALUE
    assert segments_of(live, customer, weekly(0.9), worth(100, 90)).layer == Layer.HIGH_VALUE  # not one cycle has passed
    assert segments_of(live, changed(customer, days_since_last_order=float("nan")), weekly(0.5), None).layer == Layer.DORMANT


def test_a_shop_may_lay_its_customers_by_amounts(services: Services) -> None:
    live, customer = services.live, changed(people(services)[0], gap_mean=14, days_since_last_order=3)
    layers = live.catalogue.assumptions.layers.model_copy(update={"high_value_from_clv": 500.0, "potential_from_clv": 100.0})
    assumptions = live.catalogue.assumptions.model_copy(update={"layers": layers})
    own = replace(live, catalogue=Catalogue(live.catalogue.products, assumptions))
    for clv, layer in ((99, Layer.REGULAR), (100, Layer.POTENTIAL), (500, Layer.HIGH_VALUE)):
        assert segments_of(own, customer, weekly(0.5), worth(clv, 50)).layer == layer


def test_without_models_layers_follow_recent_spend_and_silence(services: Services) -> None:
    live = services.live.with_models(LiveModels())
    catalogue, customer = live.catalogue, people(services)[0]
    quantiles = catalogue.products.spend_percentiles
    for percentile, layer in ((10, Layer.REGULAR), (39, Layer.REGULAR), (41, Layer.POTENTIAL), (81, Layer.HIGH_VALUE)):
        spender = changed(customer, amount_decayed_112d=quantiles[percentile], days_since_last_order=3)
        assert spend_percentile(spender, catalogue) == pytest.approx(percentile)
        assert segments_of(live, spender, None, None).layer == layer
        assert segments_of(live, changed(spender, days_since_last_order=91), None, None).layer == Layer.DORMANT


def test_stages(services: Services) -> None:
    live = services.live
    customer = changed(people(services)[0], order_count=9, order_day_count=6, gap_mean=10, days_since_last_order=30)
    assert segments_of(live, None, None, None) == Segments(Stage.STRANGER, None)
    assert segments_of(live, changed(customer, order_count=0), None, None) == Segments(Stage.AWARE, None)
    # Three cycles are 30 days: 0.75 a week leaves 0.29 of the chance, 0.77 leaves 0.33.
    assert segments_of(live, customer, weekly(0.75), None).stage == Stage.LOYAL
    assert segments_of(live, customer, weekly(0.77), None).stage == Stage.BUYER
    assert segments_of(live, changed(customer, order_day_count=5), weekly(0.75), None).stage == Stage.BUYER
    assert segments_of(live, customer, None, None).stage == Stage.LOYAL  # without the model: the last order three gaps ago at most
    assert segments_of(live, changed(customer, days_since_last_order=31), None, None).stage == Stage.BUYER


def test_before_the_second_order_the_cycle_is_the_shops(services: Services) -> None:
    customer, model = people(services)[0], services.live.models.return_hazard
    assert model is not None
    usual = model.header.reference[CUSTOMER.columns.index("gap_mean")]
    assert own_cycle(changed(customer, gap_mean=float("nan")), model) == usual
    assert own_cycle(changed(customer, gap_mean=20), model) == 20
    assert own_cycle(changed(customer, gap_mean=2), model) == 7


def test_survival_over_a_cycle_is_read_off_the_curve() -> None:
    curve = 0.8 ** np.arange(14.0)
    for days in (0, 3.5, 7, 30, 91):
        assert cycle_survival(curve, days) == pytest.approx(0.8 ** (days / 7))
    assert cycle_survival(curve, 400) == pytest.approx(0.8**13)  # no further than the curve


def test_the_interval_of_the_next_order_lies_around_its_median(services: Services) -> None:
    model, stored = services.live.models.return_hazard, np.vstack([c.vector for c in people(services)])
    assert model is not None
    scores = score_churn(model, stored, interval=True)
    assert scores.days_interval is not None
    low, high = scores.days_interval.T
    assert (low <= scores.days_until_order).all()
    assert (scores.days_until_order <= high).all()
    found = np.isfinite(high)
    assert found.any()
    assert model.survival(stored[:1], low[:1])[0, 0] == pytest.approx(0.9, abs=1e-9)
    row = int(np.flatnonzero(found)[0])
    assert model.survival(stored[row : row + 1], high[row : row + 1])[0, 0] == pytest.approx(0.1, abs=1e-9)


def test_margin_of_a_steady_customer_is_what_he_spends(services: Services) -> None:
    days = np.arange(0, 365)
    vector = np.full((1, len(CUSTOMER.columns)), np.nan)
    vector[0, CUSTOMER.columns.index("days_since_first_order")] = 365
    vector[0, CUSTOMER.columns.index("amount_decayed_112d")] = (2.0 * np.exp(-days / 112)).sum()  # two a day
    margin = expected_margin(vector, 28, services.live.catalogue.assumptions)[0]
    assert margin == pytest.approx(2 * 28 * 0.3, rel=0.01)
    assert expected_margin(np.full((1, len(CUSTOMER.columns)), np.nan), 28, services.live.catalogue.assumptions)[0] == 0


def test_the_cart_counts_as_bought_today(services: Services) -> None:
    recent = people(services)[0].recent
    owned = recent.product_ids.tolist()[3]
    mixed = with_cart(recent, ["new-product", owned, owned])
    assert mixed.product_ids.tolist()[:2] == ["new-product", owned]
    assert sorted(mixed.product_ids.tolist()) == sorted([*recent.product_ids.tolist(), "new-product"])
    assert mixed.purchases[:2].tolist() == [1, recent.purchases[3] + 1]
    assert mixed.days_since_last[:2].tolist() == [0.0, 0.0]
    assert mixed.orders == recent.orders + 1
    assert with_cart(recent, []) is recent
