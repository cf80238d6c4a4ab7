"""What is answered as it was before is answered by the server itself, before a request object, a task or a middleware is made for it.

Most who ask about a customer again are answered with the same words (`serving/api/once_more.py`), which takes less than the framework
around an answer does. Asked is here only who sends a plain call (`serving/early_refusal.py`) of this one route; whoever is not answered
goes the long way, with the id that the draw was made with: a tenth of the decisions find something out, whichever way they take. Callers
stand in line meanwhile as on the long way and are answered one at a time; whoever came in between is looked at before the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from serving.api.direct_route import PLAIN, read_question
from serving.api.gate import HEADERS, SEAL
from serving.api.next_best_offers import PATH, asked_about, given_again
from serving.api.once_more import once_more
from serving.api.route_scopes import scope_of

if TYPE_CHECKING:
    from serving.early_refusal import PlainCall

_STATUS: Final = b"HTTP/1.1 200 OK\r\n"
_SEAL: Final = b"".join(b"%s: %s\r\n" % pair for pair in SEAL)
_NEEDED: Final = scope_of("POST", PATH)
_ADDRESS: Final = PATH.encode()


class Caller(Protocol):
    """Whose call waits; nothing is awaited in either, and nothing raised."""

    def take_turn(self) -> None:
        """Be answered."""

    def leave(self) -> None:
        """Be sent away."""


class AtOnce:
    """The callers of one process who may be answered at once, in the order in which they came."""

    def __init__(self) -> None:
        """Nobody is there."""
        self._line: deque[Caller] = deque()
        self._left = 0.0  # when the last turns ended

    @staticmethod
    def takes(call: PlainCall) -> bool:
        """Whether a call may be answered here, by its head."""
        services, grant = call.services, call.grant
        return (
            call.method == "POST"
            and call.url == _ADDRESS
            and call.kind in PLAIN
            and 0 < call.length <= services.settings.body_limit_bytes
            and call.headers <= HEADERS
            and services.tracing is None  # a trace begins where the framework does
            and services.permissions.at_hand
            and (_NEEDED is None or _NEEDED in grant.scopes)
        )

    def makes_place(self, call: PlainCall) -> bool:
        """Whether there is a place for a call, also where whoever has waited longest is sent away for it.

        Of more callers than there are answers the same number is answered either way, but who has just come gets an answer soon.
        """
        if call.lane.full and self.takes(call) and not (call.grant.bucket is not None and call.grant.bucket.is_empty):
            while self._line and call.lane.full:  # some of them went the long way meanwhile, or hung up, and leave no place
                self._line.popleft().leave()
        return not call.lane.full

    def wait(self, caller: Caller) -> None:
        """Stand in line."""
        self._line.append(caller)
        if len(self._line) == 1:
            self._left = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._turns)

    def _turns(self) -> None:
        # Between two turns the loop reads whoever has come meanwhile, who would else be answered late instead of sent away. A quarter of
        # the time that this takes is for answers: one between two readings would leave hundreds of callers nothing but refusals, and with
        # half of it three times too many calls could not be read.
        began = time.perf_counter()
        until = began + (began - self._left) / 4
        try:
            while self._line:
                self._line.popleft().take_turn()
                self._left = time.perf_counter()
                if self._left >= until:
                    return
        finally:  # whatever went wrong with one, the others' turns come
            if self._line:
                asyncio.get_running_loop().call_soon(self._turns)


def answer(call: PlainCall, body: bytes, default_headers: Sequence[tuple[bytes, bytes]]) -> tuple[bytes | None, str | None]:
    """An answer as it goes out, recorded and counted.

    Args:
        call: that `AtOnce.takes`.
        body: all of it.
        default_headers: the server's own.

    Returns:
        The answer, or None: the call goes the long way. The id of the decision, also of one that is to be made there; None where there is
        nothing to decide.
    """
    question = read_question(body)
    if question is None:
        return None, None
    services, whose, decision_id = call.services, asked_about(question), call.services.engine.new_id()
    permitted = services.permissions.of(whose, services.outbound_channels, since=services.contacts_since)
    again = once_more(services, question, permitted, decision_id, whose)
    bucket = call.grant.bucket
    if again is None or (bucket is not None and bucket.take() > 0):  # where nothing is left, the gate says so
        return None, decision_id
    text = again[0]
    rate = b"" if bucket is None else b"".join(f"{name}: {value}\r\n".encode() for name, value in bucket.headers().items())
    own = b"".join(b"%s: %s\r\n" % pair for pair in default_headers)
    head = b"%b%bcontent-length: %d\r\ncontent-type: application/json\r\n%b%b\r\n" % (_STATUS, own, len(text), _SEAL, rate)
    # Last: whoever is answered on the long way after all must not be recorded here.
    given_again(services, again)
    services.telemetry.at_once("POST", PATH, call.began, decision_id)
    services.trial.answered(services.live.models, failed=False)
    return head + text, decision_id
