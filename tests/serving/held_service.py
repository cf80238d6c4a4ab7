"""A service behind a real socket whose places are held until it is told to go on: for what happens at a full line."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from serving.api.admission import Lanes
from serving.api.next_best_offers import answered
from serving.app import create_app
from serving.http_server import server_config
from serving.services import Services, build_services
from serving.settings import ServingSettings

OFFERS = "/v1/next-best-offers"
BODY = json.dumps({"customer_id": "c1", "channel": "web"})
Answer = tuple[int, dict[str, str], bytes]


class Held:
    """It runs.

    Attributes:
        address: host and port.
        services: behind it.
        lanes: its lines.
    """

    def __init__(self, address: tuple[str, int], services: Services, lanes: Lanes, server: uvicorn.Server) -> None:
        self.address, self.services, self.lanes, self._server = address, services, lanes, server

    @property
    def connections(self) -> list[Any]:
        """The server's protocols, one a connection that is there."""
        return list(self._server.server_state.connections)

    @property
    def url(self) -> str:
        """Host and port as text."""
        return f"{self.address[0]}:{self.address[1]}"

    @property
    def answered(self) -> int:
        """Calls that were answered, refusals too."""
        return self._server.server_state.total_requests

    def ask(self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Status, headers and body of an answer."""
        with self.line() as line:
            return asked(line, method, path, body, headers)

    def line(self, *, receives: int | None = None) -> socket.socket:
        """A connection; `receives`: bytes that its receiver takes before the sender must wait."""
        made = socket.socket()
        if receives is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        made.settimeout(20)
        made.connect(self.address)
        return made

    def counted(self, name: str, **labels: str) -> float:
        """A counter's value."""
        return self.services.telemetry.registry.get_sample_value(name, labels) or 0.0


def asked(line: socket.socket, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask on a connection, in one piece; status, headers and body of the answer."""
    told = {"host": "localhost", **(headers or {})}
    if body is not None:
        told = {"content-type": "application/json", "content-length": str(len(body)), **told}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    line.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body or ''}".encode())
    answer = http.client.HTTPResponse(line, method=method)
    answer.begin()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    answer.close()
    return found


@contextmanager
def held(
    data_dir: Path, patch: pytest.MonkeyPatch, *, headers: Mapping[str, str] | None = None, taken: bool = True, **settings: Any
) -> Iterator[Held]:
    """Serve with one place; `taken`: one call, with `headers`, holds it until the block ends. Afterwards nobody is there or coming."""
    go, begun = threading.Event(), threading.Event()

    async def holding(*args: Any) -> bytes:
        begun.set()
        while not go.is_set():
            await asyncio.sleep(0.005)
        return await answered(*args)

    patch.setattr("serving.api.direct_route.answered", holding)
    told = ServingSettings(data_dir=data_dir, **{"answers_in_work": 1, "answers_waiting": 0, "follow_seconds": 60, **settings})
    services = build_services(told)
    app = create_app(told, services)
    server = uvicorn.Server(server_config(app, told))
    with socket.socket() as listener, ThreadPoolExecutor(1) as caller:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        service = Held(listener.getsockname(), services, app.state.lanes, server)
        first = caller.submit(service.ask, "POST", OFFERS, BODY, headers) if taken else None
        assert first is None or begun.wait(20)
        try:
            yield service
        finally:
            go.set()
            status = 200 if first is None else first.result()[0]
            server.should_exit = True
            thread.join(60)
            services.ledger.close()
    assert status == 200
    assert not thread.is_alive()
    assert (service.lanes.answers.coming, service.lanes.answers.present) == (0, 0)
    assert (service.lanes.writes.coming, service.lanes.writes.present) == (0, 0)
