"""What the keys cost a request: finding the key, and the whole gate around an empty application.

python -m benchmarks.access_cost
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
import time
import timeit
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from serving.access.access import Access
from serving.access.key_file import FILE, change_keys
from serving.access.keys import new_key
from serving.access.scopes import Scope
from serving.api.gate import Gate
from serving.asgi import Message, Receive, Send
from serving.asgi import Scope as Asgi

ROUNDS = 20_000
KEYS = 100
HEAD = [(b"host", b"127.0.0.1:8000"), (b"accept", b"*/*"), (b"content-type", b"application/json"), (b"content-length", b"40")]


def microseconds(call: Any) -> float:  # noqa: ANN401
    """Of one call, of the processor's time: the best of five rounds, since other work on the machine only adds."""
    return min(timeit.repeat(call, timer=time.process_time, number=ROUNDS, repeat=5)) / ROUNDS * 1e6


async def empty(scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's signature
    """An application that does nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def asked(app: Any, access: Access, head: list[tuple[bytes, bytes]]) -> float:  # noqa: ANN401
    """Microseconds of one call of an application."""
    state = SimpleNamespace(services=SimpleNamespace(access=access))

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        pass

    async def many() -> None:
        for _ in range(ROUNDS):
            scope = {"type": "http", "method": "POST", "path": "/v1/next-best-offers", "raw_path": b"/v1/next-best-offers"}
            await app(scope | {"query_string": b"", "headers": head, "app": SimpleNamespace(state=state)}, receive, send)

    return min(timeit.repeat(lambda: asyncio.run(many()), timer=time.process_time, number=1, repeat=5)) / ROUNDS * 1e6


def main() -> None:
    """Print the table."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        nobody = Access(Path(folder) / FILE)
        made = [new_key(f"k{n}", frozenset(Scope), per_second=1e6, burst=10_000_000, now=now) for n in range(KEYS)]
        free, plain = new_key("free", frozenset(Scope), per_second=0, now=now)
        change_keys(Path(folder), lambda _: (free, *(key for key, _ in made)))
        access = Access(Path(folder) / FILE)
    bearer = [*HEAD, (b"authorization", f"Bearer {plain}".encode())]
    basic = [*HEAD, (b"authorization", b"Basic " + base64.b64encode(f"{plain}:".encode()))]
    limited = [*HEAD, (b"authorization", f"Bearer {made[0][1]}".encode())]
    for name, head in (("Bearer", bearer), ("Basic", basic), ("Bearer, with a rate", limited)):
        print(f"admit, {KEYS + 1} keys, {name}: {microseconds(lambda head=head: access.admit(head, Scope.DECIDE)):.2f} µs")
    bare = asked(empty, access, HEAD)
    for name, used, head in (("no keys", nobody, HEAD), ("Bearer", access, bearer), ("Bearer, with a rate", access, limited)):
        print(f"gate around an empty application, {name}: +{asked(Gate(empty, {}), used, head) - bare:.2f} µs")


if __name__ == "__main__":
    main()
