"""A full line behind a real socket: who is sent away early, with what answer, and who is left to the gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.access.access import Access
from serving.access.key_file import FILE, change_keys
from serving.access.keys import Key
from serving.access.scopes import Scope
from serving.api.admission import FULL, refusal_of
from serving.http_server import ServerProtocol
from tests.e2e.server_process import wait_until
from tests.serving.held_service import BODY, OFFERS, Held, asked, held
from tests.serving.keyed_shop import add_key, bearer
from tests.serving.test_http_server import within_a_second

JSON = "content-type: application/json\r\n"
CALL = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\n{JSON}content-length: {len(BODY)}\r\n\r\n{BODY}"


@pytest.fixture
def full(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`with full() as service:`, its one place taken."""
    return lambda **more: held(own_shop, monkeypatch, **more)


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


def answers_to(service: Held, sent: str, number: int = 1) -> bytes:
    """What comes back for bytes that hold so many calls."""
    with service.line() as line:
        line.sendall(sent.encode())
        told = b""
        while told.count(b"HTTP/1.1 4") < number:
            told += (more := line.recv(65_536))
            assert more, told
        return told


def test_who_comes_to_a_full_line_is_sent_away_with_the_same_answer_before_anything_is_made(
    full: Callable[..., Any], long_way: list[str]
) -> None:
    with full() as service:
        began = len(long_way)
        status, headers, body = service.ask("POST", OFFERS, BODY)
        assert len(long_way) == began
        start, expected = refusal_of(FULL, OFFERS)
        assert (status, body) == (429, expected["body"])
        slow = service.ask("POST", OFFERS, BODY, {"origin": "http://localhost"})
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
        with service.line() as line:
            statuses = [asked(line, "POST", OFFERS, BODY)[0] for _ in range(3)]
            assert [*statuses, asked(line, "GET", "/healthz")[0]] == [429, 429, 429, 200]
        assert long_way[began:] == ["/healthz"]


def test_a_key_that_has_a_rate_is_told_what_is_left_and_not_charged(own_shop: Path, full: Callable[..., Any], long_way: list[str]) -> None:
    key = add_key(own_shop, "shop", Scope.DECIDE, per_second=0.001, burst=10)
    with full(headers=bearer(key)) as service:
        began = len(long_way)
        early = service.ask("POST", OFFERS, BODY, bearer(key))
        assert len(long_way) == began
        late = service.ask("POST", OFFERS, BODY, {**bearer(key), "origin": "http://localhost"})
        assert early[0] == late[0] == 429
        assert set(early[1]) == set(late[1])
        assert early[1]["ratelimit-policy"] == late[1]["ratelimit-policy"]
        assert ";r=9;" in early[1]["ratelimit"], "the first call, which holds the place, took one of ten"
        assert ";r=8;" in late[1]["ratelimit"]


def test_strangers_are_left_to_the_gate_and_take_nobodys_place(own_shop: Path, full: Callable[..., Any]) -> None:
    key = add_key(own_shop, "shop", Scope.DECIDE)
    with full(headers=bearer(key)) as service:
        assert service.ask("POST", OFFERS, BODY, bearer(key))[0] == 429
        for stranger in ({}, {"authorization": "Bearer nobody"}):
            assert service.ask("POST", OFFERS, BODY, stranger)[0] == 401
        change_keys(own_shop, lambda _: ())
        assert within_a_second(lambda: service.ask("POST", OFFERS, BODY, bearer(key))[0] == 401)


def test_a_secret_whose_time_is_over_is_nobodys(own_shop: Path) -> None:
    key = add_key(own_shop, "shop", Scope.DECIDE)
    over = datetime.now(UTC) - timedelta(seconds=1)
    change_keys(own_shop, lambda keys: [_until(one, over) for one in keys])
    assert Access(own_shop / FILE).known(bearer(key)["authorization"].encode()) is None


def _until(key: Key, moment: datetime) -> Key:
    return key.model_copy(update={"secrets": tuple(one.model_copy(update={"until": moment}) for one in key.secrets)})


def test_a_name_that_points_here_is_left_to_the_gate(full: Callable[..., Any]) -> None:
    with full() as service:
        assert b"HTTP/1.1 403 " in answers_to(service, CALL.replace("localhost", "shop.example"))


@pytest.mark.parametrize(
    "odd",
    [
        CALL.replace("HTTP/1.1", "HTTP/1.0"),
        CALL.replace("HTTP/1.1", "HTTP/1.0").replace(JSON, "connection: keep-alive\r\n"),
        CALL.replace(JSON, "connection: close\r\n"),
        CALL.replace(JSON, "expect: 100-continue\r\n"),
        f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n",
        CALL.replace(f"length: {len(BODY)}", f"length: {len(BODY) + 5}"),
        CALL.replace(f"length: {len(BODY)}", f"length: 0{len(BODY)}"),
        CALL.replace("/next-", "/next%2D"),
        CALL.replace("offers HTTP", "offers#x HTTP"),
        CALL.replace("POST", "PATCH"),
        "\r\n" + CALL,
    ],
)
def test_what_is_not_plain_goes_the_long_way(full: Callable[..., Any], long_way: list[str], odd: str) -> None:
    with full() as service:
        began = len(long_way)
        answers_to(service, odd)
        assert len(long_way) == began + 1


def test_two_calls_in_one_read_are_each_answered(full: Callable[..., Any]) -> None:
    with full() as service:
        assert answers_to(service, CALL * 2, 2).count(b"HTTP/1.1 429") == 2
        with service.line() as line:  # the second comes in parts
            line.sendall((CALL + CALL[:40]).encode())
            assert b" 429 " in line.recv(65_536)
            line.sendall(CALL[40:].encode())
            assert b" 429 " in line.recv(65_536)


def test_a_head_within_the_body_of_an_earlier_call_forges_nothing(full: Callable[..., Any], long_way: list[str]) -> None:
    forged = "POST\r\n\r\n"
    with full(taken=False, body_seconds=1.0) as service, service.line() as line:
        refused = f"POST {OFFERS} HTTP/1.1\r\nhost: shop.example\r\ncontent-length: {len(forged)}\r\n\r\n"
        line.sendall(refused.encode())
        assert b" 403 " in line.recv(65_536)
        head = "POST /v1/stock HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n"
        length = len(head)  # of two digits: it counts the very head, which is all that follows the first blank line of the read
        line.sendall((forged + head.format(length)).encode())
        wait_until(lambda: "/v1/stock" in long_way, 20, "the call to begin")
        assert service.lanes.writes.coming == 0, "what waits for its body counts as nobody who is coming"
        assert b" 408 " in line.recv(65_536), "it goes the long way, whose body is waited for so long"
