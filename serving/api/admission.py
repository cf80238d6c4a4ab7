"""How many calls are taken at a time: a few in work, a few more in line, and whoever comes beyond is told at once to come back.

A service that takes everything answers everything late. Questions and writes stand in lines of their own, so that writers who wait for a
database keep nobody from an answer; whoever looks after the service (`/healthz`, `/readyz`, `/metrics`) never stands in line. Pure ASGI.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from serving.api.problems import problem_of
from serving.asgi import ASGIApp, Message, Receive, Scope, Send, came
from serving.errors import Overloaded

_WATCHING = frozenset({"/healthz", "/readyz", "/metrics"})
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_QUESTIONS = frozenset(  # they come with a body
    {"/v1/next-best-offers", "/v1/next-best-offers/batch", "/v1/recommendations", "/v1/bundles"}
)
_PLACE = "/here"  # where an address goes into a refusal that was made once
_REFUSALS: dict[str, tuple[bytes, bytes, list[tuple[bytes, bytes]]]] = {}
FULL = "Too many calls are in work or wait already; send it again after the seconds that Retry-After tells."
_CROWDED = "The bodies of all callers together are too much at the moment; send it again after the seconds that Retry-After tells."


@dataclass
class Lane:
    """One line, counted on the event loop only.

    Attributes:
        name: for metrics.
        in_work: calls that are worked on at a time.
        waiting: calls that may wait for their turn.
        present: calls whose body is here: in work or waiting.
        coming: calls that the server has read and that have not come here yet.
    """

    name: str
    in_work: int
    waiting: int
    present: int = 0
    coming: int = 0
    turns: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        """All turns are free."""
        self.turns = asyncio.Semaphore(self.in_work)

    @property
    def full(self) -> bool:
        """Whether there is no place for one more, when all have come who are coming."""
        return self.present + self.coming >= self.in_work + self.waiting

    def arrive(self) -> None:
        """One who was coming has come, or never will."""
        self.coming -= 1

    def demand_place(self) -> None:
        """Nothing happens while there is a place.

        Raises:
            Overloaded: there is none.
        """
        if self.present >= self.in_work + self.waiting:
            raise Overloaded(FULL)


@dataclass
class Lanes:
    """The lines of one service.

    Attributes:
        answers: questions: offers, recommendations, customers.
        writes: everything that changes the ledger.
        room: bytes that the bodies of all callers may hold together.
        refused: told the name of a line whenever somebody is sent away from it.
        held: bytes that they hold now.
    """

    answers: Lane
    writes: Lane
    room: int
    refused: Callable[[Scope, str], None] = lambda *_: None
    held: int = 0

    def of(self, scope: Scope) -> Lane | None:
        """The line a call stands in; None for those who look after the service."""
        return self.of_call(scope["method"], scope["path"]) if scope["type"] == "http" else None

    def of_call(self, method: str, path: str) -> Lane | None:
        """The same of a call whose scope is not made yet."""
        if path in _WATCHING:
            return None
        return self.answers if method in _LOOKING or path in _QUESTIONS else self.writes


def refusal_of(detail: str, path: str) -> tuple[Message, Message]:
    """The two messages of an answer 429, made without a model: sending callers away must be cheap, or it takes the time of answering."""
    known = _REFUSALS.get(detail)
    if known is None:
        made = problem_of(Overloaded(detail), instance=_PLACE)
        before, after = bytes(made.body).split(json.dumps(_PLACE).encode())
        headers = [pair for pair in made.raw_headers if pair[0] != b"content-length"]
        known = _REFUSALS[detail] = before, after, headers
    before, after, headers = known
    body = before + json.dumps(path).encode() + after
    length = (b"content-length", str(len(body)).encode())
    return (
        {"type": "http.response.start", "status": 429, "headers": [*headers, length]},
        {"type": "http.response.body", "body": body},
    )


class Door:
    """Middleware before `BodyLimit`: of a call for which there is no place nothing is read, and bodies are bounded together."""

    def __init__(self, app: ASGIApp, lanes: Lanes) -> None:
        self.app = app
        self.lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call in, or answer 429."""
        lanes, size = self.lanes, 0
        lane = lanes.of(scope)
        if lane is None:
            await self.app(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            more = len(message.get("body", b""))
            size += more
            lanes.held += more
            if lanes.held > lanes.room:
                raise Overloaded(_CROWDED)
            return message

        try:
            lane.demand_place()
            await self.app(scope, counted, send)
        except Overloaded as refusal:
            lanes.refused(scope, lane.name)
            start, body = refusal_of(str(refusal), scope["path"])
            await send(start)
            await send(body)
        finally:
            lanes.held -= size


class Turns:
    """Middleware behind `BodyLimit`: a call takes a place in its line, and waits for its turn. Who sends slowly holds up nobody's."""

    def __init__(self, app: ASGIApp, lanes: Lanes) -> None:
        self.app = app
        self.lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on when its turn comes.

        Raises:
            Overloaded: there is no place any more; `Door` answers it.
        """
        lane = self.lanes.of(scope)
        if lane is None:
            await self.app(scope, receive, send)
            return
        came(scope)
        lane.demand_place()
        lane.present += 1
        try:
            async with lane.turns:
                # An answer is computed without a pause. Whoever has come meanwhile is looked at first: else all who wait would be answered
                # in one go, with newcomers unread behind them, and nobody would be sent away in time.
                await asyncio.sleep(0)
                await self.app(scope, receive, send)
        finally:
            lane.present -= 1
