"""A body that does not come is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from serving.api.body_limit import BodyLimit
from serving.asgi import Message, Receive, Scope, Send


def sent(messages: list[Message], *, seconds: float = 30.0, limit: int = 100) -> tuple[list[Message], list[bytes]]:
    """What the caller gets, and the bodies that the application got; after the messages nothing more comes."""
    answer: list[Message] = []
    bodies: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answer.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/events", "headers": []}
    asyncio.run(BodyLimit(app, limit, seconds=seconds)(scope, receive, send))
    return answer, bodies


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_comes_whole() -> None:
    answer, bodies = sent([part(b"a" * 50, more=True), part(b"b" * 50, more=False)])
    assert answer[0]["status"] == 200
    assert bodies == [b"a" * 50 + b"b" * 50]


def test_a_body_that_does_not_go_on_is_told_so() -> None:
    answer, bodies = sent([part(b"a", more=True)], seconds=0.05)
    assert answer[0]["status"] == 408
    assert bodies == []


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    cases: list[Callable[[], list[Message]]] = [
        lambda: [part(b"a" * 101, more=False)],
        lambda: [part(b"a" * 60, more=True), part(b"b" * 60, more=True)],
    ]
    for messages in cases:
        answer, bodies = sent(messages())
        assert answer[0]["status"] == 413
        assert bodies == []
