"""What the shop feeds, on both databases: each item judged by itself, the newest word counts, pages by id."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from features.ledger.audit import AUDIT, verify
from features.ledger.catalogue import stock_levels
from serving.services import Services

FEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "products": ("product_id", {"name": "面膜"}),
    "offers": ("offer_id", {"type": "coupon", "title": {"zh": "春天"}, "starts_at": "2026-03-01T00:00:00Z"}),
    "bundles": ("bundle_id", {"product_ids": ["p01", "p02"]}),
    "content": ("content_id", {"type": "live", "url": "https://shop.example/live"}),
}


def put(client: TestClient, name: str, items: object) -> dict[str, Any]:
    answer = client.put(f"/v1/{name}", content=json.dumps({"items": items}))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("name", FEEDS)
def test_what_was_fed_is_read_back_and_replaced_whole(taking: TestClient, name: str) -> None:
    key, told = FEEDS[name]
    ids = [f"编号/{i}?#'\"" for i in range(5)]
    assert put(taking, name, [{key: i, **told} for i in ids]) == {"accepted": 5, "refused": 0, "items": []}
    first = taking.get(f"/v1/{name}").json()["items"][0]
    assert first == {**first, key: ids[0], **told}
    plain = {key: "plain", **told}
    assert put(taking, name, [plain, plain])["accepted"] == 2  # twice is once
    found = taking.get(f"/v1/{name}/plain").json()
    assert found == {**found, **plain}
    missing = taking.get(f"/v1/{name}/nothing")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:huitou:problem:document-unknown")


def test_a_product_is_known_once_it_is_fed(taking: TestClient) -> None:
    offer = {"offer_id": "launch", "type": "coupon", "product_ids": ["p01", "new-1", "new-2"]}
    (refused,) = put(taking, "offers", [offer])["items"]
    assert refused["reason"] == "not in the catalogue: new-1, new-2; feed products before what offers them"
    put(taking, "products", [{"product_id": "new-1"}, {"product_id": "new-2"}])
    assert put(taking, "offers", [offer]) == {"accepted": 1, "refused": 0, "items": []}


def test_a_condition_is_refused_with_the_nearest_names(taking: TestClient) -> None:
    offer = {"offer_id": "o", "type": "coupon", "conditions": {"all": [{"field": "order_cuont", "op": "ge", "value": 2}]}}
    (refused,) = put(taking, "offers", [offer])["items"]
    assert refused["reason"].startswith("Value error, all[0].field: there is no field order_cuont; the nearest are order_count")


def test_lists_come_page_by_page(taking: TestClient) -> None:
    ids = [f"p{i:03d}" for i in range(25)]
    put(taking, "products", [{"product_id": i} for i in reversed(ids)])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = taking.get("/v1/products", params={"limit": 10, **({} if cursor is None else {"cursor": cursor})}).json()
        seen += [item["product_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 10
    assert seen == ids


def test_stock_by_its_last_word(taking: TestClient) -> None:
    answer = put(
        taking, "stock", [{"product_id": "p1", "quantity": 3}, {"product_id": "p1", "quantity": 0}, {"product_id": "p2", "quantity": None}]
    )
    assert answer["accepted"] == 3
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    with services.ledger.database.reading() as connection:
        assert {s.product_id: s.quantity for s in stock_levels(connection)} == {"p1": 0, "p2": None}


def test_stock_is_listed_page_by_page(taking: TestClient) -> None:
    levels = [{"product_id": f"p{i}", "quantity": None if i == 3 else i} for i in range(5)]
    put(taking, "stock", levels)
    found, cursor = [], None
    for _ in range(3):
        answer = taking.get("/v1/stock", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found += answer["items"]
        cursor = answer["next_cursor"]
    assert found == levels
    assert cursor is None
    assert taking.get("/v1/stock/p3").json() == levels[3]
    unknown = taking.get("/v1/stock/p9")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:huitou:problem:document-unknown")


BAD: list[tuple[str, object, str]] = [
    ("products", {"name": "x"}, "product_id"),
    ("products", {"product_id": "a\0"}, "product_id"),
    ("products", {"product_id": "\ud800"}, "product_id"),
    ("products", {"product_id": "x" * 10_000}, "product_id"),
    ("products", {"product_id": "p", "name": "\udfff"}, "name"),
    ("products", {"product_id": "p", "name": "a\0b"}, "name"),
    ("products", {"product_id": "p", "naem": "x"}, "naem"),
    ("products", {"product_id": "p", "\ud800": 1}, "item"),
    ("products", 7, "item"),
    ("products", None, "item"),
    ("stock", {"product_id": "p"}, "quantity"),
    ("stock", {"product_id": "p", "quantity": -1}, "quantity"),
    ("stock", {"product_id": "p", "quantity": 1.5}, "quantity"),
    ("stock", {"product_id": "p", "quantity": 2**63}, "quantity"),
    ("stock", {"product_id": "p", "quantity": "3"}, "quantity"),
    ("stock", {"product_id": "p", "quantity": float("inf")}, "quantity"),
    ("stock", {"product_id": "p", "quantity": float("nan")}, "quantity"),
    ("offers", {"offer_id": "o", "type": "coupon", "cost": float("nan")}, "cost"),
    ("offers", {"offer_id": "o", "type": "coupon", "margin": 1e999}, "margin"),
    ("offers", {"offer_id": "o", "type": "coupon", "starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"}, "item"),
    ("offers", {"offer_id": "o", "type": "coupon", "title": {"fr": "x"}}, "title.fr.[key]"),
    ("offers", {"offer_id": "o", "type": "lottery"}, "type"),
    ("offers", {"offer_id": "o", "type": "no_action"}, "type"),
    ("offers", {"offer_id": "coupon:1", "type": "coupon"}, "offer_id"),
    ("offers", {"offer_id": "o", "type": "coupon", "product_ids": ["p01", "nowhere"]}, "product_ids"),
    ("offers", {"offer_id": "o", "type": "coupon", "channels": ["email", "fax"]}, "channels"),
    ("offers", {"offer_id": "o", "type": "coupon", "margin": -0.01}, "margin"),
    ("offers", {"offer_id": "o", "type": "coupon", "margin": 1, "discount": 2}, "item"),
    ("offers", {"offer_id": "o", "type": "coupon", "cap": 0}, "cap"),
    ("offers", {"offer_id": "o", "type": "coupon", "budget": 1, "discount": 2}, "budget"),
    ("offers", {"offer_id": "o", "type": "coupon", "conditions": {"field": "orders", "op": "ge", "value": 1}}, "conditions"),
    (
        "offers",
        {"offer_id": "o", "type": "coupon", "conditions": {"field": "order_count", "op": "ge", "value": float("nan")}},
        "conditions",
    ),
    ("bundles", {"bundle_id": "b", "product_ids": ["p01", "nowhere"]}, "product_ids"),
    ("bundles", {"bundle_id": "b", "product_ids": ["one"]}, "product_ids"),
    ("content", {"content_id": "c", "type": "live", "url": "u" * 3000}, "url"),
    ("content", {"content_id": "c", "type": "live", "url": "u\0"}, "url"),
    ("consents", {"customer_id": "c", "purpose": "everything", "state": "granted"}, "purpose"),
    ("consents", {"customer_id": "c", "purpose": "*", "state": "granted", "stated_at": "0001-01-01T00:00:00+14:00"}, "stated_at"),
    ("consents", {"customer_id": "c", "purpose": "*", "state": "granted", "stated_at": "2100-01-01T00:00:00Z"}, "stated_at"),
    ("consents", {"customer_id": "c", "purpose": "*", "state": "granted", "source": "a\0"}, "source"),
]
GOOD: dict[str, dict[str, Any]] = {
    **{name: {key: "good", **told} for name, (key, told) in FEEDS.items()},
    "stock": {"product_id": "good", "quantity": 1},
    "consents": {"customer_id": "good", "purpose": "*", "state": "granted"},
}


def test_a_bad_item_is_named_by_its_place_and_the_good_ones_stay(taking: TestClient) -> None:
    for name, bad, field in BAD:
        answer = put(taking, name, [GOOD[name], bad, GOOD[name]])
        assert (answer["accepted"], answer["refused"]) == (2, 1), (name, bad, answer)
        (told,) = answer["items"]
        assert told["index"] == 1
        assert told["field"].startswith(field), (name, bad, told)
        assert told["reason"]


@pytest.mark.parametrize("path", ["/v1/products", "/v1/stock", "/v1/offers", "/v1/bundles", "/v1/content", "/v1/consents"])
def test_a_body_that_cannot_be_read_is_one_problem(taking: TestClient, path: str) -> None:
    for status, content, headers in (
        (400, b"", {}),
        (400, b"{}", {}),
        (400, b'{"items": {}}', {}),
        (400, b"\xff", {}),
        (400, b"[" * 100_000, {}),
        (413, json.dumps([{}] * 1001).encode(), {}),
        (413, gzip.compress(b" " * 20_000_000), {"content-encoding": "gzip"}),
        (415, b"[]", {"content-encoding": "br"}),
    ):
        answer = taking.put(path, content=content, headers=headers)
        assert answer.status_code == status, (content[:20], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert taking.put(path, content=gzip.compress(b"[]"), headers={"content-encoding": "gzip"}).json()["accepted"] == 0


def test_strange_cursors_and_ids_are_answered(taking: TestClient) -> None:
    assert taking.get("/v1/products", params={"cursor": "a\0"}).status_code == 422
    assert taking.get("/v1/products", params={"cursor": "z" * 8_000}).status_code == 422
    assert taking.get("/v1/products/a%00").status_code == 422
    assert taking.get("/v1/products/%FF").status_code == 404
    assert taking.get("/v1/products?cursor=%ED%A0%BD").status_code in {200, 422}
    assert taking.get("/v1/customers/a%00/identities").status_code == 422


def test_links_are_made_told_and_undone_with_a_trace(taking: TestClient) -> None:
    made = taking.post("/v1/identities", json={"alias": "card", "customer_id": "c1"}).json()
    assert made["changed"]
    again = taking.post("/v1/identities", json={"alias": "card", "customer_id": "c1"}).json()
    assert (again["changed"], again["link_id"], again["reason"]) == (False, made["link_id"], "")
    other = taking.post("/v1/identities", json={"alias": "card", "customer_id": "c2"}).json()
    assert not other["changed"]
    assert "another customer" in other["reason"]
    told = taking.get("/v1/customers/card/identities").json()
    assert (told["customer_id"], told["ids"]) == ("c1", ["c1", "card"])
    assert [(entry["alias"], entry["source"], entry["undone_at"]) for entry in told["log"]] == [("card", "api", None)]
    assert taking.delete(f"/v1/identities/{made['link_id']}").json()["changed"]
    gone = taking.delete(f"/v1/identities/{made['link_id']}")
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:huitou:problem:link-unknown")
    assert taking.get("/v1/customers/card/identities").json()["ids"] == ["card"]
    assert taking.get("/v1/customers/c1/identities").json()["log"][0]["undone_at"] is not None
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    with services.ledger.database.reading() as connection:
        entries = connection.execute(select(AUDIT)).all()
        assert verify(connection).broken_at is None
    assert [entry.action for entry in entries][-1] == "identity_link_undone"
    assert all("card" not in str(entry) and "c1" not in (entry.subject or "", entry.detail) for entry in entries)
