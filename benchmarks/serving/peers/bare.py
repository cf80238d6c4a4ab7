"""The least a decorated FastAPI endpoint costs, and the least an ASGI application does: `python -m benchmarks.serving.peers.bare PORT`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

_ANSWER = b'{"accepted":true}'
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Asked(BaseModel):
    """A small body."""

    customer_id: str
    channel: str | None = None
    limit: int = 3


class Answered(BaseModel):
    """A small answer."""

    customer_id: str
    accepted: bool


def decorated() -> FastAPI:
    """An application whose one endpoint does nothing: `POST /decorated`."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})  # as the service: neither pays for FastAPI's own

    @app.post("/decorated")
    async def accept(body: Asked) -> Answered:
        return Answered(customer_id=body.customer_id, accepted=True)

    return app


async def raw(scope: Message, receive: Receive, send: Send) -> None:
    """Reads a body and answers, without any framework: what a driver must be faster than."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return


class Both:
    """`POST /raw` goes to the raw application, everything else to the decorated one."""

    def __init__(self) -> None:
        self._app = decorated()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "http" and scope["path"] == "/raw":
            await raw(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def main() -> None:
    """Serve as `huitou serve` does: one process, no access log."""
    uvicorn.run(Both(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="on")


if __name__ == "__main__":
    main()
