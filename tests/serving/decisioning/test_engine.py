from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from features.store import CustomerFeatures
from features.versions import current_folder
from serving.decisioning.engine import Decision, OfferRequest
from serving.live_models import LiveModels
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS, LEAVING, PROJECT, VIEW


def decide(services: Services, customer_id: str | None, **given: object) -> Decision:
    return services.engine.decide(services.live, OfferRequest(customer_id, **given), now=services.now)  # type: ignore[arg-type]


class ForbiddenReader:
    """A reader that nobody may ask."""

    def read(self, customer_id: str) -> CustomerFeatures | None:
        raise AssertionError(f"personal features of {customer_id} were read")

    def packed(self, customer_id: str) -> None:
        raise AssertionError(f"personal features of {customer_id} were read")

    def sketch(self, customer_id: str) -> CustomerFeatures | None:
        raise AssertionError(f"personal features of {customer_id} were read")

    def version(self, customer_id: str) -> int | None:
        raise AssertionError(f"the store was asked about {customer_id}")

    version_lately = version

    def customer_ids(self) -> list[str]:
        raise AssertionError("customers were listed")


def content(decision: Decision) -> list[tuple[str, float]]:
    return [(offer.candidate.offer_id, offer.considered.value) for offer in decision.offers]


def test_every_customer_gets_lawful_offers_above_silence(services: Services) -> None:
    for customer in CUSTOMERS:
        decision = decide(services, customer, channel="email", limit=5)
        assert 1 <= len(decision.offers) <= 5
        assert not decision.degraded
        for offer in decision.offers:
            assert offer.candidate.type == "no_action" or offer.considered.value > 0
            assert "email" in offer.candidate.channels
            assert all(services.live.catalogue.offerable(item.product_id) for item in offer.candidate.items)


def test_somebody_leaving_is_offered_to_come_back(services: Services) -> None:
    decision = decide(services, LEAVING, channel="email", limit=20)
    assert "winback" in {offer.candidate.type for offer in decision.offers}


def test_a_dear_channel_leaves_only_silence(services: Services) -> None:
    decision = decide(services, "c000", channel="mail")
    assert [offer.candidate.type for offer in decision.offers] == ["no_action"]
    assert {dropped.code for dropped in decision.dropped} == {"worth_no_more_than_silence"}


def test_a_channel_without_consent_leaves_only_silence(services: Services) -> None:
    decision = decide(services, "c000", channel="sms")
    assert [offer.candidate.type for offer in decision.offers] == ["no_action"]
    assert {dropped.code for dropped in decision.dropped} == {"channel_not_consented"}


def test_without_personalization_nothing_personal_is_read(services: Services) -> None:
    guarded = replace(services.live, reader=ForbiddenReader()).warm()
    decisions = [
        services.engine.decide(guarded, OfferRequest(customer, personalized=False), now=services.now) for customer in ("c000", LEAVING)
    ]
    assert content(decisions[0]) == content(decisions[1])
    assert not decisions[0].context.personal
    assert {offer.candidate.type for offer in decisions[0].offers} <= {"item", "bundle", "no_action"}


def test_the_guard_above_would_notice(services: Services) -> None:
    guarded = replace(services.live, reader=ForbiddenReader())
    with pytest.raises(AssertionError, match=r"was asked|were read"):
        services.engine.decide(guarded, OfferRequest("c000"), now=services.now)


def test_somebody_unknown_gets_what_is_popular(services: Services) -> None:
    unknown = decide(services, "never-seen")
    assert content(unknown) == content(decide(services, None))
    assert not unknown.context.personal
    assert unknown.offers[0].candidate.type != "no_action"


def test_decisions_repeat_but_their_ids_do_not(services: Services) -> None:
    one, two = decide(services, "c001"), decide(services, "c001")
    assert content(one) == content(two)
    assert one.decision_id != two.decision_id


def test_without_models_the_answer_is_silence_and_says_why(services: Services) -> None:
    decision = services.engine.decide(services.live.with_models(LiveModels()), OfferRequest("c050"), now=services.now)
    assert [offer.candidate.type for offer in decision.offers] == ["no_action"]
    assert set(decision.degraded) == {"return_hazard", "value", "repurchase", "items", "bundles"}


def test_one_missing_model_costs_its_offers_only(services: Services) -> None:
    bare = services.live.with_models(replace(services.live.models, repurchase=None))
    decision = services.engine.decide(bare, OfferRequest("c001", limit=20), now=services.now)
    assert set(decision.degraded) == {"repurchase"}
    assert {"item", "no_action"} <= {offer.candidate.type for offer in decision.offers} | {d.candidate.type for d in decision.dropped}


def test_a_damaged_row_is_answered_as_for_somebody_unknown(own_shop: Path) -> None:
    database = current_folder(own_shop / "online", remedy="") / "online.db"
    with sqlite3.connect(database) as connection:
        connection.execute(f"UPDATE \"{PROJECT}_{VIEW}\" SET value = x'0a03414243' WHERE feature_name = 'vector'")  # noqa: S608
    connection.close()
    services = build_services(ServingSettings(data_dir=own_shop))
    decision = decide(services, "c000")
    assert set(decision.degraded) == {"customer"}
    assert content(decision) == content(decide(services, None))


def test_the_cart_changes_what_is_offered_and_is_never_offered(services: Services) -> None:
    changed = 0
    for customer in CUSTOMERS[:20]:
        plain = decide(services, customer, limit=20)
        cart = tuple(item.product_id for item in plain.offers[0].candidate.items)
        filled = decide(services, customer, limit=20, cart=cart)
        for offer in filled.offers:
            owned = [item.product_id in cart for item in offer.candidate.items]
            assert not any(owned) or (offer.candidate.type == "bundle" and not all(owned))
        changed += content(plain) != content(filled)
    assert changed > 10


def test_a_later_clock_ends_the_coupon(services: Services) -> None:
    def coupons(days: int) -> set[str]:
        decision = services.engine.decide(services.live, OfferRequest("c000", limit=20), now=services.now + timedelta(days=days))
        made = [*(o.candidate for o in decision.offers), *(d.candidate for d in decision.dropped)]
        return {c.offer_id for c in made if c.type == "coupon"}

    assert coupons(0) == {"coupon:running"}
    assert coupons(100) == set()
