"""Answers that the server gives itself, behind a real socket: to whom, alike to the byte, recorded and counted like all others."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.decisions.assignment import holdout_of
from features.decisions.policy import FILE
from features.ledger.decisions import Recorded, recorded_decisions
from serving import at_once
from serving.access.access import OPEN
from serving.access.key_file import change_keys
from serving.access.scopes import Scope
from serving.access.token_bucket import TokenBucket
from serving.api.admission import Lane
from serving.api.next_best_offers import answered
from serving.early_refusal import PlainCall
from tests.e2e.server_process import wait_until
from tests.serving.held_service import OFFERS, Answer, Held, asked, held
from tests.serving.keyed_shop import add_key, bearer
from tests.serving.small_shop import CUSTOMERS
from tests.serving.test_early_refusal import long_way

__all__ = ["long_way"]
CHANNEL = "web"
LONG = {"origin": "http://localhost"}  # a page's call is not plain


@pytest.fixture
def service(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    with ExitStack() as stack:
        yield opened(own_shop, monkeypatch, stack)


def opened(shop: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, **more: Any) -> Held:
    """A service whose calls are not held, and that follows nothing while it is looked at."""
    (shop / FILE).write_text("[exploration]\nshare = 0.1\n", encoding="utf-8")
    service = stack.enter_context(held(shop, monkeypatch, taken=False, answers_waiting=8, **more))
    monkeypatch.setattr("serving.api.direct_route.answered", answered)  # the place is not held
    return service


def body_of(customer: str, **more: Any) -> str:
    return json.dumps({"customer_id": customer, "channel": CHANNEL, **more})


def known(service: Held, customer: str, headers: dict[str, str] | None = None) -> None:
    """Ask until an answer is remembered: one that finds something out is not."""
    for _ in range(20):
        service.ask("POST", OFFERS, body_of(customer), headers)
        layout = service.services.live.layouts.latest(customer, CHANNEL, service.services.permitted(customer).channels)
        if layout is not None and layout.answers:
            return
    raise AssertionError("no answer was remembered")


def free(service: Held) -> str:
    """Somebody of no holdout."""
    return next(one for one in CUSTOMERS if holdout_of(one, service.services.live.policy.holdouts) is None)


def at_once_or_not(service: Held, long_way: list[str], customer: str, headers: dict[str, str] | None = None) -> tuple[Answer, bool]:
    """An answer, and whether the server gave it."""
    began = len(long_way)
    return service.ask("POST", OFFERS, body_of(customer), headers), len(long_way) == began


def recorded(service: Held) -> dict[str, Recorded]:
    """Everything in the ledger, when it is there."""
    wait_until(lambda: service.services.decisions.waiting == 0, 20, "the ledger to have all of them")
    with service.services.ledger.database.reading() as connection:
        return {one.decision_id: one for part in recorded_decisions(connection) for one in part}


def comparable(answer: Answer) -> tuple[int, dict[str, str], dict[str, Any]]:
    status, headers, body = answer
    return status, {**headers, "date": ""}, {**json.loads(body), "decision_id": ""}


def test_both_ways_answer_alike_and_each_is_recorded_and_counted(service: Held, long_way: list[str]) -> None:
    customer = free(service)
    known(service, customer)
    before = service.counted("huitou_requests_total", method="POST", route=OFFERS, status="200")
    found: dict[bool, list[Answer]] = {True: [], False: []}
    for number in range(40):
        answer, quick = at_once_or_not(service, long_way, customer, LONG if number % 2 else None)
        if number % 2 or quick:
            found[quick].append(answer)
    assert len(found[True]) > 10
    best = comparable(found[True][0])
    assert all(comparable(one) == best for one in found[True])
    assert sum(comparable(one) == best for one in found[False]) > 10, "a tenth of them finds something out"
    raw = [re.sub(rb'"decision_id":"[^"]*"', b"", one[2]) for one in (*found[True], *(x for x in found[False] if comparable(x) == best))]
    assert len(set(raw)) == 1, "to the byte"
    assert service.counted("huitou_requests_total", method="POST", route=OFFERS, status="200") == before + 40
    ids = [json.loads(one[2])["decision_id"] for one in found[True]]
    assert len(set(ids)) == len(ids)
    kept = recorded(service)
    for decision_id, (_, _, body) in zip(ids, found[True], strict=True):
        assert kept[decision_id].body == body.decode()
        assert kept[decision_id].recorded_as == customer
        assert json.loads(str(kept[decision_id].record))["decision_id"] == decision_id


def test_the_share_that_finds_something_out_stays_as_it_is(service: Held, long_way: list[str]) -> None:
    share, count, quick = service.services.live.policy.exploration.share, 600, 0
    customers = [one for one in CUSTOMERS if holdout_of(one, service.services.live.policy.holdouts) is None][:6]
    ids = []
    with service.line() as line:
        for number in range(count):
            began = len(long_way)
            ids.append(json.loads(asked(line, "POST", OFFERS, body_of(customers[number % 6]))[2])["decision_id"])
            quick += len(long_way) == began
    kept = recorded(service)
    explored = sum(json.loads(str(kept[one].record))["explored"] for one in ids)
    assert abs(explored / count - share) < 4 * (share * (1 - share) / count) ** 0.5
    assert quick > count / 2


def test_a_withdrawn_consent_counts_from_the_next_answer_on(service: Held, long_way: list[str]) -> None:
    customer = free(service)
    known(service, customer)
    consent = [{"customer_id": customer, "purpose": "personalisation", "channel": "*", "state": "withdrawn"}]
    assert service.ask("PUT", "/v1/consents", json.dumps(consent))[0] == 200
    (_, _, body), quick = at_once_or_not(service, long_way, customer)
    assert not quick
    assert json.loads(body)["personalized"] is False


@pytest.mark.parametrize(
    "more",
    [{"cart": ["p01"]}, {"explain": True}, {"personalized": False}, {"limit": 0}, {"surprise": 1}, {"customer_id": ""}],
)
def test_another_question_goes_the_long_way(service: Held, long_way: list[str], more: dict[str, Any]) -> None:
    customer = free(service)
    known(service, customer)
    began = len(long_way)
    status, _, told = service.ask("POST", OFFERS, body_of(customer, **more))
    assert len(long_way) == began + 1
    assert (status, told[:1]) in {(200, b"{"), (422, b"{")}


def test_a_key_pays_for_each_answer_and_an_empty_one_is_refused(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch, long_way: list[str]
) -> None:
    key = add_key(own_shop, "shop", Scope.DECIDE, per_second=0.001, burst=60)
    with ExitStack() as stack:
        service = opened(own_shop, monkeypatch, stack)
        customer, headers, left = free(service), bearer(key), list[int]()
        known(service, customer, headers)
        quick, statuses = list[bool](), list[int]()
        while 429 not in statuses:
            (status, told, _), at_once = at_once_or_not(service, long_way, customer, headers)
            statuses.append(status)
            quick.append(at_once)
            left.append(int(re.search(r";r=(\d+);", told["ratelimit"]).group(1)) if status == 200 else 0)  # type: ignore[union-attr]
        assert left == [*range(left[0], -1, -1), 0], "each answer takes one, whichever way it goes"
        assert quick.count(True) > len(quick) / 2
        assert not quick[-1]


def test_a_key_without_the_scope_and_one_that_was_revoked_are_left_to_the_gate(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, other = add_key(own_shop, "shop", Scope.DECIDE), add_key(own_shop, "feed", Scope.INGEST)
    with ExitStack() as stack:
        service = opened(own_shop, monkeypatch, stack)
        customer = free(service)
        known(service, customer, bearer(key))
        assert service.ask("POST", OFFERS, body_of(customer), bearer(other))[0] == 403
        assert service.ask("POST", OFFERS, body_of(customer))[0] == 401
        change_keys(own_shop, lambda _: ())
        wait_until(lambda: service.ask("POST", OFFERS, body_of(customer), bearer(key))[0] == 401, 5, "the key to be known as revoked")


def test_more_on_the_line_of_a_call_that_waits_is_answered_in_order(service: Held, long_way: list[str]) -> None:
    customer = free(service)
    known(service, customer)
    body = body_of(customer)
    call = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    with service.line() as line:
        line.sendall((call + "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").encode())
        told = read_answers(line, 2)
    assert told.index(b"decision_id") < told.index(b"ok") if b"ok" in told else b"decision_id" in told
    assert told.count(b"HTTP/1.1 200") == 2


def test_whoever_hangs_up_while_waiting_takes_nobodys_place(service: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    customer, turns = free(service), list[at_once.Caller]()
    known(service, customer)
    monkeypatch.setattr(at_once.AtOnce, "wait", lambda self, caller: turns.append(caller))  # whose turn does not come
    body = body_of(customer)
    with service.line() as line:
        head = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        line.sendall((head + body).encode())
        wait_until(lambda: service.lanes.answers.coming == 1, 20, "the call to wait")
    wait_until(lambda: service.lanes.answers.coming == 0, 20, "its place to be free")
    turns[0].take_turn()  # nothing happens, and nothing is raised


def test_what_fails_there_is_told_on_the_long_way(service: Held, long_way: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    customer = free(service)
    known(service, customer)

    def failing(*_: Any) -> Any:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(at_once, "once_more", failing)
    (status, _, _), quick = at_once_or_not(service, long_way, customer)
    assert (status, quick) == (200, False)
    assert service.lanes.answers.coming == service.lanes.answers.present == 0


def read_answers(line: socket.socket, number: int) -> bytes:
    told = b""
    while told.count(b"HTTP/1.1 ") < number or not told.endswith((b"}", b"\n")):
        told += (more := line.recv(65_536))
        assert more, told
    return told


def test_where_the_line_is_full_whoever_has_waited_longest_is_sent_away(service: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    customer, began = free(service), list[at_once.AtOnce]()
    known(service, customer)
    wait = at_once.AtOnce.wait

    def paused(self: at_once.AtOnce, caller: at_once.Caller) -> None:
        """As `wait`, but nobody's turn comes by itself."""
        began.append(self)
        if not self._line:
            self._line.append(caller)
        else:
            wait(self, caller)

    monkeypatch.setattr(at_once.AtOnce, "wait", paused)
    body = body_of(customer)
    call = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    places = service.services.settings.answers_in_work + service.services.settings.answers_waiting
    with ExitStack() as stack:
        lines = [stack.enter_context(service.line()) for _ in range(places + 2)]
        for number, line in enumerate(lines):
            line.sendall(call.encode())
            wait_until(lambda number=number: len(began) == number + 1, 20, "the call to wait")  # type: ignore[misc]
        assert [line.recv(65_536)[:12] for line in lines[:2]] == [b"HTTP/1.1 429"] * 2
        assert service.lanes.answers.coming == places
        loop = service.connections[0].loop
        loop.call_soon_threadsafe(began[0]._turns)
        assert [line.recv(65_536)[:12] for line in lines[2:]] == [b"HTTP/1.1 200"] * places
    assert service.counted("huitou_refused_total", line="answers") == 2
    assert service.lanes.answers.coming == service.lanes.answers.present == 0


class Somebody:
    """Who waits, and what became of it."""

    def __init__(self, call: PlainCall) -> None:
        self.call, self.left, self.waits = call, False, True

    def take_turn(self) -> None:
        raise RuntimeError("a mistake of ours")

    def leave(self) -> None:
        self.left = True
        if self.waits:
            self.call.lane.coming -= 1


def waiting(service: Held, number: int, **more: Any) -> tuple[at_once.AtOnce, list[Somebody], PlainCall]:
    """A line in which so many wait, filled with their calls."""
    line, services = at_once.AtOnce(), service.services
    lane = Lane("answers", number, 0)
    call = PlainCall("POST", OFFERS, OFFERS.encode(), b"application/json", 9, 3, None, b"", lane, OPEN, services, 0.0)._replace(**more)
    people = [Somebody(call) for _ in range(number)]
    line._line.extend(people)
    lane.coming = number
    return line, people, call


def test_nobody_is_sent_away_for_a_key_that_may_not_ask_or_a_call_that_cannot_be_answered(service: Held) -> None:
    bucket = TokenBucket(0.001, 1, lambda: 0.0)
    for odd in ({"path": "/x", "url": b"/x"}, {"grant": replace(OPEN, bucket=bucket)}):
        bucket.take()
        line, people, call = waiting(service, 3, **odd)
        assert not line.makes_place(call)
        assert not any(one.left for one in people)
    line, people, call = waiting(service, 3)
    assert line.makes_place(call)
    assert [one.left for one in people] == [True, False, False]


def test_who_went_the_long_way_meanwhile_makes_no_place(service: Held) -> None:
    line, people, call = waiting(service, 3)
    people[0].waits = people[1].waits = False
    assert line.makes_place(call)
    assert [one.left for one in people] == [True] * 3
    line, people, call = waiting(service, 2)
    people[0].waits = people[1].waits = False
    assert not line.makes_place(call)


@pytest.mark.parametrize(
    "odd", [{"length": 65_537}, {"headers": 101}, {"length": 0}, {"kind": b"text/plain"}, {"url": OFFERS.encode() + b"?x"}]
)
def test_what_is_beyond_the_limits_is_not_taken(service: Held, odd: dict[str, Any]) -> None:
    line, _, call = waiting(service, 1)
    assert line.takes(call)
    assert not line.takes(call._replace(**odd))


def test_a_mistake_with_one_takes_nobodys_turn(service: Held) -> None:
    async def turns() -> int:
        line, _, _ = waiting(service, 3)
        for _ in range(3):
            with suppress(RuntimeError):
                line._turns()
            await asyncio.sleep(0)
        return len(line._line)

    assert asyncio.run(turns()) == 0


def test_whoever_waits_is_answered_when_the_server_ends_and_nothing_of_them_is_kept(
    service: Held, monkeypatch: pytest.MonkeyPatch, long_way: list[str]
) -> None:
    customer = free(service)
    known(service, customer)
    body = body_of(customer)
    with service.line() as line:
        assert asked(line, "POST", OFFERS, body)[0] == 200
        protocol = service.connections[0]
        assert (protocol._question, protocol._unparsed) == (b"", b"")
        monkeypatch.setattr(at_once.AtOnce, "wait", lambda self, caller: None)  # whose turn does not come
        began = len(long_way)
        call = f"POST {OFFERS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        line.sendall(call.encode())
        wait_until(lambda: service.lanes.answers.coming == 1, 20, "the call to wait")
        protocol.loop.call_soon_threadsafe(protocol.shutdown)
        assert b"HTTP/1.1 200" in line.recv(65_536)
        assert len(long_way) == began + 1
        assert (protocol._question, protocol._unparsed) == (b"", b"")
