"""What was laid out holds until something is known or the clock says otherwise, and not a moment longer."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from features.customer_facts import CustomerFacts
from features.decisions.record_columns import NUMBERS
from features.offers.offer import Offer
from features.products import Coupon
from serving.catalogue import Catalogue
from serving.customer_context import CustomerContext
from serving.decisioning.engine import Engine, OfferRequest
from serving.decisioning.experiments import Assigned
from serving.decisioning.layout import Layout, lay_out
from serving.decisioning.layouts import Layouts
from serving.live import Live
from serving.live_opening import terms_of
from serving.offers.book import OfferBook, offer_documents
from serving.offers.offer_types import OFFER_TYPES
from serving.offers.protocol import Candidate
from serving.offers.validity import begun, next_count
from serving.remembered import Memory
from serving.services import Services
from tests.serving.decisioning.test_written_screen import POLICY, with_written
from tests.serving.small_shop import CUSTOMERS, PRODUCTS

MakeContext = Callable[..., CustomerContext]
ASSIGNED = Assigned((), POLICY, POLICY.version)
FACTS = CustomerFacts(birth_month=7, birth_day=9, timezone="America/New_York", locale=None)


def rounded(candidate: Candidate) -> Candidate:
    """Some products' log-odds are those of all but for the last digits."""
    items = tuple(replace(item, score=round(item.score, 5)) for item in candidate.items)
    return replace(candidate, items=items, probability=round(candidate.probability, 5), margin=round(candidate.margin, 4))


def looks(layout: Layout) -> dict[str, Any]:
    slate, written = layout.slate, layout.written
    return {
        "offers": list(zip(slate.offer_ids, slate.types, map(tuple, slate.product_ids), strict=True)),
        "factors": [np.nan_to_num(getattr(slate.factors, name), nan=-1.0).round(4).tolist() for name in NUMBERS],
        "valid": np.nan_to_num(slate.factors.p0_valid, nan=-1.0).round(4).tolist(),
        "sources": list(slate.factors.source),
        "codes": layout.codes.tolist(),
        "kept": [rounded(one) for one in layout.kept],
        "fallen": [(one.candidate.offer_id, one.code) for one in layout.fallen],
        "reasons": {name: [one.reasons(place) for place in one.places.tolist()] for name, one in layout.considered.items()},
        "written": written.places.tolist(),
        "state": layout.state,
    }


def with_coupons(context: CustomerContext) -> CustomerContext:
    """A live state in which everybody holds coupons that come and go."""
    live, now = context.live, context.now
    coupons = [
        Coupon(
            offer_id=f"k{n}",
            label=f"Campaign {n}",
            starts_at=now + timedelta(days=n - 1.5),
            ends_at=now + timedelta(days=n + 0.7),
            product_ids=PRODUCTS[n : n + 4],
            redemption_rate=0.1,
            redemption_base=100,
        )
        for n in range(5)
    ]
    held = {one.offer_id: list(CUSTOMERS) for one in coupons}
    products = live.catalogue.products.model_copy(update={"coupons": tuple(coupons), "mailed": held})
    return replace(context, live=replace(live, catalogue=Catalogue(products, live.catalogue.assumptions)).warm())


def test_it_holds_until_it_says_and_no_longer(context_of: MakeContext) -> None:
    rng, changes, kept = random.Random(5), set[str](), 0  # noqa: S311 - no secret
    plain = with_coupons(with_written(context_of("c000"), seed=3))
    for customer in rng.sample(CUSTOMERS, 16):
        known = plain.live.reader.read(customer)
        assert known is not None
        begin = plain.now + timedelta(days=rng.uniform(0, 4))
        context = CustomerContext(
            plain.live, begin, replace(known, facts=FACTS), rng.choice(["email", "web", None]), contact=frozenset({"email"})
        )
        for _ in range(6):  # from one turn to the next
            layout = lay_out(OFFER_TYPES, context, ASSIGNED)
            seconds = (layout.until - context.now).total_seconds()
            assert seconds < 86_400 + 1, "a birthday comes nearer every midnight"
            if seconds > 0:
                kept += 1
                later = replace(context, now=context.now + timedelta(seconds=rng.uniform(0.0, 0.999) * seconds))
                assert layout.holds(later.customer, ASSIGNED, later.now)
                assert looks(lay_out(OFFER_TYPES, later, ASSIGNED)) == looks(layout)
            context = replace(context, now=layout.until + timedelta(seconds=1.5))
            assert not layout.holds(context.customer, ASSIGNED, context.now)
            before, after = looks(layout), looks(lay_out(OFFER_TYPES, context, ASSIGNED))
            changes |= {part for part, told in before.items() if told != after[part]}
    assert kept > 60
    assert changes >= {"codes", "kept", "reasons", "written"}


def decided(live: Live, customer: str, services: Services, **asked: object) -> dict[str, Any]:
    engine = Engine(OFFER_TYPES, new_id=lambda: "same")
    request = OfferRequest(customer, limit=5, **asked)  # type: ignore[arg-type]
    told: dict[str, Any] = near(engine.decide(live, request, now=services.now).record.model_dump())
    return told


def near(told: Any) -> Any:
    """Numbers to five digits."""
    if isinstance(told, dict):
        return {name: near(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [near(value) for value in told]
    return round(told, 5) if isinstance(told, float) else told


def test_an_answer_from_a_layout_is_the_one_without(services: Services, context_of: MakeContext) -> None:
    live = with_coupons(with_written(context_of("c000"), seed=2)).live
    mindful, fresh = replace(live, memory=Memory(100)), replace(live, memory=Memory(0))
    for customer in (*CUSTOMERS[:10], "unknown"):
        for asked in ({"channel": "web"}, {"channel": "email", "contact": frozenset({"email"})}, {"channel": "email"}, {"channel": None}):
            for _ in range(2):
                assert decided(mindful, customer, services, **asked) == decided(fresh, customer, services, **asked)
    assert len(mindful.layouts) == 4 * 10 + 4  # nobody in particular is one
    assert len(fresh.layouts) == 0


def test_what_changes_in_the_shop_begins_anew(services: Services, context_of: MakeContext) -> None:
    live = replace(with_written(context_of("c000"), seed=2).live, memory=Memory(100)).warm()
    decided(live, "c000", services, channel="web")
    levels = {PRODUCTS[0]: 3}
    assert live.restocked({PRODUCTS[0]: 9}).layouts is live.layouts, "it was there and is there"
    assert live.restocked(dict.fromkeys(levels, 0)).layouts is not live.layouts
    assert live.with_models(live.models).layouts is not live.layouts
    assert live.with_offers(live.offers).layouts is not live.layouts
    assert replace(live, exhausted=frozenset({"o001"})).warm().layouts is not live.layouts


def test_what_is_kept_holds_no_state_of_the_shop(services: Services, context_of: MakeContext) -> None:
    live = replace(with_written(context_of("c000"), seed=2).live, memory=Memory(100)).warm()
    for customer in CUSTOMERS[:20]:
        decided(live, customer, services, channel="web")
    kept, seen = live.layouts, weakref.ref(live.catalogue)
    del live
    gc.collect()
    assert len(kept) == 20
    assert seen() is None, "thousands of layouts would each keep an old catalogue"


def test_the_longest_ago_is_forgotten(context_of: MakeContext) -> None:
    layouts, made = Layouts(3), list[str]()
    for customer in ("c000", "c001", "c000", "c002", "c003", "c000", "c001"):
        context = replace(context_of(customer), channel="web")
        known = next((one.customer for one in layouts._kept.values() if one.customer and one.customer.customer_id == customer), None)
        context = context if known is None else replace(context, customer=known)
        layouts.of(context, ASSIGNED, lambda: made.append(context.customer.customer_id) or lay_out(OFFER_TYPES, context, ASSIGNED))  # type: ignore[union-attr, func-returns-value]  # noqa: B023
    assert made == ["c000", "c001", "c002", "c003", "c001"]
    np.testing.assert_equal(len(layouts), 3)


def test_days_for_which_a_discount_can_still_be_had_are_counted_anew_each_day(context_of: MakeContext) -> None:
    context = context_of("c060", channel="web")  # who holds no coupon of a campaign
    ends = begun(context.now) + timedelta(days=4, hours=9)
    told = {"type": "coupon", "discount": 0.1, "margin": 5.0}
    offers = [Offer(offer_id="ending", ends_at=ends, **told), Offer(offer_id="open", **told)]
    live = context.live.with_offers(OfferBook.of(offer_documents(offers), terms_of(context.live)))
    context = replace(context, live=live)

    def charged(layout: Layout) -> dict[str, float]:
        return dict(zip(layout.slate.offer_ids, layout.slate.factors.p0_valid.tolist(), strict=True))

    layout = lay_out(OFFER_TYPES, context, ASSIGNED)
    assert layout.until <= next_count(context.now)
    first, later = charged(layout), charged(lay_out(OFFER_TYPES, replace(context, now=layout.until + timedelta(seconds=2)), ASSIGNED))
    assert later["ending"] < first["ending"] < first["open"] == later["open"]
    whole = replace(context, live=live.with_offers(OfferBook.of(offer_documents(offers[1:]), terms_of(live))))
    assert lay_out(OFFER_TYPES, whole, ASSIGNED).until > next_count(context.now), "nothing that ends, nothing to count"


def test_an_offer_that_ends_with_the_calendar_stands_until_then(services: Services, context_of: MakeContext) -> None:
    last = datetime.max.replace(tzinfo=UTC)
    live = context_of("c000").live
    offer = Offer.model_validate({"offer_id": "ever", "type": "item", "product_ids": ["p11"], "ends_at": last})
    live = live.with_offers(OfferBook.of(offer_documents([offer]), terms_of(live)))
    layout = lay_out(OFFER_TYPES, replace(context_of("c000", channel="web"), live=live), ASSIGNED)
    assert services.now < layout.until <= last
