from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serving.api.admission import Door, Lane, Lanes, Turns
from serving.api.body_limit import BodyLimit
from serving.asgi import Message, Receive, Scope, Send

OFFERS, EVENTS = "/v1/next-best-offers", "/v1/events"


class Service:
    """An application that holds every call until it is told to go on, behind the middleware."""

    def __init__(self, *, room: int = 100, seconds: float = 30.0) -> None:
        self.refused: list[str] = []
        self.lanes = Lanes(Lane("answers", 1, 1), Lane("writes", 1, 1), 8 * room, lambda _, lane: self.refused.append(lane))
        self.app = Door(BodyLimit(Turns(self._work, self.lanes), room, seconds=seconds), self.lanes)
        self.go, self.working, self.most = asyncio.Event(), 0, 0

    async def _work(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.working += 1
        self.most = max(self.most, self.working)
        await self.go.wait()
        self.working -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask(self, path: str, method: str = "POST", *parts: bytes, whole: bool = True) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of an answer."""
        waiting = list(parts or (b"{}",))
        said: list[Message] = []

        async def receive() -> Message:
            if not waiting:
                await asyncio.Event().wait()  # the caller sends nothing more
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting) or not whole}

        async def send(message: Message) -> None:
            said.append(message)

        await self.app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
        told = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], told, json.loads(b"".join(part.get("body", b"") for part in said[1:]))


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(bounded())


def test_beyond_the_line_callers_are_told_to_come_back_and_the_others_are_answered() -> None:
    async def test() -> None:
        door = Service()
        callers = [asyncio.create_task(door.ask(OFFERS)) for _ in range(5)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert [caller.done() for caller in callers] == [False, False, True, True, True]  # all of one moment: counted before any work
        status, headers, told = callers[4].result()
        assert (status, headers["retry-after"], told["type"]) == (429, "1", "urn:huitou:problem:overloaded")
        assert headers["content-type"] == "application/problem+json"
        assert int(headers["content-length"]) == len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())
        assert told["instance"] == OFFERS
        assert door.refused == ["answers"] * 3
        door.go.set()
        assert [(await caller)[0] for caller in callers[:2]] == [200, 200]
        assert door.most == 1
        assert (await door.ask(OFFERS))[0] == 200

    run(test)


def test_calls_of_one_moment_are_counted_though_answers_are_computed_without_a_pause() -> None:
    async def test() -> None:
        service = Service()
        service.go.set()
        answers = await asyncio.gather(*(service.ask(OFFERS) for _ in range(5)))
        assert [status for status, _, _ in answers] == [200, 200, 429, 429, 429]

    run(test)


def test_writers_that_wait_keep_nobody_from_an_answer_and_who_watches_never_waits() -> None:
    async def test() -> None:
        door = Service()
        writers = [asyncio.create_task(door.ask(EVENTS)) for _ in range(2)]
        asked = [asyncio.create_task(door.ask(OFFERS)) for _ in range(2)]
        for _ in range(4):
            await asyncio.sleep(0)
        assert (await door.ask("/v1/customers/c1", "DELETE"))[0] == 429
        assert (await door.ask("/v1/customers/c1", "GET"))[0] == 429
        watching = asyncio.create_task(door.ask("/readyz", "GET"))
        await asyncio.sleep(0)
        door.go.set()
        assert {(await one)[0] for one in (*writers, *asked, watching)} == {200}
        assert door.refused == ["writes", "answers"]

    run(test)


def test_who_sends_slowly_takes_no_place_and_is_given_up() -> None:
    async def test() -> None:
        door = Service(seconds=0.05)
        slow = [asyncio.create_task(door.ask(OFFERS, "POST", *parts, whole=False)) for parts in ([b"{"], [b""]) * 10]
        await asyncio.sleep(0)
        door.go.set()
        assert (await door.ask(OFFERS))[0] == 200
        answers = [await one for one in slow]
        assert {status for status, _, _ in answers} == {408}
        assert "0.05 seconds" in answers[0][2]["detail"]

    run(test)


def test_bodies_are_bounded_together() -> None:
    async def test() -> None:
        door = Service(room=100)
        held = [asyncio.create_task(door.ask(OFFERS, "POST", b"x" * 99, whole=False)) for _ in range(8)]
        await asyncio.sleep(0)
        assert (await door.ask(OFFERS, "POST", b"x" * 99))[0] == 429
        for one in held:
            one.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        door.go.set()
        assert (await door.ask(OFFERS, "POST", b"x" * 99))[0] == 200

    run(test)


def test_nothing_of_a_body_is_read_where_there_is_no_place() -> None:
    async def test() -> None:
        door = Service()
        taken = [asyncio.create_task(door.ask(OFFERS)) for _ in range(2)]
        for _ in range(3):
            await asyncio.sleep(0)
        assert (await door.ask(OFFERS, "POST", b"x" * 1000))[0] == 429  # not 413: it was not looked at
        door.go.set()
        await asyncio.gather(*taken)

    run(test)


@pytest.mark.parametrize("size", [100, 101])
def test_the_limit_of_a_body_holds_in_parts(size: int) -> None:
    async def test() -> None:
        door = Service()
        door.go.set()
        status, _, _ = await door.ask(OFFERS, "POST", b"x" * 60, b"x" * (size - 60))
        assert status == (200 if size == 100 else 413)

    run(test)
