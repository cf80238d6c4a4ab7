"""A full line behind a real socket: who is sent away early, with what answer, and who is left to the gate."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from serving.access.key_file import change_keys
from serving.access.scopes import Scope
from serving.api.admission import FULL, Lanes, refusal_of
from serving.api.next_best_offers import answered
from serving.app import create_app
from serving.http_server import ServerProtocol, server_config
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.keyed_shop import add_key, bearer

OFFERS = "/v1/next-best-offers"
Answer = tuple[int, dict[str, str], bytes]
BODY = json.dumps({"customer_id": "c1", "channel": "web"})


class Full:
    """A service with one place, which one call holds until it is told to go on."""

    def __init__(self, url: str, services: Services, lanes: Lanes) -> None:
        self.url, self.services, self.lanes = url, services, lanes

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Status, headers and body of an answer."""
        line = http.client.HTTPConnection(self.url, timeout=20)
        told = ({"content-type": "application/json"} if body is not None else {}) | (headers or {})
        line.request(method, path, body=body, headers=told)
        answer = line.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        line.close()
        return found

    def counted(self, name: str, **labels: str) -> float:
        """A counter's value."""
        return self.services.telemetry.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def full(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`with full() as service:`, its one place taken."""
    go = threading.Event()
    held = threading.Event()

    async def holding(*args: Any) -> str:
        held.set()
        while not go.is_set():
            await asyncio.sleep(0.005)
        return await answered(*args)

    monkeypatch.setattr("serving.api.direct_route.answered", holding)

    @contextmanager
    def opened(headers: dict[str, str] | None = None) -> Iterator[Full]:
        settings = ServingSettings(data_dir=own_shop, answers_in_work=1, answers_waiting=0, follow_seconds=60)
        services = build_services(settings)
        app = create_app(settings, services)
        server = uvicorn.Server(server_config(app, settings))
        with socket.socket() as listener, ThreadPoolExecutor(1) as caller:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            service = Full(f"127.0.0.1:{listener.getsockname()[1]}", services, app.state.lanes)
            first = caller.submit(service.ask, "POST", OFFERS, BODY, headers)
            assert held.wait(20)
            try:
                yield service
            finally:
                go.set()
                status = first.result()[0]
                server.should_exit = True
                thread.join(30)
                services.ledger.close()
        assert status == 200
        assert (service.lanes.answers.coming, service.lanes.answers.present) == (0, 0)

    return opened


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the calls that an application was begun for."""
    begun: list[str] = []
    start = ServerProtocol._start_asgi_task

    def noted(self: ServerProtocol, cycle: Any, app: Any) -> None:
        begun.append(cycle.scope["path"])
        start(self, cycle, app)

    monkeypatch.setattr(ServerProtocol, "_start_asgi_task", noted)
    return begun


def test_who_comes_to_a_full_line_is_sent_away_with_the_same_answer_before_anything_is_made(
    full: Callable[..., Any], long_way: list[str]
) -> None:
    with full() as service:
        began = len(long_way)
        status, headers, body = service.ask("POST", OFFERS, BODY)
        assert len(long_way) == began
        start, expected = refusal_of(FULL, OFFERS)
        assert (status, body) == (429, expected["body"])
        slow = service.ask("POST", OFFERS, BODY, {"origin": f"http://{service.url}"})
        assert len(long_way) == began + 1
        assert slow[0] == 429
        assert {**slow[1], "date": ""} == {**headers, "date": ""}, "both ways carry the same headers"
        assert slow[2] == body
        assert dict(start["headers"])[b"retry-after"].decode() == headers["retry-after"]
        assert service.counted("huitou_refused_total", line="answers") == 2
        assert service.counted("huitou_requests_total", method="POST", route="unmatched", status="429") == 2
        assert service.ask("GET", "/healthz")[0] == 200, "who watches never waits"
        assert service.ask("GET", "/v1/stock")[0] == 429, "a question like any other"


def test_a_line_that_was_sent_away_is_used_again(full: Callable[..., Any], long_way: list[str]) -> None:
    with full() as service:
        began = len(long_way)
        line = http.client.HTTPConnection(service.url, timeout=20)
        for _ in range(3):
            line.request("POST", OFFERS, body=BODY, headers={"content-type": "application/json"})
            answer = line.getresponse()
            answer.read()
            assert answer.status == 429
        kept = line.sock
        line.request("GET", "/healthz")
        answer = line.getresponse()
        answer.read()
        assert answer.status == 200
        assert line.sock is kept
        assert long_way[began:] == ["/healthz"]
        line.close()


def test_strangers_are_left_to_the_gate_and_take_nobodys_place(own_shop: Path, full: Callable[..., Any]) -> None:
    key = add_key(own_shop, "shop", Scope.DECIDE)
    with full(bearer(key)) as service:
        assert service.ask("POST", OFFERS, BODY, bearer(key))[0] == 429
        for stranger in ({}, {"authorization": "Bearer nobody"}):
            assert service.ask("POST", OFFERS, BODY, stranger)[0] == 401
        change_keys(own_shop, lambda _: ())
        deadline = time.monotonic() + 5
        while service.ask("POST", OFFERS, BODY, bearer(key))[0] != 401:  # revoked: no longer known here either
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize(
    "odd",
    [
        f"POST {OFFERS} HTTP/1.0\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n",
        f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(BODY) + 5}\r\n\r\n{BODY}",
        f"POST /v1/next%2Dbest-offers HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        f"PATCH {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
    ],
)
def test_what_is_not_plain_goes_the_long_way(full: Callable[..., Any], long_way: list[str], odd: str) -> None:
    with full() as service:
        began = len(long_way)
        host, port = service.url.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(odd.encode())
            answer = b""
            while b"HTTP/1.1 4" not in answer:
                answer += (more := line.recv(65_536))
                assert more
        assert len(long_way) == began + 1


def test_two_calls_in_one_read_are_each_answered(full: Callable[..., Any]) -> None:
    call = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}"
    with full() as service:
        host, port = service.url.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall((call * 2).encode())
            answer = b""
            while answer.count(b"HTTP/1.1 429") < 2:
                answer += (more := line.recv(65_536))
                assert more


def test_who_hangs_up_leaves_no_place_taken(full: Callable[..., Any]) -> None:
    with full() as service:
        host, port = service.url.split(":")
        for _ in range(20):
            with socket.create_connection((host, int(port)), timeout=20) as line:
                line.sendall(f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\norigin: http://x\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        assert service.ask("GET", "/healthz")[0] == 200
    # counted when the service has ended: `full` looks
