"""Whoever comes while a line is full is sent away by the server itself, before a request object, a task or a middleware is made for them.

What sending one caller away costs decides how much a service still answers when it is asked too much: with three times the load and a
refusal at a third of an answer's cost, refusing takes all there is. Here it costs what reading the head costs, some 20 µs. Only plain calls
are sent away so: whole in one read, alone on their line, with a key that is known and no page of a browser behind them. All others go the
long way, where `Gate` judges who they are and `Door` counts them; strangers therefore take nobody's place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.api.admission import FULL, Lane, Lanes, came, refusal_of
from serving.api.gate import SEAL
from serving.asgi import COMING

if TYPE_CHECKING:
    from serving.asgi import Scope
    from serving.services import Services

_BLANK: Final = b"\r\n\r\n"
_STATUS: Final = b"HTTP/1.1 429 Too Many Requests\r\n"
_LONGEST: Final = 8_192  # bytes of a head that is read here; the gate's limits are for longer ones
_METHODS: Final = frozenset({b"GET", b"POST", b"PUT", b"DELETE"})
_NOT_PLAIN: Final = frozenset({b"origin", b"transfer-encoding", b"upgrade"})


class EarlyRefusals(HttpToolsProtocol):
    """HTTP/1.1 with the lines of one application."""

    def __init__(self, *args: Any, lanes: Lanes, services: Callable[[], Services | None], **more: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Take a connection.

        Args:
            args: uvicorn's.
            more: uvicorn's.
            lanes: counts who is there.
            services: those that answer now; None before they are open.
        """
        super().__init__(*args, **more)
        self._lanes = lanes
        self._services = services
        self._read = b""  # what is being looked at
        self._refusal: bytes | None = None  # of the call whose body is being read over

    def data_received(self, data: bytes) -> None:
        """More came."""
        self._read = data
        super().data_received(data)
        self._read = b""

    def on_headers_complete(self) -> None:
        """A request's head is there: it is sent away, counted as coming, or left to others."""
        services = self._services()
        lane = None if services is None else self._lane(services)
        if services is not None and lane is not None and lane.full:
            self._refusal = self._refused(lane, services)
            return
        super().on_headers_complete()
        if lane is not None:
            lane.coming += 1
            cast("Scope", self.scope)[COMING] = lane

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there, so that an answer may be written."""
        if self._refusal is None:
            super().on_message_complete()
            return
        refusal, self._refusal = self._refusal, None
        self.transport.write(refusal)
        super().on_response_complete()  # the line waits for the next call

    def on_response_complete(self) -> None:
        """A call is answered; it may never have come to its line."""
        came(cast("Scope", self.cycle.scope))
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone, and what was to be done for them may never begin."""
        if self.cycle is not None:
            came(cast("Scope", self.cycle.scope))
        super().connection_lost(exc)

    def _lane(self, services: Services) -> Lane | None:
        """The line of a plain call; None of any other."""
        read, url, cycle = self._read, self.url, self.cycle
        if (cycle is not None and not cycle.response_complete) or self.expect_100_continue or not self.parser.should_keep_alive():
            return None
        method = self.parser.get_method()
        end = read.find(_BLANK, 0, _LONGEST) + len(_BLANK)
        if method not in _METHODS or end < len(_BLANK) or not read.startswith(method) or not url.startswith(b"/") or b"%" in url:
            return None
        authorization, length = None, b"0"
        for name, value in self.headers:
            if name == b"authorization":
                authorization = value
            elif name == b"content-length":
                length = value
            elif name in _NOT_PLAIN:
                return None
        if length != str(len(read) - end).encode() or not services.access.knows(authorization):
            return None
        return self._lanes.of_call(method.decode("ascii"), _path(url))

    def _refused(self, lane: Lane, services: Services) -> bytes:
        """An answer 429 as it goes out, counted."""
        services.telemetry.sent_away(self.parser.get_method().decode("ascii"), lane.name)
        start, body = refusal_of(FULL, _path(self.url))
        head = b"".join(b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *start["headers"], *SEAL))
        return _STATUS + head + b"\r\n" + bytes(body["body"])


def _path(url: bytes) -> str:
    return url.partition(b"?")[0].decode("ascii")
