"""The book of written offers: what is left out and why, what changes its version, and how fast a change is followed."""

from __future__ import annotations

import json
import time
from pathlib import Path

from fastapi.testclient import TestClient

from features.ledger.catalogue import Kind, put_documents
from features.offers.offer import Offer
from serving.app import create_app
from serving.offers.book import OfferBook, offer_documents
from serving.offers.terms import Terms, nothing_more
from serving.services import Services
from serving.settings import ServingSettings

TERMS = Terms({"coupon": nothing_more, "bundle": nothing_more, "content": nothing_more}, frozenset({"email"}), 0.05)
SPRING = Offer.model_validate(
    {"offer_id": "spring", "type": "coupon", "conditions": {"field": "order_count", "op": "ge", "value": 2}, "channels": ["email"]}
)


def test_what_is_written_is_found_by_id_and_type() -> None:
    book = OfferBook.of(offer_documents([SPRING]), TERMS)
    assert book.by_id["spring"].offer == SPRING
    assert [one.offer.offer_id for one in book.of_type("coupon")] == ["spring"]
    assert book.of_type("survey") == ()
    suits = book.by_id["spring"].suits
    assert suits is not None
    assert suits({"order_count": 2.0}.__getitem__)
    assert not suits({"order_count": None}.__getitem__)
    assert book.problem() is None


def test_bundles_and_content_make_offers() -> None:
    told = {
        (Kind.BUNDLE, "tea"): json.dumps({"bundle_id": "tea", "label": "茶", "product_ids": ["p1", "p2"]}),
        (Kind.CONTENT, "a"): json.dumps({"content_id": "a", "type": "article", "title": {"en": "A"}, "url": "https://shop.example/a"}),
        (Kind.CONTENT, "b"): json.dumps({"content_id": "b", "type": "live", "starts_at": "2026-01-01T10:00:00Z"}),
    }
    book = OfferBook.of(told, TERMS)
    assert list(book.by_id) == ["bundle:tea", "content:a", "live_invite:b"]
    tea = book.by_id["bundle:tea"].offer
    assert (tea.type, tea.product_ids, tea.discount_share, tea.title["zh"]) == ("bundle", ("p1", "p2"), 0.05, "茶")
    assert book.by_id["live_invite:b"].offer.starts_at is not None


def test_a_document_that_no_longer_does_is_left_out_with_a_reason() -> None:
    old = {
        (Kind.OFFER, "a"): '{"offer_id": "a", "type": "coupon", "colour": "red"}',
        (Kind.OFFER, "b"): "not json",
        (Kind.OFFER, "c"): '{"offer_id": "c", "type": "lottery"}',
        (Kind.OFFER, "d"): '{"offer_id": "d", "type": "coupon", "channels": ["fax"]}',
        (Kind.OFFER, "e"): '{"offer_id": "e", "type": "coupon", "conditions": {"field": "shoe_size", "op": "eq", "value": 40}}',
        (Kind.BUNDLE, "f"): "[]",
        (Kind.CONTENT, "g"): "{}",
    }
    book = OfferBook.of(old | offer_documents([SPRING]), TERMS)
    assert list(book.by_id) == ["spring"]
    reasons = {one.document_id: one.reason for one in book.left_out}
    assert set(reasons) == {"a", "b", "c", "d", "e", "f", "g"}
    assert "colour" in reasons["a"]
    assert "no offer type lottery" in reasons["c"]
    assert "no channel fax" in reasons["d"]
    assert "no field shoe_size" in reasons["e"]
    problem = book.problem()
    assert problem is not None
    assert problem.startswith("7 left out: ")
    assert problem.endswith("and 4 more. Write them again as docs/offers.md says.")
    mended = book.updated(offer_documents([SPRING.model_copy(update={"offer_id": "b"})]), TERMS)
    assert len(mended.left_out) == 6
    assert "b" in mended.by_id


def test_the_version_goes_by_what_is_written() -> None:
    book = OfferBook.of(offer_documents([SPRING]), TERMS)
    assert book.version == OfferBook().updated(offer_documents([SPRING]), TERMS).version
    other = offer_documents([SPRING.model_copy(update={"lever": 2.0})])
    assert book.updated(other, TERMS).version == OfferBook.of(other, TERMS).version != book.version
    assert OfferBook.of({}, TERMS).version != book.version


def test_ids_of_models_offers_are_not_taken() -> None:
    for taken in ("coupon", "coupon:7", "no_action", "bundle:tea"):
        objection = TERMS.objection(SPRING.model_copy(update={"offer_id": taken}))
        assert objection is not None
        assert objection.field == "offer_id"
    assert TERMS.objection(SPRING.model_copy(update={"offer_id": "spring:7"})) is None


def test_a_written_offer_is_there_within_a_second_and_after_a_restart(own_shop: Path) -> None:
    settings = ServingSettings(data_dir=own_shop)
    with TestClient(create_app(settings)) as client:
        services: Services = client.app.state.services  # type: ignore[attr-defined]
        told = {"items": [{"offer_id": "spring", "type": "coupon", "product_ids": ["p01"]}]}
        assert client.put("/v1/offers", json=told).json() == {"accepted": 1, "refused": 0, "items": []}
        started = time.monotonic()
        while "spring" not in services.live.offers.by_id:
            assert time.monotonic() - started < 5.0
        assert time.monotonic() - started < 1.0
        with services.ledger.database.writing() as connection:
            put_documents(connection, Kind.OFFER, {"old": '{"offer_id": "old", "type": "lottery"}'}, at=services.ledger.clock())
        services.follow()
        ready = client.get("/readyz").json()
        assert "there is no offer type lottery" in ready["problems"]["offers"]
        assert client.post("/v1/next-best-offers", json={"customer_id": "c001"}).status_code == 200
    with TestClient(create_app(settings)) as again:
        later: Services = again.app.state.services  # type: ignore[attr-defined]
        assert later.live.offers == services.live.offers
        assert list(later.live.offers.by_id) == ["spring"]
