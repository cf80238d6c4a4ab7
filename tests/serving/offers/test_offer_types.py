"""Each offer type under the contract, and what is its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from features.assumptions import Assumptions
from serving.catalogue import Catalogue
from serving.customer_context import CustomerContext
from serving.live import Live
from serving.offers.bundle import BundleOffers
from serving.offers.coupon import CouponOffers
from serving.offers.item import ItemOffers
from serving.offers.no_action import NoAction
from serving.offers.offer_types import OFFER_TYPES
from serving.offers.protocol import Candidate, OfferType, cents
from serving.offers.replenishment import ReplenishmentOffers
from serving.offers.winback import WinbackOffers
from tests.contracts.offer_suite import MakeContext, OfferTypeSuite, value_of
from tests.serving.small_shop import CUSTOMERS, ENDED, FUTURE, INACTIVE, LEAVING, OUT_OF_STOCK, RUNNING


def with_offers(live: Live, **values: float) -> Live:
    assumptions: Assumptions = live.catalogue.assumptions
    changed = assumptions.model_copy(update={"offers": assumptions.offers.model_copy(update=values)})
    return replace(live, catalogue=Catalogue(live.catalogue.products, changed)).warm()


def everything(offer_type: OfferType, context_of: MakeContext, **given: object) -> list[tuple[CustomerContext, Candidate]]:
    contexts = [context_of(customer, **given) for customer in CUSTOMERS]
    return [(context, candidate) for context in contexts for candidate in offer_type.candidates(context)]


class TestItem(OfferTypeSuite):
    @pytest.fixture
    def offer_type(self) -> OfferType:
        return ItemOffers()

    def test_offers_nothing_bought_before_and_nothing_in_the_cart(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for context, candidate in everything(offer_type, context_of, cart=("p20", "p21")):
            offered = {item.product_id for item in candidate.items}
            assert not offered & {"p20", "p21", *context.customer.recent.product_ids.tolist()}

    def test_is_worth_the_sum_of_its_products(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for context, candidate in everything(offer_type, context_of):
            catalogue = context.live.catalogue
            expected = sum(item.score * catalogue.margin(item.product_id) for item in candidate.items)
            assert candidate.probability * candidate.margin == pytest.approx(expected)
            assert max(item.score for item in candidate.items) <= candidate.probability <= sum(item.score for item in candidate.items)

    def test_says_popular_to_somebody_unknown(self, offer_type: OfferType, context_of: MakeContext) -> None:
        (candidate,) = offer_type.candidates(context_of(None))
        assert [reason.code for reason in candidate.reasons] == ["popular"]
        best = context_of(None).live.models.items.popular(4, context_of(None).live.item_mask)
        assert [item.product_id for item in candidate.items] == [item.product_id for item in best]


class TestBundle(OfferTypeSuite):
    @pytest.fixture
    def offer_type(self) -> OfferType:
        return BundleOffers()

    def test_margin_and_discount_are_those_of_the_set(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for context, candidate in everything(offer_type, context_of):
            catalogue = context.live.catalogue
            prices = sum(catalogue.price(item.product_id) for item in candidate.items)
            assert (candidate.margin, candidate.discount) == pytest.approx((0.3 * prices, 0.05 * prices))
            assert {OUT_OF_STOCK, INACTIVE}.isdisjoint(item.product_id for item in candidate.items)

    def test_leaves_out_a_set_that_is_already_in_the_cart(self, offer_type: OfferType, context_of: MakeContext) -> None:
        first = offer_type.candidates(context_of("c000"))[0]
        cart = tuple(item.product_id for item in first.items)
        assert first.offer_id not in {c.offer_id for c in offer_type.candidates(context_of("c000", cart=cart))}


class TestReplenishment(OfferTypeSuite):
    needs_customer = True

    @pytest.fixture
    def offer_type(self) -> OfferType:
        return ReplenishmentOffers()

    def test_takes_the_customers_own_product_before_the_best_seller(self, offer_type: OfferType, context_of: MakeContext) -> None:
        own = 0
        for context, candidate in everything(offer_type, context_of):
            catalogue, category = context.live.catalogue, candidate.offer_id.split(":", 1)[1]
            assert category in context.customer.categories
            bought = [p for p in context.customer.recent.product_ids.tolist() if p[1:] and catalogue.product(p).category == category]
            lawful = [p for p in bought if catalogue.offerable(p)]
            assert candidate.items[0].product_id == (lawful[0] if lawful else catalogue.popular(category)[0])
            own += bool(lawful)
        assert own > 20

    def test_is_due_and_worth_its_usual_quantity(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for context, candidate in everything(offer_type, context_of):
            model, (category, customer) = context.live.models.repurchase, context.category_inputs
            row = context.customer.categories.index(candidate.offer_id.split(":", 1)[1])
            forecast = model.predict(category, customer)
            assert forecast.days_until_due[row] <= 14.0
            assert candidate.probability == pytest.approx(forecast.probability_28d[row])
            pieces = max(forecast.quantity[row], 1.0)
            assert candidate.margin == pytest.approx(pieces * context.live.catalogue.margin(candidate.items[0].product_id))

    def test_where_each_product_is_its_own_category_people_read_its_name(self, offer_type: OfferType, context_of: MakeContext) -> None:
        context = next(c for c, _ in everything(offer_type, context_of))
        named = context.customer.categories[0]
        shop = context.live.catalogue.products
        product = shop.products[0].model_copy(update={"product_id": named, "category": named, "name": "Hanging heart", "active": True})
        # The customer's first category becomes a product of this id, in a shop whose units are products.
        changed = shop.model_copy(
            update={"unit": "product", "products": (*shop.products, product), "popular_in_category": {named: (named,)}}
        )
        live = replace(context.live, catalogue=Catalogue(changed, context.live.catalogue.assumptions)).warm()
        offers = ReplenishmentOffers(due_within_days=1000.0, considered=100).candidates(replace(context, live=live))
        assert live.catalogue.category_name(named) == "Hanging heart"
        assert context.live.catalogue.category_name(named) == named
        (offer,) = (o for o in offers if o.offer_id == f"replenishment:{named}")
        assert offer.items[0].product_id == named
        assert "Hanging heart" in offer.reasons[0].sentence_en
        assert named not in offer.reasons[0].sentence_en


class TestCoupon(OfferTypeSuite):
    needs_customer = True

    @pytest.fixture
    def offer_type(self) -> OfferType:
        return CouponOffers()

    def test_only_running_campaigns_of_their_holders(self, offer_type: OfferType, context_of: MakeContext) -> None:
        made = everything(offer_type, context_of)
        assert {candidate.offer_id for _, candidate in made} == {f"coupon:{RUNNING}"}
        assert {context.customer.customer_id for context, _ in made} == set(CUSTOMERS[:40])

    @pytest.mark.parametrize(("days", "running"), [(-20, ENDED), (8, RUNNING), (20, FUTURE)])
    def test_follows_the_clock(self, offer_type: OfferType, context_of: MakeContext, days: int, running: str) -> None:
        now = context_of(None).now + timedelta(days=days)
        assert f"coupon:{running}" in {c.offer_id for c in offer_type.candidates(context_of("c000", now=now))}

    def test_names_products_that_leave_more_than_the_coupon_gives(self, offer_type: OfferType, context_of: MakeContext) -> None:
        live = with_offers(context_of(None).live, coupon_value=1.5)  # the twelve best of twenty products straddle that margin
        for context, candidate in everything(offer_type, context_of, live=live):
            margins = [context.live.catalogue.margin(item.product_id) for item in candidate.items]
            assert min(margins) > 1.5
            assert (candidate.margin, candidate.discount) == (pytest.approx(np.mean(margins)), 1.5)
            assert candidate.probability == 0.4

    def test_a_coupon_above_every_margin_is_a_loss_and_says_so(self, offer_type: OfferType, context_of: MakeContext) -> None:
        live = with_offers(context_of(None).live, coupon_value=50.0)
        (candidate,) = offer_type.candidates(context_of("c000", live=live))
        assert value_of(candidate) < 0


class TestWinback(OfferTypeSuite):
    needs_customer = True
    offers_products = False

    @pytest.fixture
    def offer_type(self) -> OfferType:
        return WinbackOffers()

    def _never_offers(self, *_: object) -> None:
        """It offers no product."""

    def test_from_the_assumed_risk_and_only_from_there(self, offer_type: OfferType, context_of: MakeContext) -> None:
        risks = {customer: float(context_of(customer).churn.winback[0]) for customer in CUSTOMERS}
        offered = {context.customer.customer_id for context, _ in everything(offer_type, context_of)}
        assert offered == {customer for customer, risk in risks.items() if risk >= 0.35}
        assert LEAVING in offered
        assert len(offered) < len(CUSTOMERS)

    def test_a_return_leaves_the_baskets_margin_and_gives_the_discount(self, offer_type: OfferType, context_of: MakeContext) -> None:
        context = context_of(LEAVING, channel="email")
        (candidate,) = offer_type.candidates(context)
        returning = 1 - float(context.live.models.return_hazard.churn_probability(context.customer.vector[None, :], 28)[0])
        basket = context.customer.value("amount_mean")
        assert (candidate.probability, candidate.margin, candidate.discount) == pytest.approx((returning, 0.3 * basket, 0.1 * basket))
        assert candidate.reasons[0].code == "at_risk"
        assert all(reason.effect > 0 for reason in candidate.reasons[1:])


class TestNoAction(OfferTypeSuite):
    offers_products = False

    @pytest.fixture
    def offer_type(self) -> OfferType:
        return NoAction()

    def _never_offers(self, *_: object) -> None:
        """It offers no product."""

    def test_is_always_there_and_worth_nothing(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for customer in (None, *CUSTOMERS):
            (candidate,) = offer_type.candidates(context_of(customer))
            assert (candidate.margin, candidate.discount, candidate.cost) == (0.0, 0.0, 0.0)


def test_offer_types_have_distinct_names_and_no_action_is_among_them() -> None:
    names = [offer_type.name for offer_type in OFFER_TYPES]
    assert len(set(names)) == len(names)
    assert "no_action" in names


@pytest.mark.parametrize(("value", "shown"), [(0.125, "0.12"), (0.135, "0.14"), (-0.001, "0.00"), (-0.006, "-0.01"), (3, "3.00")])
def test_cents_round_half_to_even_and_know_no_minus_zero(value: float, shown: str) -> None:
    assert str(cents(value)) == shown
