"""The rules in columns say of every written offer what the rules of one candidate say."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from features.decisions.policy import DecisionPolicy
from features.decisions.screened import SENTENCES
from features.feature_sets import CUSTOMER
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from features.ledger.contacts import Contact
from features.offers.offer import Offer
from serving.catalogue import Catalogue
from serving.category_needs import chances_within
from serving.customer_context import CustomerContext
from serving.decisioning.board import Board, sendable, set_out
from serving.decisioning.eligibility import Dropped
from serving.decisioning.experiments import Assigned
from serving.decisioning.layout import lay_out
from serving.decisioning.written_screen import RULES
from serving.live import Live
from serving.live_opening import terms_of
from serving.offers.book import OfferBook, offer_documents
from serving.offers.offer_types import OFFER_TYPES
from serving.offers.protocol import Candidate
from serving.offers.validity import begun, days_left
from serving.offers.written import candidates_of
from tests.serving.small_shop import CUSTOMERS

MakeContext = Callable[..., CustomerContext]
POLICY = DecisionPolicy.model_validate(
    {"contact": {"caps": [{"channel": "email", "type": "coupon", "most": 1, "period": "week"}]}, "fairness": {"most_discount": 3.0}}
)
LINKED = {"content", "live_invite", "try_on_invite", "store_visit", "adviser_talk", "usage_tip"}


def some_offers(live: Live, count: int, seed: int) -> list[Offer]:
    """Offers of every kind, most of which fall for somebody."""
    rng, lasting, now = random.Random(seed), random.Random(seed), live.as_of  # noqa: S311 - no secret
    products = [p.product_id for p in live.catalogue.products.products]
    made = []
    for number in range(count):
        kind = rng.choice(
            ["coupon", "item", "bundle", "content", "replenishment", "store_visit", "winback", "usage_tip", "survey", "new_need"]
        )
        told: dict[str, Any] = {"offer_id": f"o{number:03d}", "type": kind, "url": "https://shop.example/x" if kind in LINKED else None}
        if kind in {"bundle", "replenishment", "item"} or rng.random() < 0.4:
            told["product_ids"] = rng.sample(products, 3)
        told |= rng.choice(
            [
                {},
                {"stages": [rng.choice(["stranger", "buyer", "loyal"])]},
                {"layers": [rng.choice(["high_value", "dormant", "regular"])]},
                {"conditions": {"field": "order_count", "op": "ge", "value": rng.randrange(12)}},
                {"starts_at": now + timedelta(days=rng.uniform(-5, 5))},
                {"ends_at": now + timedelta(days=rng.uniform(-5, 5))},
                {"channels": [rng.choice(["email", "mail", "app"])]},
                {"cap": 1},
            ]
        )
        told |= rng.choice([{}, {"discount": rng.uniform(0.1, 9.0)}, {"discount_share": 0.1}])
        told |= lasting.choice([{}, {}, {"valid_days": lasting.uniform(0.2, 60.0)}])
        made.append(Offer.model_validate(told))
    return made


def with_written(context: CustomerContext, *, seed: int) -> CustomerContext:
    live = context.live
    assumptions, owned = live.catalogue.assumptions, live.catalogue.category_of("p10")
    assert owned is not None
    durable = assumptions.model_copy(update={"catalogue": assumptions.catalogue.model_copy(update={"durable_categories": [owned]})})
    live = replace(live, catalogue=Catalogue(live.catalogue.products, durable))
    book = OfferBook.of(offer_documents(some_offers(live, 120, seed)), terms_of(live))
    assert not book.left_out
    live = live.with_offers(book)
    some = sorted(book.by_id)[::17]
    return replace(context, live=replace(live, exhausted=frozenset(some)).warm())


def board_of(context: CustomerContext, history: ContactHistory) -> Board:
    return set_out(lay_out(OFFER_TYPES, context, Assigned((), POLICY, POLICY.version)), context, history)


def fallen_one_by_one(board: Board, context: CustomerContext) -> list[Dropped]:
    """What the rules of one candidate say of every written offer that a type considers."""
    every = [c for one in OFFER_TYPES for c in candidates_of(one, context) if c.offer is not None]
    return sendable(every, context, board.policy, board.history)[1]


@pytest.mark.parametrize("seed", range(4))
def test_both_readings_of_the_rules_agree(context_of: MakeContext, seed: int) -> None:
    rng, seen = random.Random(seed), set[str]()  # noqa: S311 - no secret
    for customer in rng.sample(CUSTOMERS, 12):
        channel = rng.choice(["email", "mail", None])
        plain = context_of(customer, channel=channel, contact=rng.choice([None, frozenset({"email"})]))
        cart = tuple(rng.sample([p.product_id for p in plain.live.catalogue.products.products], 2)) if rng.random() < 0.5 else ()
        context = with_written(replace(plain, cart=cart), seed=seed)
        assert context.customer is not None
        vector = context.customer.vector.copy()
        vector[CUSTOMER.columns.index("complaints_open")] = float(rng.random() < 0.2)
        vector[CUSTOMER.columns.index("discount_share")] = rng.choice([0.0, 0.9])
        context = replace(context, customer=replace(context.customer, vector=vector))
        sent = [
            Contact(f"k{n}", customer, "email", "coupon", f"o{n:03d}", None, at=context.now - timedelta(hours=n + 1))
            for n in range(0, 120, 9)
        ]
        history = ContactHistory(frozenset({customer}), tuple(reversed(sent[: rng.randrange(0, len(sent))])))
        board = board_of(context, history)
        expected = {one.candidate.offer_id: (one.step, one.code) for one in fallen_one_by_one(board, context)}
        codes = board.screen.codes
        found = {board.screen.columns.ids[place]: RULES[codes[place] - 1] for place in np.flatnonzero(codes).tolist()}
        assert found == expected
        seen |= {code for _, code in found.values()}
        told = {one.candidate.offer_id: (one.step, one.code) for one in board.dropped if one.candidate.offer is not None}
        assert told == expected
        kept = {c.offer_id for c in map(board.candidate, range(len(board))) if c.offer is not None}
        every = {c.offer_id for one in OFFER_TYPES for c in candidates_of(one, context) if c.offer is not None}
        assert kept == every - set(expected)
    assert len(seen) >= 6, seen
    assert "owned" in seen


def by_hand(context: CustomerContext, candidate: Candidate, days: float) -> float:
    """P(responds within so many days), one product after the other, from the models' own numbers."""
    likings, live, customer = context.likings, context.live, context.customer
    assert customer is not None
    if not candidate.items:
        return context.orders_within(days) or 0.0
    assert context.category_hazards is not None
    assert likings.liked is not None
    due = dict(zip(customer.categories, chances_within(context.category_hazards, days).tolist(), strict=True))
    alike: dict[str, list[float]] = {}
    for item in candidate.items:
        category = live.catalogue.category_of(item.product_id)
        together = 0.0 if category is None else float(likings.liked[live.category_places[category]])
        if category in due and together > 0:
            alike.setdefault(category, []).append(due[category] * min(1.0, item.score / together))
        else:
            alike[item.product_id] = [1.0 - (1.0 - item.score) ** (days / context.horizon_days)]
    return 1.0 - math.prod(1.0 - min(1.0, sum(chances)) for chances in alike.values())


@pytest.mark.parametrize("seed", range(3))
def test_a_discount_is_charged_for_the_days_it_can_be_had_in_columns_as_for_one_candidate(context_of: MakeContext, seed: int) -> None:
    fewer = 0
    for customer in CUSTOMERS[seed::20]:
        context = with_written(context_of(customer, channel="email", contact=frozenset({"email"})), seed=seed)
        board = board_of(context, NO_HISTORY)
        slate = board.slate
        for place in range(len(board)):
            one, factors = board.candidate(place), slate.factors.row(place)
            if not factors.discount:
                assert factors.p0_valid is None
                continue
            days = min(days_left(one.valid_until(begun(context.now)), context.now), POLICY.horizon_days)
            assert factors.p0_valid is not None
            assert factors.p0_valid <= factors.p0
            if one.offer is not None:
                wanted = min(7.0 if one.offer.valid_days is None else one.offer.valid_days, POLICY.horizon_days)
                assert days == pytest.approx(wanted, abs=1e-6) or one.valid_until(context.now) == one.offer.ends_at
                assert one.valid == pytest.approx(by_hand(context, one, days), rel=1e-6, abs=1e-9)
                assert factors.p0_valid == pytest.approx(min(one.valid or 0.0, one.probability))
            fewer += factors.p0_valid < 0.9 * factors.p0
    assert fewer >= 10, "most discounts end before the horizon"


def test_every_rule_has_its_sentences() -> None:
    assert {code for _, code in RULES} == set(SENTENCES)


def test_an_offer_of_a_model_that_answers_nan_is_not_decided_on(context_of: MakeContext) -> None:
    context = with_written(context_of("c000", channel="email"), seed=1)
    context.likings.__dict__["item_logits"] = np.full(len(context.live.models.items.product_ids), np.nan, np.float32)  # type: ignore[union-attr]
    board = board_of(context, ContactHistory())
    named = [one for one in board.dropped if one.code == "no_number"]
    assert named
    assert all(np.isfinite(board.candidate(place).probability) for place in range(len(board)))
