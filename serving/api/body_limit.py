"""Refuses a request body above the limit, or one that does not come, before anything parses it, whatever its headers claim. Pure ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from serving.api.gate import GRANT, STRANGER_BYTES
from serving.api.problems import problem_of
from serving.asgi import ASGIApp, Message, Receive, Scope, Send
from serving.errors import BodyTooLarge, BodyTooSlow

_SECONDS = 30.0  # for a body: 16 MB come in them at 5 Mbit/s


class BodyLimit:
    """Middleware that reads the whole (small) body first and hands it on in one piece."""

    def __init__(self, app: ASGIApp, limit_bytes: int, larger: Mapping[str, int] | None = None, seconds: float = _SECONDS) -> None:
        """Wrap an application.

        Args:
            app: the application.
            limit_bytes: of any body.
            larger: path → limit, where a route takes more.
            seconds: in which a body must have come.
        """
        self.app = app
        self.limit_bytes = limit_bytes
        self.larger = larger or {}
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413 or 408."""
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], self.limit_bytes)
        if GRANT in scope and scope[GRANT] is None:
            limit = min(limit, STRANGER_BYTES)  # who puts the key into the body is unknown until it is read
        claimed = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        try:
            if claimed.isdigit() and int(claimed) > limit:
                raise _too_large(limit)
            body = await self._read(receive, limit)
        except (BodyTooLarge, BodyTooSlow) as refusal:
            await problem_of(refusal, instance=scope["path"])(scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, replay, send)

    async def _read(self, receive: Receive, limit: int) -> bytes:
        """The body.

        Raises:
            BodyTooLarge: as soon as it is longer than the limit.
            BodyTooSlow: it did not come in time.
        """
        try:
            async with asyncio.timeout(self.seconds):  # also for the first piece: a head may come alone
                return await _whole(receive, limit)
        except TimeoutError as error:
            raise BodyTooSlow(f"The body did not come within {self.seconds:g} seconds; send it again.") from error


async def _whole(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    message = await receive()
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            break
        message = await receive()
    return b"".join(parts)  # whole, or the caller went away: the endpoint finds out by itself


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"A body may have at most {limit:,} bytes; send less, or several requests.")
