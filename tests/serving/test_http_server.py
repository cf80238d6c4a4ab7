"""The server behind a real socket: heads that do not end are cut off, what callers say of themselves is not believed, keys are followed."""

from __future__ import annotations

import http.client
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.access.key_file import change_keys
from serving.access.scopes import Scope
from serving.http_server import HEAD_BYTES, ServerProtocol
from serving.settings import ServingSettings
from tests.serving.keyed_shop import add_key, bearer
from tests.serving.running import Running, running

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def shop(own_shop: Path) -> Iterator[Running]:
    with running(ServingSettings(data_dir=own_shop)) as started:
        yield started


def connected(shop: Running) -> socket.socket:
    host, port = shop.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_all(line: socket.socket) -> bytes:
    parts = []
    try:
        while part := line.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass  # what was sent after the refusal is not read
    return b"".join(parts)


def read_answer(line: socket.socket) -> int:
    answer = http.client.HTTPResponse(line)
    answer.begin()
    answer.read()
    return answer.status


def status_of(shop: Running, path: str, headers: dict[str, str]) -> int:
    line = http.client.HTTPConnection(shop.url.removeprefix("http://"), timeout=10)
    line.request("GET", path, headers=headers)
    status = line.getresponse().status
    line.close()
    return status


@pytest.mark.parametrize("endless", [b"GET /" + b"x" * 100, b"GET / HTTP/1.1\r\nx: " + b"y" * 100, b"\r\n" * 50])
def test_a_head_without_an_end_is_cut_off(shop: Running, endless: bytes) -> None:
    filler = endless[-1:] * 4096 if endless[-1:] != b"\n" else b"\r\n" * 2048
    with connected(shop) as line:
        line.sendall(endless)
        sent = len(endless)
        try:
            while sent < 100 * HEAD_BYTES:
                line.sendall(filler)
                sent += len(filler)
        except OSError:
            pass
        assert sent < 60 * HEAD_BYTES, "the line was cut while it came"
        assert read_all(line)[:12] in {b"HTTP/1.1 431", b""}


def test_many_headers_that_are_whole_each_are_cut_off_too(shop: Running) -> None:
    with connected(shop) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        many = (b"x-filler: " + b"y" * 100 + b"\r\n") * 100_000
        with pytest.raises(OSError, match=r"reset|pipe"):
            line.sendall(many)


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nhost: loc"])
@pytest.mark.parametrize("answered", [0, 1])
def test_a_head_that_does_not_come_is_not_waited_for(own_shop: Path, begun: bytes, answered: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerProtocol, "head_seconds", 0.2)
    with running(ServingSettings(data_dir=own_shop)) as shop, connected(shop) as line:
        for _ in range(answered):
            line.sendall(HEALTH)
            assert read_answer(line) == 200
        line.sendall(begun)
        told = read_all(line)
        assert told.startswith(b"HTTP/1.1 408") or (told, answered, begun) == (b"", 1, b""), "an idle line is let go of without a word"


def test_what_is_lawful_is_answered_in_whatever_pieces_it_comes(shop: Running) -> None:
    body = b'{"personalized": false, "context": {"filler": "' + b"x" * 50_000 + b'"}}'
    asked = b"POST /v1/next-best-offers HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    asked += b"content-length: %d\r\n\r\n" % len(body) + body
    with connected(shop) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pieces in ([asked], [asked[:10], asked[10:200], asked[200:]], [asked[:-30_000], asked[-30_000:]]):
            for _ in range(4):  # more in all than one head may have
                for piece in pieces:
                    line.sendall(piece)
                assert read_answer(line) in {200, 422}
        line.sendall(HEALTH + HEALTH)
        assert read_answer(line) == 200


def test_what_cannot_be_read_ends_its_line_only_and_writes_no_log(shop: Running, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("uvicorn.error").addHandler(caplog.handler)  # it passes nothing on
    for odd in (b"\0", b"GET", b"GET / HTTP/9.9", b"POST / HTTP/1.1\r\ncontent-length: -1", b"CONNECT a:1 HTTP/1.1"):
        with connected(shop) as line:
            line.sendall(odd + b"\r\n\r\n")
            line.shutdown(socket.SHUT_WR)
            read_all(line)
    assert status_of(shop, "/healthz", {}) == 200
    logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert caplog.messages == []


def test_nobody_is_believed_who_tells_another_address(shop: Running) -> None:
    forwarded = {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "localhost",
        "forwarded": "for=127.0.0.1",
    }
    assert status_of(shop, "/metrics", {"host": "shop.example", **forwarded}) == 403


def test_keys_are_followed_within_a_second(own_shop: Path) -> None:
    with running(ServingSettings(data_dir=own_shop, follow_seconds=60)) as shop:
        assert status_of(shop, "/v1/stock", {}) == 200
        key = add_key(own_shop, "feeder", Scope.INGEST)
        assert within_a_second(lambda: status_of(shop, "/v1/stock", {}) == 401)
        assert status_of(shop, "/v1/stock", bearer(key)) == 200
        change_keys(own_shop, lambda _: ())
        assert within_a_second(lambda: status_of(shop, "/v1/stock", bearer(key)) == 401)


def within_a_second(true: object) -> bool:
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        if true():  # type: ignore[operator]
            return True
    return False
