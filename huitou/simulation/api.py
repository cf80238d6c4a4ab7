"""Asks the service: over HTTP as every system does, or in this process, which saves the socket and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from features.errors import HuitouError
from huitou.api_key import json_headers

Document = dict[str, Any]
_App = Callable[..., Awaitable[None]]


class Api(Protocol):
    """What the driver needs of a running service."""

    def call(self, method: str, path: str, bodies: Sequence[Document]) -> list[Document]:
        """Send JSON, one request after the other; the answers in their order.

        Raises:
            HuitouError: the service refused one.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Let the service go on by itself for a while."""
        ...


class InProcessApi:
    """The service's application, called as a server would call it (ASGI)."""

    def __init__(self, app: _App) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    @contextlib.contextmanager
    def running(self) -> Iterator[InProcessApi]:
        """Start the application, and stop it at the end."""
        life = _Life(self._app)
        try:
            self._loop.run_until_complete(life.start())
            try:
                yield self
            finally:
                self._loop.run_until_complete(life.stop())
        finally:
            self._loop.close()

    def call(self, method: str, path: str, bodies: Sequence[Document]) -> list[Document]:
        """See `Api`."""
        return self._loop.run_until_complete(self._calls(method, path, bodies))

    def wait(self, seconds: float) -> None:
        """See `Api`."""
        self._loop.run_until_complete(asyncio.sleep(seconds))

    async def _calls(self, method: str, path: str, bodies: Sequence[Document]) -> list[Document]:
        return [await self._one(method, path, json.dumps(body).encode()) for body in bodies]

    async def _one(self, method: str, path: str, body: bytes) -> Document:
        status, parts = 0, list[bytes]()

        async def receive() -> Document:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"host", b"in-process")]
        where = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http"}
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "headers": headers, **where}
        await self._app({**scope, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}, receive, send)
        return _answer(path, status, b"".join(parts))


class HttpApi:
    """A service that listens somewhere."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, path: str, bodies: Sequence[Document]) -> list[Document]:
        """See `Api`."""
        return [self._one(method, path, json.dumps(body).encode()) for body in bodies]

    def wait(self, seconds: float) -> None:
        """See `Api`."""
        time.sleep(seconds)

    def _one(self, method: str, path: str, body: bytes) -> Document:
        request = urllib.request.Request(f"{self._address}{path}", data=body, method=method, headers=json_headers())  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
                return _answer(path, response.status, response.read())
        except urllib.error.HTTPError as error:
            return _answer(path, error.code, error.read())
        except OSError as error:
            raise HuitouError(f"The API did not answer {path} ({error}).") from error


class _Life:
    """An application's start-up and shutdown."""

    def __init__(self, app: _App) -> None:
        self._app = app
        self._told: asyncio.Queue[Document] = asyncio.Queue()
        self._said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.ensure_future(self._app({"type": "lifespan", "asgi": {"version": "3.0"}}, self._told.get, self._said.put))
        await self._told.put({"type": "lifespan.startup"})
        await self._heard("startup")

    async def stop(self) -> None:
        await self._told.put({"type": "lifespan.shutdown"})
        await self._heard("shutdown")
        if self._task is not None:
            await self._task

    async def _heard(self, part: str) -> None:
        message = await self._said.get()
        if not message["type"].endswith("complete"):
            raise HuitouError(f"The service's {part} failed: {message.get('message', '')}")


def _answer(path: str, status: int, body: bytes) -> Document:
    if status not in {200, 201, 202}:
        raise HuitouError(f"The API refused {path} with {status}: {body.decode(errors='replace')[:500]}")
    answer: Document = json.loads(body)
    return answer


@contextlib.contextmanager
def opened(data_dir: Path, *, http: bool, new_id: Callable[[], str]) -> Iterator[Api]:
    """The service on a data folder: a process of its own, or in this one.

    Args:
        data_dir: of the service.
        http: a process of its own, which names its decisions itself.
        new_id: names the decisions made in this one: draws hang on them, so equal names repeat a run.
    """
    if http:
        from huitou.visit import running_api

        with running_api(data_dir) as running:
            yield HttpApi(running.address)
        return
    from serving.app import create_app
    from serving.decisioning.engine import Engine
    from serving.services import build_services
    from serving.settings import ServingSettings

    settings = ServingSettings(data_dir=data_dir)
    services = build_services(settings)
    services.engine = Engine(services.engine.offer_types, new_id=new_id, messages=services.engine.messages)
    with InProcessApi(create_app(settings, services)).running() as api:
        yield api
