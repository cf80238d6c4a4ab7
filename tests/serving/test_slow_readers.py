"""Callers who ask and read nothing, or do not send the rest: none of them holds a place, memory or a line for long."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from serving.access.scopes import Scope
from serving.http_server import ServerProtocol
from tests.e2e.server_process import wait_until
from tests.serving.held_service import BODY, OFFERS, Held, held
from tests.serving.keyed_shop import add_key, bearer


def get(path: str, key: str | None = None) -> bytes:
    authorization = "" if key is None else f"authorization: Bearer {key}\r\n"
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}\r\n".encode()


def fill(service: Held, line: socket.socket, call: bytes) -> Any:
    """Ask, one by one, until what was answered waits for the caller to read; returns the server's end of the line."""
    for _ in range(5000):
        before = service.answered
        line.sendall(call)
        wait_until(lambda before=before: service.answered > before, 20, "an answer")  # type: ignore[misc]
        (end,) = (one for one in service.connections if one.client == line.getsockname())
        if end.flow.write_paused:
            return end
    raise AssertionError("The service writes without end.")


def ask_on_and_on(line: socket.socket, call: bytes) -> None:
    for _ in range(100_000):
        line.sendall(call)


def test_who_asks_reads_nothing_and_hangs_up_leaves_no_place_taken(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose refusal cannot be sent, a second behind it, and then nobody is there any more."""
    admin, feeder = add_key(own_shop, "admin", Scope.ADMIN), add_key(own_shop, "feeder", Scope.INGEST)
    with held(own_shop, monkeypatch, taken=False) as service:
        for _ in range(2):
            with service.line(receives=4096) as line:
                end = fill(service, line, get("/openapi.json", admin))
                line.sendall(get("/openapi.json", feeder))  # refused: the key is not good for it
                wait_until(lambda end=end: not end.cycle.response_complete, 20, "the refusal that cannot be sent")  # type: ignore[misc]
                line.sendall(get("/v1/stock", feeder))
                wait_until(lambda end=end: bool(end.pipeline), 20, "the call behind it")  # type: ignore[misc]
            wait_until(lambda: not service.connections, 20, "the connection to be gone")
        assert service.lanes.answers.coming == 0
        assert service.ask("GET", "/v1/stock", headers=bearer(feeder))[0] == 200


def test_who_reads_nothing_is_cut_off_and_holds_no_place_for_long(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerProtocol, "read_seconds", 0.5)
    admin = add_key(own_shop, "admin", Scope.ADMIN)
    with held(own_shop, monkeypatch, taken=False) as service, service.line(receives=4096) as line:
        fill(service, line, get("/openapi.json", admin))
        line.sendall(get("/openapi.json", admin))
        wait_until(lambda: service.lanes.answers.present == 1, 20, "the answer that cannot be sent")
        wait_until(lambda: not service.connections, 20, "the line to be cut")
        wait_until(lambda: service.lanes.answers.present == 0, 20, "its place")


def test_who_asks_on_and_on_without_reading_is_cut_off(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(own_shop, monkeypatch, taken=False, answers_in_work=2) as service, service.line(receives=4096) as line:
        line.settimeout(1.0)
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):  # cut off, or no longer read from
            ask_on_and_on(line, get("/v1/" + "a" * 6000))
        assert all(len(one.pipeline) < 200 for one in service.connections), "the bound, and what one read may hold"
        assert service.ask("GET", "/v1/stock")[0] == 200


def test_who_reads_nothing_at_a_full_line_costs_little_memory(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(own_shop, monkeypatch) as service, service.line(receives=4096) as line:
        call = get("/v1/" + "a" * 6000)  # the refusal repeats the path
        end = fill(service, line, call)
        line.sendall(call)
        wait_until(lambda: end.cycle is not None and not end.cycle.response_complete, 20, "the call that waits until they read")
        assert end.transport.get_write_buffer_size() < 200_000, "no more is written than the server's own limit and one answer"


def test_the_rest_of_a_body_that_was_refused_is_not_waited_for(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerProtocol, "head_seconds", 0.3)
    add_key(own_shop, "shop", Scope.DECIDE)
    with held(own_shop, monkeypatch, taken=False) as service, service.line() as line:
        line.sendall(f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n".encode())
        assert b" 401 " in line.recv(65_536)
        line.sendall(b"x")
        began = time.monotonic()
        told = line.recv(65_536)
        assert told.startswith(b"HTTP/1.1 408") or told == b""
        assert time.monotonic() - began < 10


def test_more_connections_than_are_kept_are_told_503_though_the_line_is_full(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}".encode()
    with held(own_shop, monkeypatch, connections=8) as service:
        lines = [service.line() for _ in range(12)]
        statuses = []
        for line in lines:
            line.sendall(call)
            statuses.append(line.recv(65_536).split(b" ")[1])
        assert b"503" in statuses
        assert set(statuses) <= {b"429", b"503"}
        for line in lines:
            line.close()
