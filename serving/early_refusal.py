"""Whoever comes while a line is full is sent away by the server itself, before a request object, a task or a middleware is made for them.

What sending one caller away costs decides how much a service still answers when it is asked too much: with three times the load and a
refusal at a third of an answer's cost, refusing takes all there is. Only plain calls are judged here: whole in one read, alone on their
line, with a key that is known and no page of a browser behind them. All others go the long way, where `Gate` judges who they are and `Door`
counts them; strangers therefore take nobody's place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from serving.api.admission import FULL, Lane, Lanes, refusal_of
from serving.api.gate import SEAL, is_reached_from_outside

if TYPE_CHECKING:
    from serving.access.access import Grant
    from serving.services import Services

_BLANK: Final = b"\r\n\r\n"
_STATUS: Final = b"HTTP/1.1 429 Too Many Requests\r\n"
_LONGEST: Final = 8_192  # bytes of a head that is read here; the gate's limits are for longer ones
_METHODS: Final = frozenset({b"GET", b"POST", b"PUT", b"DELETE"})
_NOT_PLAIN: Final = frozenset({b"origin", b"transfer-encoding", b"upgrade", b"expect"})

_MOST: Final = 64  # addresses whose refusal is kept while the server's own headers, among them the time, stay as they are
_MADE: dict[str, tuple[Sequence[tuple[bytes, bytes]], bytes]] = {}

Headers = Sequence[tuple[bytes, bytes]]


class PlainCall(NamedTuple):
    """A call that may be sent away early, or answered at once.

    Attributes:
        method, path: of its first line.
        url: the same line's address, as it came.
        kind: of its body: Content-Type; empty where none is told.
        length: of its body, bytes.
        headers: how many.
        authorization, host: of them.
        lane: the line it wants to stand in.
        grant: of its key.
        services: those that answer now.
        began: when its head was there, by `time.perf_counter`.
    """

    method: str
    path: str
    url: bytes
    kind: bytes
    length: int
    headers: int
    authorization: bytes | None
    host: bytes
    lane: Lane
    grant: Grant
    services: Services
    began: float


class EarlyRefusals:
    """Judges heads for the server's protocol."""

    def __init__(self, lanes: Lanes, services: Callable[[], Services | None]) -> None:
        """Prepare.

        Args:
            lanes: of the application; they count who is there.
            services: those that answer now; None before they are open.
        """
        self._lanes, self._services = lanes, services

    def plain(self, read: bytes, method: bytes, url: bytes, headers: Headers) -> PlainCall | None:
        """A call as it is plain; None: it is not, or stands in no line.

        Args:
            read: all that was read at once, with the call's first byte first.
            method: as parsed from it.
            url: the same.
            headers: the same, names in lower case.
        """
        services = self._services()
        end = read.find(_BLANK, 0, _LONGEST) + len(_BLANK)
        if services is None or method not in _METHODS or end < len(_BLANK) or not read.startswith(method) or not _is_plain(url):
            return None
        authorization, host, length, kind = None, b"", b"0", b""
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif name == b"host":
                host = value
            elif name == b"content-length":
                length = value
            elif name == b"content-type":
                kind = value
            elif name in _NOT_PLAIN:
                return None
        rest = len(read) - end
        if length != b"%d" % rest:
            return None
        grant = _granted(services, authorization, host)
        told, path = method.decode("ascii"), url.partition(b"?")[0].decode("ascii")
        lane = None if grant is None else self._lanes.of_call(told, path)
        if lane is None or grant is None:
            return None
        return PlainCall(told, path, url, kind, rest, len(headers), authorization, host, lane, grant, services, time.perf_counter())

    def again(self, call: PlainCall, length: int) -> PlainCall | None:
        """A call with the very head of one that was plain; None: it is not any more, as its key was revoked, for instance.

        Args:
            call: the one before.
            length: of the body.
        """
        services = self._services()
        grant = None if services is None else _granted(services, call.authorization, call.host)
        if services is None or grant is None:
            return None
        method, path, url, kind, _, headers, authorization, host, lane, *_ = call
        return PlainCall(method, path, url, kind, length, headers, authorization, host, lane, grant, services, time.perf_counter())


def _granted(services: Services, authorization: bytes | None, host: bytes) -> Grant | None:
    return None if is_reached_from_outside(services.access, host) else services.access.known(authorization)


def refusal(call: PlainCall, default_headers: Headers) -> bytes:
    """An answer 429 as it goes out; counted.

    Args:
        call: that is sent away.
        default_headers: the server's own.
    """
    call.services.telemetry.sent_away(call.method, call.lane.name)
    bucket = call.grant.bucket
    if bucket is None and (made := _MADE.get(call.path)) is not None and made[0] is default_headers:
        return made[1]
    start, body = refusal_of(FULL, call.path)
    rate = () if bucket is None else ((name.encode(), value.encode()) for name, value in bucket.headers().items())
    head = b"".join(b"%s: %s\r\n" % pair for pair in (*default_headers, *start["headers"], *SEAL, *rate))
    whole = _STATUS + head + b"\r\n" + bytes(body["body"])
    if bucket is None:
        if len(_MADE) >= _MOST:
            _MADE.clear()
        _MADE[call.path] = default_headers, whole
    return whole


def _is_plain(url: bytes) -> bool:
    return url.startswith(b"/") and b"%" not in url and b"#" not in url and url.isascii()
