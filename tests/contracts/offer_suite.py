"""What every offer type promises; its test inherits this and says how to make one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from features.decisions.policy import Value
from features.decisions.record import Considered, Factors
from features.decisions.worth import worth
from features.products import Product
from serving.api.next_best_offers_schemas import OfferView
from serving.api.offer_views import offer_view
from serving.catalogue import Catalogue
from serving.customer_context import CustomerContext
from serving.decisioning.engine import Given
from serving.live import Live
from serving.live_models import LiveModels
from serving.offers.protocol import Candidate, OfferType, cents
from serving.offers.written import candidates_of
from serving.services import Services
from tests.serving.small_shop import CUSTOMERS

MakeContext = Callable[..., CustomerContext]


def with_products(live: Live, change: Callable[[Product], Product]) -> Live:
    """The same state with other product facts."""
    products = live.catalogue.products
    changed = products.model_copy(update={"products": tuple(change(p) for p in products.products)})
    return replace(live, catalogue=Catalogue(changed, live.catalogue.assumptions)).warm()


def considered(candidate: Candidate, *, uplift: bool = True) -> Considered:
    """A candidate with its factors and its value, the message for nothing."""
    factors = Factors(
        p0=candidate.probability,
        tau=0.1 * candidate.probability,
        margin=candidate.margin,
        discount=candidate.discount,
        contact_cost=candidate.cost,
        lever=candidate.lever,
    )
    value = float(worth([factors], Value(uplift=uplift)).mean[0])
    return Considered(offer_id=candidate.offer_id, type=candidate.type, factors=factors, value=value, propensity=1.0, policy_propensity=1.0)


def value_of(candidate: Candidate, *, uplift: bool = True) -> float:
    return considered(candidate, uplift=uplift).value


class OfferTypeSuite:
    """Inherit, and provide the fixture `offer_type`."""

    needs_customer = False
    offers_products = True

    @pytest.fixture
    def offer_type(self) -> OfferType:
        raise NotImplementedError

    @pytest.fixture
    def made(self, offer_type: OfferType, context_of: MakeContext) -> list[Candidate]:
        """Candidates of every customer."""
        made = [candidate for customer in CUSTOMERS for candidate in candidates_of(offer_type, context_of(customer))]
        assert made, "the small shop must give this offer type something to do"
        return made

    def test_sooner_is_never_likelier_and_the_whole_horizon_is_the_horizon(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for customer in CUSTOMERS[:20]:
            short, whole = (offer_type.candidates(context_of(customer, soon_days=days)) for days in (7, 28))
            for soon, late in zip(short, whole, strict=True):
                assert soon.probability == late.probability
                if soon.soon is not None and late.soon is not None:
                    assert 0 <= soon.soon <= late.soon + 1e-9
                    assert late.soon == pytest.approx(late.probability)

    def test_carries_its_name_and_lawful_numbers(self, offer_type: OfferType, made: list[Candidate]) -> None:
        for candidate in made:
            assert candidate.type == offer_type.name
            assert candidate.offer_id.split(":")[0] == offer_type.name
            assert 0.0 <= candidate.probability <= 1.0
            assert min(candidate.margin, candidate.discount, candidate.cost) >= 0.0
            assert candidate.reasons
            assert bool(candidate.items) == self.offers_products

    def test_value_is_zero_for_nobody_and_finite_for_everybody(self, offer_type: OfferType, made: list[Candidate]) -> None:
        for candidate in made:
            assert math.isfinite(value_of(candidate))
            never = replace(candidate, probability=0.0, cost=0.0)
            assert value_of(never, uplift=False) == pytest.approx(0.0, abs=1e-12)  # who never responds leaves nothing

    def test_somebody_unknown_gets_nothing_personal(self, offer_type: OfferType, context_of: MakeContext) -> None:
        found = candidates_of(offer_type, context_of(None))
        assert not (self.needs_customer and found)
        assert all(math.isfinite(value_of(candidate)) for candidate in found)

    def test_never_offers_what_is_out_of_stock(
        self, offer_type: OfferType, made: list[Candidate], services: Services, context_of: MakeContext
    ) -> None:
        self._never_offers(offer_type, made, context_of, lambda gone, p: p.model_copy(update={"stock": 0 if p.product_id in gone else 5}))

    def test_never_offers_what_is_inactive(self, offer_type: OfferType, made: list[Candidate], context_of: MakeContext) -> None:
        self._never_offers(offer_type, made, context_of, lambda gone, p: p.model_copy(update={"active": p.product_id not in gone}))

    def _never_offers(
        self,
        offer_type: OfferType,
        made: list[Candidate],
        context_of: MakeContext,
        change: Callable[[set[str], Product], Product],
    ) -> None:
        # Half of what was offered goes; what remains must still make candidates, or the test would prove nothing.
        offered = sorted({item.product_id for candidate in made for item in candidate.items})
        gone = set(offered[::2])
        live = with_products(context_of(None).live, lambda p: change(gone, p))
        again = [c for customer in CUSTOMERS for c in candidates_of(offer_type, replace(context_of(customer), live=live))]
        assert again
        assert not gone & {item.product_id for candidate in again for item in candidate.items}

    def test_never_offers_what_has_ended(self, offer_type: OfferType, context_of: MakeContext) -> None:
        for days in (0, 6, 40):
            now = context_of(None).now + timedelta(days=days)
            for customer in CUSTOMERS[:30]:
                assert all(c.valid_until(now) >= now for c in candidates_of(offer_type, context_of(customer, now=now)))

    def test_says_nothing_without_its_models(self, offer_type: OfferType, context_of: MakeContext) -> None:
        bare = context_of(None).live.with_models(LiveModels())
        for customer in CUSTOMERS[:10]:
            for candidate in candidates_of(offer_type, replace(context_of(customer), live=bare)):
                assert math.isfinite(value_of(candidate))

    def test_is_the_same_twice(self, offer_type: OfferType, made: list[Candidate], context_of: MakeContext) -> None:
        assert made == [candidate for customer in CUSTOMERS for candidate in candidates_of(offer_type, context_of(customer))]

    def test_round_trips_through_the_api_schema(self, made: list[Candidate], services: Services) -> None:
        for candidate in made:
            view = offer_view(Given(candidate, considered(candidate)), candidate.channels, services.now)
            assert OfferView.model_validate_json(view.model_dump_json()) == view
            assert view.expected_value == cents(value_of(candidate))
            assert [item.product_id for item in view.items] == [item.product_id for item in candidate.items]
            assert view.reason_codes == [reason.code for reason in candidate.reasons]
            assert all(reason.sentence_en and reason.sentence_zh for reason in view.reasons)
