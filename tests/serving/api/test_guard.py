"""Every route needs the scope that the OpenAPI document tells, and no other key, wrong key or missing key opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from features.ledger import audit
from serving.access.scopes import Scope
from serving.api.route_scopes import EVENT_PATHS, OPEN, SCHEMA, is_thought_of, scope_of
from serving.services import Services
from tests.serving.api.conftest import Serve
from tests.serving.keyed_shop import add_key, add_keys, basic, bearer

BODIES: dict[str, Any] = {"/v1/identities": {"alias": "card", "customer_id": "c000"}, "/v1/next-best-offers": {"personalized": False}}
PAGES = ("/", "/docs", "/openapi.json", "/swagger/swagger-ui.css", "/metrics", "/readyz")


def operations(app: FastAPI) -> list[tuple[str, str, list[dict[str, list[str]]]]]:
    """Method, path and what the document says that it needs."""
    return [(method.upper(), path, told["security"]) for path, found in app.openapi()["paths"].items() for method, told in found.items()]


def asked(client: TestClient, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    place = path.replace("{link_id}", "1").replace("{customer_id}", "c-nobody")
    for name in ("{experiment_id}", "{document_id}", "{product_id}", "{erasure_id}", "{decision_id}"):
        place = place.replace(name, "x")
    body = {} if method in {"GET", "DELETE"} else {"json": BODIES.get(path, {"items": []})}
    return client.request(method, place, headers=headers, **body).status_code


@pytest.fixture
def keys(own_shop: Path) -> dict[Scope, str]:
    return add_keys(own_shop)


@pytest.fixture
def locked(serve_ledger: Serve, own_shop: Path, keys: dict[Scope, str]) -> TestClient:
    return serve_ledger(data_dir=own_shop)


def app_of(client: TestClient) -> FastAPI:
    assert isinstance(client.app, FastAPI)
    return client.app


def test_every_route_opens_to_its_scope_alone(locked: TestClient, keys: dict[Scope, str]) -> None:
    found = operations(app_of(locked))
    assert len(found) > 35
    for method, path, security in found:
        where = f"{method} {path}"
        if path == OPEN:
            assert security == []
            assert asked(locked, method, path) == asked(locked, method, path, bearer("wrong")) == 200
            continue
        (scope,) = security[0]["bearer"]
        assert security == [{"bearer": [scope]}, {"basic": [scope]}], where
        assert asked(locked, method, path) == asked(locked, method, path, bearer("wrong")) == 401, where
        for held, key in keys.items():
            answers = asked(locked, method, path, bearer(key)), asked(locked, method, path, basic(key))
            assert (set(answers) == {403}) == (held != scope), (where, held, answers)
            assert 401 not in answers, where


def test_somebody_decided_about_every_route(locked: TestClient) -> None:
    assert [(method, path) for method, path, _ in operations(app_of(locked)) if not is_thought_of(method, path)] == []
    assert scope_of("POST", "/v1/not-yet-thought-of") is Scope.ADMIN


def test_what_comes_from_reading_is_decided_by_what_it_is_about(locked: TestClient) -> None:
    assert scope_of("PUT", "/v1/bundles") is Scope.INGEST
    assert scope_of("POST", "/v1/bundles") is Scope.DECIDE
    assert scope_of("GET", "/v1/customers/{customer_id}/data") is Scope.ERASE


def test_pages_are_for_those_who_run_it(locked: TestClient, keys: dict[Scope, str]) -> None:
    for page in PAGES:
        assert locked.get(page, follow_redirects=False).status_code == 401, page
        assert locked.get(page, headers=bearer(keys[Scope.DECIDE]), follow_redirects=False).status_code == 403, page
        assert locked.get(page, headers=basic(keys[Scope.ADMIN])).status_code == 200, page


def test_no_page_stands_outside_the_guard(locked: TestClient) -> None:
    """What FastAPI adds by itself has no dependencies: the gate minds these, by name."""
    app = app_of(locked)
    plain = [route.path for route in app.routes if not isinstance(route, APIRoute) and hasattr(route, "path")]
    assert plain == [SCHEMA]
    assert all(route.dependencies for route in app.routes if isinstance(route, APIRoute))


def test_what_is_not_there_is_not_told_to_strangers(locked: TestClient, keys: dict[Scope, str]) -> None:
    for method, path in (("GET", "/v1/nothing"), ("GET", "/%6fpenapi.json"), ("PATCH", "/v1/events"), ("OPTIONS", "/v1/outcomes")):
        assert locked.request(method, path).status_code == 401
        assert locked.request(method, path, headers=bearer(keys[Scope.DECIDE])).status_code in {403, 404, 405}


def test_a_head_of_an_open_path_does_not_open_what_is_below_or_beside_it(locked: TestClient) -> None:
    for path in ("/healthz/", "/healthz/../metrics", "//healthz", "/v1/events/x", "/healthz;x"):
        assert locked.get(path, follow_redirects=False).status_code in {401, 404}, path


def test_without_keys_none_is_needed(taking: TestClient) -> None:
    for method, path, _ in operations(app_of(taking)):
        assert asked(taking, method, path) not in {401, 403}, f"{method} {path}"
        assert asked(taking, method, path, basic("any")) not in {401, 403}, f"{method} {path}"


@pytest.mark.parametrize("path", EVENT_PATHS)
def test_events_may_have_the_key_in_the_body(locked: TestClient, keys: dict[Scope, str], path: str) -> None:
    assert locked.post(path, json={"batch": []}).status_code == 401
    assert locked.post(path, json={"batch": [], "writeKey": "wrong"}).status_code == 401
    assert locked.post(path, json={"batch": [], "writeKey": keys[Scope.DECIDE]}).status_code == 403
    assert locked.post(path, json={"batch": [], "writeKey": keys[Scope.INGEST]}).status_code == 200
    refused = locked.post(path, json={"batch": [], "writeKey": keys[Scope.INGEST]}, headers=basic("wrong"))
    assert refused.status_code == 401, "the head counts before the body"


def test_only_events_may(locked: TestClient, keys: dict[Scope, str]) -> None:
    assert locked.post("/v1/outcomes", json={"items": [], "writeKey": keys[Scope.INGEST]}).status_code == 401


def test_the_body_of_a_stranger_is_read_only_so_far(locked: TestClient, keys: dict[Scope, str]) -> None:
    large = {"batch": [], "writeKey": keys[Scope.INGEST], "context": {"filler": "x" * 1_100_000}}
    assert locked.post("/v1/events", json=large).status_code == 413
    assert locked.post("/v1/events", json=large, headers=bearer(keys[Scope.INGEST])).status_code == 200
    assert locked.post("/v1/next-best-offers", content=b"{").status_code == 401, "before anything is looked at"


def test_who_asks_too_often_is_told_when_to_come_back(serve_ledger: Serve, own_shop: Path) -> None:
    key = add_key(own_shop, "crm", Scope.DECIDE, Scope.INGEST, per_second=0.001, burst=3)
    client = serve_ledger(data_dir=own_shop)
    answer = client.post("/v1/recommendations", json={}, headers=bearer(key))
    assert answer.status_code == 200
    assert answer.headers["ratelimit"] == '"key";r=2;t=1000'
    assert client.get("/metrics", headers=bearer(key)).status_code == 403, "what is refused counts, too"
    assert client.post("/v1/events", json={"batch": [], "writeKey": key}).status_code == 200
    for refused in (
        client.post("/v1/recommendations", json={}, headers=bearer(key)),
        client.post("/v1/events", json={"batch": [], "writeKey": key}),
    ):
        assert refused.status_code == 429
        assert refused.json()["type"] == "urn:huitou:problem:rate-exceeded"
        assert 990 < int(refused.headers["retry-after"]) <= 1000
        assert refused.headers["ratelimit"].startswith('"key";r=0;')
        assert refused.headers["ratelimit-policy"] == '"key";q=3;w=3000'


def test_the_audit_log_names_the_key(locked: TestClient, keys: dict[Scope, str]) -> None:
    ingest, erase = bearer(keys[Scope.INGEST]), bearer(keys[Scope.ERASE])
    linked = locked.post("/v1/identities", json={"alias": "card", "customer_id": "c-1"}, headers=ingest).json()
    statement = {"customer_id": "c-1", "purpose": "marketing", "state": "withdrawn"}
    locked.put("/v1/consents", json={"items": [statement]}, headers=ingest)
    locked.delete(f"/v1/identities/{linked['link_id']}", headers=ingest)
    locked.get("/v1/customers/c-1/data", headers=erase)
    locked.delete("/v1/customers/c-1", headers=erase)
    services: Services = app_of(locked).state.services
    with services.ledger.database.reading() as connection:
        found = [(entry.action, entry.actor) for entry in audit.newest(connection, 10)]
    assert found[:4] == [
        ("consents_stated", "key:ingest"),
        ("identity_link_undone", "key:ingest"),
        ("customer_data_exported", "key:erase"),
        ("customer_erasure_asked", "key:erase"),
    ]


def test_problems_tell_how_to_come_in(locked: TestClient) -> None:
    answer = locked.get("/v1/stock")
    challenges = answer.headers.get_list("www-authenticate")
    assert challenges == ['Bearer realm="huitou"', 'Basic realm="huitou", charset="UTF-8"'], "a header each, or browsers do not ask"
    assert answer.json()["type"] == "urn:huitou:problem:key-refused"
    assert "huitou keys create" in answer.json()["detail"]
