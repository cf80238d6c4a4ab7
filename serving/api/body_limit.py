"""Refuses a request body above the limit before anything parses it, whatever its headers claim. Pure ASGI."""

from __future__ import annotations

from collections.abc import Mapping

from serving.api.problems import problem_response
from serving.asgi import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Middleware that reads the whole (small) body first and hands it on in one piece."""

    def __init__(self, app: ASGIApp, limit_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        """Wrap an application.

        Args:
            app: the application.
            limit_bytes: of any body.
            larger: path → limit, where a route takes more.
        """
        self.app = app
        self.limit_bytes = limit_bytes
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413."""
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], self.limit_bytes)
        claimed = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        body = b"" if claimed.isdigit() and int(claimed) > limit else await self._read(receive, limit)
        if body is None or (claimed.isdigit() and int(claimed) > limit):
            detail = f"A body may have at most {limit:,} bytes; send less, or several requests."
            refusal = problem_response(413, "body-too-large", "The body is too large", detail, instance=scope["path"])
            await refusal(scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, replay, send)

    async def _read(self, receive: Receive, limit: int) -> bytes | None:
        """The body, or None as soon as it is longer than the limit."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)  # the caller went away; the endpoint finds out by itself
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)
