"""What every request meets first, and what every answer carries."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from serving.access.access import Access
from serving.access.key_file import FILE
from serving.access.scopes import Scope
from serving.api.foreign import is_local_name, is_same_host
from serving.api.gate import GRANT, Gate
from serving.api.route_scopes import EVENT_PATHS
from serving.app import create_app
from serving.asgi import Message, Receive, Send
from serving.asgi import Scope as Asgi
from serving.services import Services
from serving.settings import ServingSettings
from tests.serving.keyed_shop import add_keys, bearer

ASK = {"personalized": False}


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8000", True),
        ("127.8.9.1", True),
        ("localhost:8000", True),
        ("LOCALHOST.", True),
        ("[::1]:8000", True),
        ("huitou:8000", True),
        ("shop.localhost", True),
        ("shop.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8000", False),
        ("evil@127.0.0.1.example", False),
        ("0.0.0.0", False),  # noqa: S104 - it is refused
        ("192.168.1.4", False),
        ("[::", False),
        ("", False),
        (":8000", False),
    ],
)
def test_names_of_this_machine(host: str, local: bool) -> None:
    assert is_local_name(host.encode()) is local


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://Shop.example", "shop.example", True),
        ("https://shop.example", "shop.example:8000", False),
        ("https://evil.example", "shop.example", False),
        ("https://shop.example.evil.example", "shop.example", False),
        ("null", "shop.example", False),
        ("null", "", False),
        ("", "", False),
        ("https://[", "shop.example", False),
    ],
)
def test_origins_of_the_host_that_was_asked(origin: str, host: str, same: bool) -> None:
    assert is_same_host(origin.encode(), host.encode()) is same


def test_a_name_that_points_here_does_not_make_a_page_ours(client: TestClient) -> None:
    for path in ("/v1/customers/c000", "/docs", "/openapi.json"):
        answer = client.get(path, headers={"host": "rebound.evil.example:8000"})
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:huitou:problem:caller-foreign"


def test_with_keys_any_name_may_be_asked_by(own_shop: Path) -> None:
    keys = add_keys(own_shop)
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        answer = client.post("/v1/next-best-offers", json=ASK, headers={"host": "shop.example", **bearer(keys[Scope.DECIDE])})
        assert answer.status_code == 200


def test_a_page_of_another_host_sends_nothing_and_reads_nothing(client: TestClient) -> None:
    foreign = {"origin": "https://evil.example", "content-type": "text/plain"}
    for method, path in (("POST", "/v1/events"), ("PUT", "/v1/consents"), ("DELETE", "/v1/customers/c000")):
        assert client.request(method, path, headers=foreign).status_code == 403
    preflight = client.options("/v1/events", headers={"origin": "https://evil.example", "access-control-request-method": "POST"})
    read = client.get("/v1/stock", headers=foreign)
    for answer in (preflight, read):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert preflight.status_code == 405
    own = client.post("/v1/next-best-offers", json=ASK, headers={"origin": "http://testserver"})
    assert own.status_code == 200, "the API's own page"


def test_heads_are_bounded(client: TestClient) -> None:
    cases = [
        (client.get(f"/v1/customers/{'x' * 9_000}"), 414, "address-too-long"),
        (client.get("/healthz", params={"x": "y" * 9_000}), 414, "address-too-long"),
        (client.get("/healthz", headers={"x-filler": "y" * 33_000}), 431, "head-too-large"),
        (client.get("/healthz", headers={f"x-{number}": "y" for number in range(101)}), 431, "head-too-large"),
    ]
    for answer, status, name in cases:
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:huitou:problem:{name}")
        assert len(answer.content) < 1_000, "nothing long is sent back"


def test_every_answer_is_sealed(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [client.get(path) for path in ("/healthz", "/v1/nothing", "/v1/customers/c000", "/metrics", "/docs", "/openapi.json")]
    answers += [client.post("/v1/next-best-offers", content=b"{"), client.get("/v1/stock", headers={"host": "evil.example"})]
    monkeypatch.setattr(Services, "problems", lambda _: 1 / 0)
    answers.append(client.get("/readyz"))
    assert [answer.status_code for answer in answers] == [200, 404, 200, 200, 200, 200, 422, 403, 500]
    for answer in answers:
        told = answer.headers
        assert told["x-content-type-options"] == "nosniff"
        assert told["x-frame-options"] == "DENY"
        assert told["referrer-policy"] == "no-referrer"
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert told["cache-control"] == "no-store"
        policy = told["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert ("script-src" in policy) == (answer.url.path == "/docs")


def test_the_page_runs_its_own_scripts_only_and_names_them_relative_to_itself(client: TestClient) -> None:
    answer = client.get("/docs")
    page, policy = answer.text, answer.headers["content-security-policy"]
    named = re.findall(r"(?:src|href)=\"(.*?)\"|url: '(.*?)'", page)
    assert len(named) == 4
    for attribute, address in named:
        assert client.get(f"/{attribute or address}").status_code == 200
        assert not re.match("([a-z]+:)?/", attribute or address), "a proxy may serve it elsewhere, and over TLS"
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert '"persistAuthorization": false' in page
    assert client.get("/", follow_redirects=False).headers["location"] == "docs"


ODD = st.sampled_from(
    [b"Bearer", b"Bearer ", b"bearer \xff", b"Basic", b"Basic Og==", b"Basic /w==", b"null", b"http://[", b"[::1", b"@:", b"//"]
)
HEADERS = st.tuples(st.sampled_from([b"authorization", b"host", b"origin", b"content-length", b"x"]), ODD | st.binary(max_size=40))
PATHS = st.sampled_from(["/healthz", "/openapi.json", "/v1/events", "/docs", "/", ""]) | st.text(max_size=10)


@pytest.mark.parametrize("locked", [False, True])
def test_whatever_a_head_holds_it_is_judged(tmp_path: Path, locked: bool) -> None:
    if locked:
        add_keys(tmp_path)
    state = SimpleNamespace(services=SimpleNamespace(access=Access(tmp_path / FILE)))
    statuses: list[int] = []

    async def nothing(scope: Asgi, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    @given(st.sampled_from(["GET", "POST", "DELETE", "BREW"]), PATHS, st.binary(max_size=20), st.lists(HEADERS, max_size=6))
    def ask(method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode("utf-8", "replace"), "query_string": query}
        told = scope | {"headers": headers, "app": SimpleNamespace(state=state)}
        asyncio.run(Gate(nothing, {})(told, receive, send))
        assert statuses[-1] in {204, 401, 403}
        if locked and statuses[-1] == 204:  # nobody guesses a key
            assert path == "/healthz" or (method == "POST" and path in EVENT_PATHS)
            assert told[GRANT] is None or not told[GRANT].scopes

    ask()
