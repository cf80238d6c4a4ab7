"""A head that is known means what a parser would say of it; and what was so of its sender is asked again each time."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import early_refusal
from serving.access.key_file import change_keys
from serving.access.scopes import Scope
from serving.early_refusal import EarlyRefusals, PlainCall
from serving.same_head import SameHead
from tests.e2e.server_process import wait_until
from tests.serving.held_service import OFFERS, asked, held
from tests.serving.keyed_shop import add_key, bearer
from tests.serving.small_shop import CUSTOMERS
from tests.serving.test_at_once import body_of, free, known, opened
from tests.serving.test_early_refusal import _until, long_way

__all__ = ["long_way"]
HEAD = "POST /x HTTP/1.1\r\nhost: localhost\r\nContent-Length: {}\r\ncontent-type: application/json\r\n\r\n"


class Parsed:
    """What a parser says of one call."""

    def __init__(self, read: bytes) -> None:
        self.url, self.headers, self.body, self.whole = b"", list[tuple[bytes, bytes]](), b"", False
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(read)
        self.method = parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True

    @property
    def others(self) -> list[tuple[bytes, bytes]]:
        """Headers but the length."""
        return [pair for pair in self.headers if pair[0] != b"content-length"]


def call_of(body: bytes) -> PlainCall:
    return PlainCall("POST", "/x", b"/x", b"", len(body), 3, None, b"", *cast("Any", (None, None, None)), 0.0)


def sent(body: bytes, head: str = HEAD) -> bytes:
    return head.format(len(body)).encode() + body


def learned(body: bytes = b"{}", head: str = HEAD) -> SameHead:
    made = SameHead()
    made.learn(call_of(body), sent(body, head))
    return made


@pytest.mark.parametrize("body", [b"{}", b"x", b"0" * 70_000, b"\r\n\r\n", b"content-length: 9\r\n"])
def test_the_same_head_is_known_whatever_the_body(body: bytes) -> None:
    assert learned().body_in(sent(body)) == body
    assert learned(body).body_in(sent(b"{}")) == b"{}"


@pytest.mark.parametrize(
    "read",
    [
        b"",
        sent(b"{}")[:-1],
        sent(b"{}") + b" ",
        sent(b"{}") + sent(b"{}"),
        sent(b""),
        sent(b"{}", HEAD.replace("localhost", "localhosT")),
        sent(b"{}", HEAD.replace("json", "jsom")),
        sent(b"{}", HEAD.replace("Content-Length", "content-length")),
        sent(b"{}", HEAD.replace("{}", "0{}")),
        sent(b"{}", HEAD.replace("{}", "+{}")),
        sent(b"{}", HEAD.replace("{}", "{} ")),
        sent(b"{}", HEAD.replace("\r\n\r\n", "\r\nx: y\r\n\r\n")),
        sent(b"{}").replace(b": 2", b": 2222222222222"),
    ],
)
def test_anything_else_is_parsed(read: bytes) -> None:
    assert learned().body_in(read) is None


@pytest.mark.parametrize("head", [HEAD.replace("host: localhost\r\n", "content-length: 2\r\n"), HEAD.replace("Content-Length: {}\r\n", "")])
def test_a_head_that_does_not_tell_the_length_once_is_not_learned(head: str) -> None:
    assert learned(b"{}", head).body_in(sent(b"{}", head)) is None


_TEXT = st.sampled_from([b"2", b"3", b"{}", b"{ }", b"\r\n", b"content-length: ", b"x: y", b" ", b"POST /x HTTP/1.1", b"\r\n\r\n", b"\x00"])


@given(st.lists(_TEXT, max_size=6).map(b"".join), st.integers(0, 120), st.integers(0, 12))
def test_what_is_known_is_what_a_parser_would_say(more: bytes, at: int, gone: int) -> None:
    first, read = sent(b"{ }"), sent(b"{ }")[:at] + more + sent(b"{ }")[at + gone :]
    body = learned(b"{ }").body_in(read)
    if body is not None:
        one, other = Parsed(first), Parsed(read)
        assert (one.method, one.url, one.others, True) == (other.method, other.url, other.others, other.whole)
        assert other.body == body


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Addresses of the heads that were judged as parsed."""
    told: list[bytes] = []
    before = EarlyRefusals.plain

    def noted(self: EarlyRefusals, read: bytes, method: bytes, url: bytes, headers: Any) -> PlainCall | None:
        told.append(url)
        return before(self, read, method, url, headers)

    monkeypatch.setattr(early_refusal.EarlyRefusals, "plain", noted)
    return told


def test_calls_on_one_line_are_parsed_once_and_answered_like_all_others(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch, long_way: list[str], parsed: list[bytes]
) -> None:
    with ExitStack() as stack:
        service = opened(own_shop, monkeypatch, stack)
        customer = free(service)
        known(service, customer)
        parsed.clear()
        with service.line() as line:
            asked(line, "POST", OFFERS, body_of(customer))
            began, answers = len(long_way), []
            for number in range(20):
                who = customer if number % 2 else "nobody-" + "x" * number  # who is not known is decided on, and goes the long way
                answers.append((who, asked(line, "POST", OFFERS, body_of(who))))
            assert asked(line, "GET", "/healthz")[0] == 200
            assert asked(line, "POST", OFFERS, "{")[0] == 422
            assert asked(line, "POST", OFFERS, body_of(customer))[0] == 200
        assert parsed == [OFFERS.encode(), b"/healthz"]
        assert 10 < len(long_way) - began < 20
        for who, (status, _, body) in answers:
            assert (status, json.loads(body)["customer_id"]) == (200, who)
        assert service.lanes.answers.coming == service.lanes.answers.present == 0


def test_whoever_is_sent_away_is_by_the_same_head(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch, long_way: list[str], parsed: list[bytes]
) -> None:
    with held(own_shop, monkeypatch) as service, service.line() as line:
        first = asked(line, "POST", OFFERS, body_of("c1"))
        began, read = len(long_way), len(parsed)
        told = [asked(line, "POST", OFFERS, body_of("c" * number)) for number in range(1, 9)]
        assert (len(long_way), len(parsed)) == (began, read)
        assert {(status, body) for status, _, body in told} == {(429, first[2])}
        assert {**first[1], "date": ""} == {**told[-1][1], "date": ""}
        assert service.counted("huitou_refused_total", line="answers") == 9


def test_a_key_that_was_revoked_or_whose_time_is_over_is_refused_on_the_same_line(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, other = add_key(own_shop, "shop", Scope.DECIDE), add_key(own_shop, "other", Scope.DECIDE)
    with ExitStack() as stack:
        service = opened(own_shop, monkeypatch, stack)
        lines = {one: stack.enter_context(service.line()) for one in (key, other)}

        def status(one: str) -> int:
            return asked(lines[one], "POST", OFFERS, body_of(CUSTOMERS[0]), bearer(one))[0]

        assert [status(one) for one in (key, key, other, other)] == [200] * 4
        over = datetime.now(UTC) - timedelta(seconds=1)
        change_keys(own_shop, lambda keys: [_until(one, over) if one.name == "shop" else one for one in keys])
        wait_until(lambda: status(key) == 401, 5, "the key to be over")
        assert status(other) == 200
        change_keys(own_shop, lambda _: ())
        wait_until(lambda: status(other) == 401, 5, "the key to be gone")


def test_a_line_that_was_open_is_locked_with_the_first_key(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        service = opened(own_shop, monkeypatch, stack)
        line = stack.enter_context(service.line())
        assert [asked(line, "POST", OFFERS, body_of(CUSTOMERS[0]))[0] for _ in range(2)] == [200] * 2
        add_key(own_shop, "shop", Scope.DECIDE)
        wait_until(lambda: asked(line, "POST", OFFERS, body_of(CUSTOMERS[0]))[0] == 401, 5, "the door to be locked")


def test_a_rate_counts_each_call_of_the_same_head(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = add_key(own_shop, "shop", Scope.DECIDE, per_second=0.001, burst=30)
    with ExitStack() as stack:
        service = opened(own_shop, monkeypatch, stack)
        line, left = stack.enter_context(service.line()), []
        for _ in range(30):
            status, headers, _ = asked(line, "POST", OFFERS, body_of(CUSTOMERS[0]), bearer(key))
            assert status == 200
            left.append(int(re.findall(r";r=(\d+);", headers["ratelimit"])[0]))
        assert left == list(range(29, -1, -1))
        assert asked(line, "POST", OFFERS, body_of(CUSTOMERS[0]), bearer(key))[0] == 429
