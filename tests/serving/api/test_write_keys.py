"""With write keys, nothing is written and nobody's data is given out without one."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api.write_keys import EVENT_PATHS, EXPORT, QUESTIONS, demanded
from tests.serving.api.conftest import Serve

KEY = {"authorization": "Basic " + base64.b64encode(b"first:").decode()}
WRONG = {"authorization": "Basic " + base64.b64encode(b"other:").decode()}
BODIES: dict[str, Any] = {"/v1/identities": {"alias": "card", "customer_id": "c000"}}


def operations(app: FastAPI) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, found in app.openapi()["paths"].items() for method in found]


def asked(client: TestClient, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    place = path.replace("{link_id}", "1").replace("{customer_id}", "c-nobody")
    for name in ("{experiment_id}", "{document_id}", "{product_id}", "{erasure_id}", "{decision_id}"):
        place = place.replace(name, "x")
    body = {} if method in {"GET", "DELETE"} else {"json": BODIES.get(path, {"items": []})}
    return client.request(method, place, headers=headers, **body).status_code


def test_every_route_that_writes_demands_a_key(serve_ledger: Serve) -> None:
    client = serve_ledger(write_keys="first,second")
    writing = [(method, path) for method, path in operations(client.app) if method != "GET" and path not in QUESTIONS]  # type: ignore[arg-type]
    writing += [("PUT", "/v1/bundles"), ("GET", EXPORT)]
    assert len(writing) > 10
    for method, path in writing:
        assert asked(client, method, path) == asked(client, method, path, WRONG) == 401, f"{method} {path}"
        assert asked(client, method, path, KEY) != 401, f"{method} {path}"


def test_looking_and_asking_need_none(serve_ledger: Serve) -> None:
    client = serve_ledger(write_keys="first")
    for method, path in operations(client.app):  # type: ignore[arg-type]
        if (method == "GET" and path != EXPORT) or (method == "POST" and path in QUESTIONS):
            assert asked(client, method, path) != 401, f"{method} {path}"


def test_without_the_setting_no_key_is_needed(taking: TestClient) -> None:
    for method, path in operations(taking.app):  # type: ignore[arg-type]
        assert asked(taking, method, path) != 401, f"{method} {path}"


@pytest.mark.parametrize("path", EVENT_PATHS)
def test_events_may_have_it_in_the_body(serve_ledger: Serve, path: str) -> None:
    client = serve_ledger(write_keys="first")
    assert not demanded("POST", path)
    assert client.post(path, json={"batch": []}).status_code == 401
    assert client.post(path, json={"batch": [], "writeKey": "first"}).status_code == 200


def test_a_new_route_is_locked_until_it_is_called_a_question() -> None:
    assert demanded("POST", "/v1/not-yet-thought-of")
    assert demanded("PUT", "/v1/bundles")
    assert not demanded("POST", "/v1/bundles")
