"""How uvicorn serves the application: no header is believed that a proxy would set, nobody is waited for without end."""

from __future__ import annotations

import functools
from asyncio import TimerHandle, Transport
from typing import TYPE_CHECKING, Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.asgi import COMING, DRAWN, Scope, came
from serving.at_once import AtOnce, answer
from serving.early_refusal import EarlyRefusals, PlainCall, refusal
from serving.same_head import SameHead

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.settings import ServingSettings

HEAD_BYTES: Final = 65_536  # what the gate answers with a reason is below; above, the line is cut while the head is still coming
HEAD_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0  # in which a caller must read on: 64 kB at most wait for them
_PIPELINED = 64  # calls that may wait on one line, beside those of the last read
_REFUSAL = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

_GOODBYE_SECONDS: Final = 20  # that calls under way may take when the service is stopped: twice the ledger's patience


class ServerProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a limit on the bytes of a request's head, on the time that callers take to send and to read, and with lines.

    Whoever comes while their line is full is sent away here (`serving.early_refusal`); whoever is let in counts as coming until they stand
    in it. Who asks what was asked before may be answered here (`serving.at_once`): their call is begun only if not.
    """

    head_seconds = HEAD_SECONDS
    read_seconds = READ_SECONDS
    _milestones = 0  # heads and bodies that came whole
    _bytes = 0  # since the last of them
    _in_body = False
    _timer: TimerHandle | None = None  # of what the caller must send
    _reader: TimerHandle | None = None  # of what they must read
    _read = b""  # what is being looked at, where it begins with a call
    _refusal: bytes | None = None  # of a call that is sent away, until its body is read over
    _coming: Scope | None = None  # of the call that counts as coming
    _asking: PlainCall | None = None  # that may be answered at once
    _question = b""  # its body
    _unparsed = b""  # all of it, where its head was not parsed
    _judged: tuple[PlainCall, str | None] | None = None  # that is parsed only now, to go the long way

    def __init__(self, *args: Any, early: EarlyRefusals, at_once: AtOnce, **more: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Take a connection.

        Args:
            args: uvicorn's.
            early: judges who is sent away.
            at_once: who may be answered at once.
            more: uvicorn's.
        """
        super().__init__(*args, **more)
        self._early, self._at_once, self._known = early, at_once, SameHead()

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A caller is there; their first request must come."""
        super().connection_made(transport)
        self._wind()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        self._unwind()
        self.resume_writing()
        self._came()
        self._let_go()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends: who waits is answered first."""
        self._go_the_long_way()
        super().shutdown()

    def pause_writing(self) -> None:
        """The caller does not read what was answered: a place is not held for them for ever."""
        super().pause_writing()
        if self._reader is None:
            self._reader = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """They read again."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        super().resume_writing()

    def on_headers_complete(self) -> None:
        """A request's head is there: it is sent away, or begun."""
        self._milestones, self._bytes, self._in_body = self._milestones + 1, 0, True
        self._unwind()
        self._came()  # the one before has answered or never will
        if (judged := self._judged) is not None:
            self._judged = None
            self._begin(*judged)
            return
        call = self._plain_call()
        if call is not None and not self._at_once.makes_place(call):
            self._refusal = refusal(call, self.server_state.default_headers)
        elif call is not None and self._at_once.takes(call):
            self._ask(call)
        else:
            if call is not None:
                call.lane.coming += 1
            self._begin(call)

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        if self._asking is not None:
            self._question += body
        elif self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Its body, too."""
        self._milestones, self._bytes, self._in_body = self._milestones + 1, 0, False
        if self._refusal is not None:
            self.transport.write(self._refusal)
            self._refusal = None
            super().on_response_complete()  # the line waits for the next call
            return
        if self._asking is not None:
            self._at_once.wait(self)
            return
        super().on_message_complete()
        if self.cycle.response_complete:  # refused before all of it came: the next one must come
            self._wind()

    def on_response_complete(self) -> None:
        """A call is answered; it may never have come to its line."""
        self._came()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """More came."""
        if len(self.pipeline) > _PIPELINED:
            self.transport.abort()  # each call that waits costs kilobytes, and nobody sends so many without reading
            return
        self._go_the_long_way()  # more on a line whose call waits: they are answered in order
        if self._is_known(data):
            return
        before = self._milestones
        self._read = b"" if self._in_body or self._bytes else data
        super().data_received(data)
        self._read = b""
        if self._milestones > before or self.transport.is_closing():
            return
        if self._in_body:
            if self._timer is None and self.cycle.response_complete:  # the rest of what was refused is not waited for
                self._wind()
            return
        self._bytes += len(data)
        if self._bytes > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._timer is None:  # a head in several pieces; the usual one is whole and costs no clock
            self._wind()

    def _plain_call(self) -> PlainCall | None:
        """The call whose head is there, if it may be sent away."""
        read, parser = self._read, self.parser
        self._read = b""  # whatever else is in it does not begin with a call
        if not read or not self._is_free() or self.root_path:
            return None
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive() or parser.should_upgrade():
            return None
        call = self._early.plain(read, parser.get_method(), self.url, self.headers)
        if call is not None:
            self._known.learn(call, read)
        return call

    def _is_free(self) -> bool:
        """Whether nobody else is answered on this line, and the server keeps it."""
        if self.flow.write_paused or (self.cycle is not None and not self.cycle.response_complete):
            return False
        return self.limit_concurrency is None or len(self.connections) < self.limit_concurrency

    def _is_known(self, data: bytes) -> bool:
        """Whether a call came whose head is known, and that is sent away or waits to be answered at once."""
        body = self._known.body_in(data) if self._known.call is not None and not (self._in_body or self._bytes) else None
        if body is None or self._known.call is None or not self._is_free():
            return False
        call = self._early.again(self._known.call, len(body))
        if call is None or not self._at_once.takes(call):
            return False
        self._unset_keepalive_if_required()
        self._unwind()
        if self._at_once.makes_place(call):
            self._ask(call, body, data)
            self._at_once.wait(self)
        else:
            self._send_away(call)
        return True

    def _begin(self, call: PlainCall | None, drawn: str | None = None) -> None:
        """Make a request of what was read; a plain one counts as coming already.

        Args:
            call: None: it is not plain.
            drawn: id that its decision must get.
        """
        super().on_headers_complete()
        if call is not None:
            self._coming = cast("Scope", self.scope)
            self._coming.update({COMING: call.lane.arrive, DRAWN: drawn})

    def _ask(self, call: PlainCall, question: bytes = b"", unparsed: bytes = b"") -> None:
        """Let a call wait until it is answered at once; it counts as coming."""
        call.lane.coming += 1
        self._asking, self._question, self._unparsed = call, question, unparsed

    def leave(self) -> None:
        """Send the call that waits away, if it still does: there are too many."""
        call = self._asking
        self._let_go()
        if call is not None and not self.transport.is_closing():
            self._send_away(call)

    def _send_away(self, call: PlainCall) -> None:
        self.transport.write(refusal(call, self.server_state.default_headers))
        super().on_response_complete()

    def take_turn(self) -> None:
        """Answer the call that waits, if it still does, or begin it."""
        if (call := self._asking) is None or self.transport.is_closing():
            self._let_go()
            return
        try:
            answered, drawn = answer(call, self._question, self.server_state.default_headers)
        except Exception:  # safe: whatever fails here fails on the long way too, where it is told and counted
            answered, drawn = None, None
        if answered is None:
            self._go_the_long_way(drawn)
            return
        self._let_go()
        self.transport.write(answered)
        super().on_response_complete()

    def _go_the_long_way(self, drawn: str | None = None) -> None:
        """Begin the call that waits, if one does, with the id that its decision must get."""
        if (call := self._asking) is None:
            return
        question, unparsed = self._question, self._unparsed
        self._asking, self._question, self._unparsed = None, b"", b""
        if not unparsed:
            self._begin(call, drawn)
            super().on_body(question)
            super().on_message_complete()
            return
        self._judged = call, drawn
        super().data_received(unparsed)
        if self._judged is not None:  # never: it was parsed before
            self._judged = None
            call.lane.arrive()

    def _let_go(self) -> None:
        """Nobody waits any more."""
        if self._asking is not None:
            self._asking.lane.arrive()
            self._asking, self._question, self._unparsed = None, b"", b""

    def _came(self) -> None:
        if self._coming is not None:
            came(self._coming)
            self._coming = None

    def _wind(self) -> None:
        self._unwind()
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


def server_config(app: FastAPI, settings: ServingSettings, **given: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's own options
    """Options of the server.

    Args:
        app: what it serves.
        settings: how many connections it keeps.
        given: more options, or others.
    """
    early, at_once = EarlyRefusals(app.state.lanes, lambda: getattr(app.state, "services", None)), AtOnce()
    options: dict[str, Any] = {
        "log_level": "error",  # warnings are a line for each thing that cannot be read: strangers would write the log
        "access_log": False,  # paths name customers
        "lifespan": "on",
        "http": functools.partial(ServerProtocol, early=early, at_once=at_once),
        "ws": "none",
        "proxy_headers": False,  # nothing here depends on a caller's address, so that nobody gains by telling another
        "server_header": False,
        "limit_concurrency": settings.connections,
        "timeout_graceful_shutdown": _GOODBYE_SECONDS,
    }
    return uvicorn.Config(app, **(options | given))
