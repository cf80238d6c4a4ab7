"""The few types of the ASGI protocol (https://asgi.readthedocs.io, version 3) that pure middleware needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

DECISION_ID = "huitou.decision_id"  # in a scope, once its request is decided: what logs and traces may say of it
DRAWN = "huitou.drawn"  # in a scope: the id that its decision must get, since whether it finds something out follows from the id
COMING = "huitou.coming"  # in a scope, until its call has come to its line: what is to be done then


def came(scope: Scope) -> None:
    """Note that a call has come to its line, or never will; once is enough, and more do no harm."""
    told = scope.pop(COMING, None)
    if told is not None:
        told()
