from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.decisioning.engine import Engine
from serving.settings import ServingSettings


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/v1/next-best-offers", 405, "method-not-allowed"),
        ("DELETE", "/readyz", 405, "method-not-allowed"),
    ],
)
def test_unknown_routes_and_methods(client: TestClient, method: str, path: str, status: int, name: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:huitou:problem:{name}"
    assert answer.json()["status"] == status
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("content", [b"{", b"", b"[1]", b"null", b'"x"', b"\xff\xfe", b'{"customer_id": NaN}'])
def test_what_is_no_request_is_a_problem(client: TestClient, content: bytes) -> None:
    answer = client.post("/v1/next-best-offers", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_what_is_not_json_is_named_with_its_place(client: TestClient) -> None:
    answer = client.post("/v1/bundles", content=b'{"limit": 3, ', headers={"content-type": "application/json"}).json()
    assert [error["field"] for error in answer["errors"]] == ["body"]
    assert answer["detail"].startswith("body: not JSON: ")
    assert answer["detail"].endswith("at character 13")


def test_an_oversized_body_is_refused_whatever_it_claims(client: TestClient) -> None:
    large = b'{"customer_id": "' + b"x" * 70_000 + b'"}'

    def pieces() -> Iterator[bytes]:
        yield from (large[i : i + 8192] for i in range(0, len(large), 8192))

    for content in (large, pieces()):
        answer = client.post("/v1/next-best-offers", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_at_the_limit_passes(client: TestClient) -> None:
    body = b'{"customer_id": "c000"}'
    padded = body + b" " * (65_536 - len(body))
    headers = {"content-type": "application/json"}
    assert client.post("/v1/next-best-offers", content=padded, headers=headers).status_code == 200
    assert client.post("/v1/next-best-offers", content=padded + b" ", headers=headers).status_code == 413


def test_a_bug_answers_500_and_says_nothing_of_our_code(small_shop: Path) -> None:
    class Broken:
        name = "broken"

        def candidates(self, context: object) -> list[object]:
            raise RuntimeError("secret detail")

    app = create_app(ServingSettings(data_dir=small_shop))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.services = replace(app.state.services, engine=Engine([Broken()]))  # type: ignore[list-item]
        answer = client.post("/v1/next-best-offers", json={"customer_id": "c000"})
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
        assert 'status="500"' in client.get("/metrics").text
