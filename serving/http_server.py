"""How uvicorn serves the application: no header is believed that a proxy would set, no head is waited for that does not end."""

from __future__ import annotations

import functools
from asyncio import TimerHandle, Transport
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.early_refusal import EarlyRefusals

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.settings import ServingSettings

HEAD_BYTES: Final = 65_536  # what the gate answers with a reason is below; above, the line is cut while the head is still coming
HEAD_SECONDS: Final = 10.0
_REFUSAL = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

_GOODBYE_SECONDS: Final = 20  # that calls under way may take when the service is stopped: twice the ledger's patience


class BoundedHeads(HttpToolsProtocol):
    """HTTP/1.1 with a limit on the bytes of a request's head and on the time it takes to come."""

    head_seconds = HEAD_SECONDS
    _milestones = 0  # heads and bodies that came whole
    _bytes = 0  # since the last of them
    _in_body = False
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A caller is there; their first request must come."""
        super().connection_made(transport)
        self._wind()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        self._unwind()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._milestones, self._bytes, self._in_body = self._milestones + 1, 0, True
        self._unwind()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body, too."""
        self._milestones, self._bytes, self._in_body = self._milestones + 1, 0, False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """More came."""
        before = self._milestones
        super().data_received(data)
        if self._in_body or self._milestones > before or self.transport.is_closing():
            return
        self._bytes += len(data)
        if self._bytes > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._timer is None:  # a head in several pieces; the usual one is whole and costs no clock
            self._wind()

    def _wind(self) -> None:
        self._timer = self.loop.call_later(self.head_seconds, self._late)

    def _unwind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._wind()  # the request before is being answered: nothing may be written between
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self.transport.write(_REFUSAL % status)
        self.transport.close()


class ServerProtocol(BoundedHeads, EarlyRefusals):
    """How the service speaks HTTP."""


def server_config(app: FastAPI, settings: ServingSettings, **given: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's own options
    """Options of the server.

    Args:
        app: what it serves.
        settings: how many connections it keeps.
        given: more options, or others.
    """
    options: dict[str, Any] = {
        "log_level": "error",  # warnings are a line for each thing that cannot be read: strangers would write the log
        "access_log": False,  # paths name customers
        "lifespan": "on",
        "http": functools.partial(ServerProtocol, lanes=app.state.lanes, services=lambda: getattr(app.state, "services", None)),
        "ws": "none",
        "proxy_headers": False,  # nothing here depends on a caller's address, so that nobody gains by telling another
        "server_header": False,
        "limit_concurrency": settings.connections,
        "timeout_graceful_shutdown": _GOODBYE_SECONDS,
    }
    return uvicorn.Config(app, **(options | given))
