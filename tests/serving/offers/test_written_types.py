"""Every type that a shop writes offers of, under the contract, and whom each suits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.customer_facts import CustomerFacts
from features.feature_sets import CUSTOMER
from features.offers.offer import Offer
from serving.condition_values import days_until_birthday
from serving.customer_context import CustomerContext
from serving.decisioning.applicability import applicable
from serving.decisioning.eligibility import eligible
from serving.decisioning.suitability import suitable
from serving.live_opening import terms_of
from serving.offers.book import OfferBook, offer_documents
from serving.offers.new_need import NewNeedOffers
from serving.offers.offer_types import OFFER_TYPES, WRITABLE
from serving.offers.protocol import Candidate, OfferType
from serving.offers.written import candidates_of
from serving.services import Services
from tests.contracts.offer_suite import MakeContext, OfferTypeSuite
from tests.serving.offers.test_offer_types import with_offers
from tests.serving.small_shop import CUSTOMERS, OUT_OF_STOCK

BY_NAME = {one.name: one for one in OFFER_TYPES}
NEEDS: dict[str, dict[str, Any]] = {
    "bundle": {"product_ids": ["p10", "p11"]},
    "replenishment": {"product_ids": [f"p{i:02d}" for i in range(10, 40)]},
    "back_in_stock": {"product_ids": [f"p{i:02d}" for i in range(10, 40)]},
    "content": {"url": "https://shop.example/a"},
    "usage_tip": {"url": "https://shop.example/tip"},
    "live_invite": {"content_id": "7"},
    "try_on_invite": {"url": "shop://try"},
    "store_visit": {"url": "shop://visit"},
    "adviser_talk": {"url": "shop://talk"},
}
SUITS: dict[str, float] = {
    "complaints_open": 0.0,
    "mean_rating": 5.0,
    "order_count": 9.0,
    "order_day_count": 9.0,
    "surveys_answered": 0.0,
    "days_since_last_order": 8.0,
    "gap_mean": 30.0,
    "points_balance": 95.0,
    "tier_level": 0.0,
}
ANYBODY = {"coupon", "item", "bundle", "content", "live_invite", "try_on_invite", "store_visit", "adviser_talk", "new_need"}
NAMES = sorted(WRITABLE)


def told(context: CustomerContext, *, facts: CustomerFacts | None = None, **values: float) -> CustomerContext:
    """The same context of a customer of whom more is known."""
    assert context.customer is not None
    vector = context.customer.vector.copy()
    for name, value in values.items():
        vector[CUSTOMER.columns.index(name)] = value
    born = context.now.date() + timedelta(days=3)
    known = facts or CustomerFacts(born.month, born.day, None, "zh-CN")
    return replace(context, customer=replace(context.customer, vector=vector, facts=known))


def offering(context: CustomerContext, *offers: Offer) -> CustomerContext:
    live = with_offers(context.live, tier_points=(100.0,), winback_from_churn=0.0)
    return replace(context, live=live.with_offers(OfferBook.of(offer_documents(offers), terms_of(live))))


def offer(name: str, **given: Any) -> Offer:
    return Offer.model_validate({"offer_id": "mine", "type": name, **NEEDS.get(name, {}), **given})


def written(context: CustomerContext, name: str) -> list[Candidate]:
    return [one for one in candidates_of(BY_NAME[name], context) if one.offer is not None]


def test_every_type_of_the_paper_is_there() -> None:
    assert {
        *("bundle", "coupon", "replenishment", "new_need", "item", "content", "live_invite", "winback", "birthday", "tier_upgrade"),
        *("usage_tip", "referral_invite", "cocreate_invite", "try_on_invite", "store_visit", "adviser_talk", "survey", "back_in_stock"),
    } == set(WRITABLE)


@pytest.mark.parametrize("name", NAMES)
def test_a_written_offer_is_made_of_its_document(name: str, context_of: MakeContext) -> None:
    context = told(offering(context_of("c003"), offer(name, discount=0.5, cost=0.1, lever=2, margin=4, channels=["email"])), **SUITS)
    (made,) = written(context, name)
    assert (made.offer_id, made.type, made.channels) == ("mine", name, ("email",))
    assert (made.discount, made.cost, made.lever, made.margin) == (0.5, 0.1, 2.0, 4.0)
    assert 0.0 < made.probability <= 1.0
    assert made.offer is not None
    assert all(reason.sentence_en and reason.sentence_zh for reason in made.reasons)
    kept, dropped = suitable(applicable(eligible([made], context)[0], context)[0], context)
    assert [one.offer_id for one in kept] == ["mine"], dropped


@pytest.mark.parametrize("name", sorted(set(NAMES) - ANYBODY))
def test_what_is_about_somebody_is_made_for_nobody_unknown(name: str, context_of: MakeContext) -> None:
    assert written(offering(context_of(None), offer(name)), name) == []


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_a_type_says_what_it_needs(name: str) -> None:
    bare = Offer.model_validate({"offer_id": "mine", "type": name})
    objection = WRITABLE[name](bare)
    assert objection is not None
    assert objection.field in {"url", "content_id", "product_ids"}
    assert WRITABLE[name](offer(name)) is None


UNSUITED: dict[str, dict[str, float]] = {
    "tier_upgrade": {"points_balance": 60.0},
    "survey": {"surveys_answered": 9.0},
    "usage_tip": {"days_since_last_order": 60.0},
    "referral_invite": {"mean_rating": 3.0},
    "cocreate_invite": {"mean_rating": 3.0},
}


@pytest.mark.parametrize("name", UNSUITED)
def test_whom_it_does_not_suit_is_not_offered_it(name: str, context_of: MakeContext) -> None:
    context = told(offering(context_of("c003"), offer(name)), **{**SUITS, **UNSUITED[name]})
    assert written(context, name) == []


def test_a_birthday_is_counted_by_the_customers_own_calendar(context_of: MakeContext) -> None:
    assert written(told(offering(context_of("c003"), offer("birthday")), facts=CustomerFacts(1, 1, None, None)), "birthday") == []
    new_year = datetime(2025, 12, 31, 20, tzinfo=UTC)
    assert days_until_birthday(CustomerFacts(1, 1, "Asia/Shanghai", None), new_year) == 0
    assert days_until_birthday(CustomerFacts(1, 1, None, None), new_year) == 1
    assert days_until_birthday(CustomerFacts(12, 30, None, None), new_year) == 364
    assert days_until_birthday(CustomerFacts(2, 29, None, None), datetime(2026, 2, 28, tzinfo=UTC)) == 1
    assert days_until_birthday(CustomerFacts(None, None, None, None), new_year) is None


Change = Callable[[CustomerContext], CustomerContext]
DROPS: list[tuple[str, str, dict[str, Any], dict[str, float]]] = [
    ("eligible", "out_of_stock", {"product_ids": ["p10", OUT_OF_STOCK]}, {}),
    ("eligible", "inactive", {"product_ids": ["nowhere"]}, {}),
    ("eligible", "ended", {"ends_at": "2020-01-01T00:00:00Z"}, {}),
    ("eligible", "not_started", {"starts_at": "2100-01-01T00:00:00Z"}, {}),
    ("eligible", "stage", {"stages": ["stranger"]}, {}),
    ("eligible", "layer", {"layers": ["dormant"]}, {}),
    ("eligible", "conditions", {"conditions": {"field": "order_count", "op": "gt", "value": 1000}}, {}),
    ("eligible", "conditions", {"conditions": {"field": "tags", "op": "contains", "value": "tag:x"}}, {}),
    ("applicable", "in_cart", {"product_ids": ["p20"]}, {}),
    ("suitable", "open_complaint", {}, {"complaints_open": 1.0}),
    ("suitable", "no_margin_left", {"discount": 3, "margin": 3}, {}),
    ("suitable", "discount_dependence", {"discount": 1, "margin": 3}, {"discount_share": 0.6}),
]


@pytest.mark.parametrize(("step", "code", "given", "known"), DROPS, ids=lambda x: str(x)[:30])
def test_what_falls_is_named_in_both_languages(
    step: str, code: str, given: dict[str, Any], known: dict[str, float], context_of: MakeContext
) -> None:
    context = offering(context_of("c003", cart=("p20",)), offer("coupon", **given))
    bounds = context.live.catalogue.assumptions.offers.model_copy(update={"no_discounts_from_share": 0.5})
    assumptions = context.live.catalogue.assumptions.model_copy(update={"offers": bounds})
    live = replace(context.live, catalogue=replace(context.live.catalogue, assumptions=assumptions)).warm()
    context = told(replace(context, live=live), **{**SUITS, **known})
    made = written(context, "coupon")
    lawful, first = eligible(made, context)
    sensible, second = applicable(lawful, context)
    good, third = suitable(sensible, context)
    assert good == []
    (fallen,) = (*first, *second, *third)
    assert (fallen.step, fallen.code) == (step, code)
    assert fallen.sentence_en
    assert any("一" <= character <= "鿿" for character in fallen.sentence_zh)


def test_what_the_shop_wrote_about_a_new_need_is_for_who_never_bought_of_the_category(context_of: MakeContext) -> None:
    seen = set()
    for customer in CUSTOMERS[:20]:
        context = context_of(customer)
        assert context.customer is not None
        owned = set(context.customer.categories)
        products = context.live.catalogue.products.products
        mine, other = ([p.product_id for p in products if p.category and (p.category in owned) == bought] for bought in (True, False))
        offers = [
            Offer(offer_id=name, type="new_need", product_ids=tuple(ids[:1] if name != "both" else (mine[0], other[0])))
            for name, ids in (("mine", mine), ("other", other), ("both", mine))
            if mine and other
        ]
        made = {one.offer_id for one in written(offering(context, *offers), "new_need")}
        assert made <= {"other"}  # a discovery of what somebody buys already is a reminder, and there are better ones
        seen |= made
    assert seen == {"other"}
    assert {one.offer_id for one in written(offering(context_of(None), offer("new_need")), "new_need")} == {"mine"}


class TestNewNeed(OfferTypeSuite):
    needs_customer = True

    @pytest.fixture
    def offer_type(self) -> OfferType:
        return NewNeedOffers()

    def test_is_of_categories_never_bought(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for customer in CUSTOMERS[:20]:
            context = context_of(customer)
            assert context.customer is not None
            for made in candidates_of(offer_type, context):
                (item,) = made.items
                assert context.live.catalogue.category_of(item.product_id) not in context.customer.categories
                assert np.isclose(made.probability, item.score)


def test_products_of_a_category_that_is_due_share_its_chance(services: Services, context_of: MakeContext) -> None:
    context = next(c for c in (context_of(customer, horizon_days=7) for customer in CUSTOMERS) if c.category_chances)
    category, chance = max(context.category_chances.items(), key=lambda one: one[1])
    model, (rows, customer) = context.live.models.repurchase, context.category_inputs
    place = context.customer.categories.index(category)
    assert chance == pytest.approx(float(model.hazards(rows, customer, 0)[place]))
    everything = [p.product_id for p in context.live.catalogue.products.products if p.category == category]
    known = [p for p in everything if len(context.live.models.items.positions_of([p])[0])]
    book = OfferBook.of(
        offer_documents(
            [Offer(offer_id=name, type="coupon", product_ids=ids) for name, ids in (("any", ()), ("part", known[:1]), ("whole", known))]
        ),
        terms_of(context.live),
    )

    def written(context: CustomerContext) -> list[Candidate]:
        return [c for c in candidates_of(BY_NAME["coupon"], replace(context, live=context.live.with_offers(book))) if c.offer]

    _, part, whole = written(context)
    assert whole.probability == pytest.approx(chance)
    assert 0 < part.probability < chance
    longer = context_of(context.customer.customer_id, horizon_days=28)
    assert longer.category_chances[category] == pytest.approx(float(model.predict(rows, customer).probability_28d[place]), abs=1e-6)
    anything, _, soon = written(longer)
    assert soon.soon == pytest.approx(chance)
    assert soon.probability == pytest.approx(longer.category_chances[category])
    assert (anything.probability, anything.soon) == (longer.p_order, longer.p_order_soon)
    assert longer.p_order_soon < longer.p_order
    between = context_of(context.customer.customer_id, horizon_days=10)
    assert chance < between.category_chances[category] < longer.category_chances[category]
