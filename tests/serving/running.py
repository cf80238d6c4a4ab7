"""The service behind a real socket, for clients that know nothing of tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from features.ledger import events, identities
from features.ledger.events import StoredEvent
from features.ledger.ledger import Ledger
from serving.app import create_app
from serving.http_server import server_config
from serving.services import build_services
from serving.settings import ServingSettings


@dataclass(frozen=True)
class Running:
    """A running service.

    Attributes:
        url: where it listens.
        ledger: its ledger.
    """

    url: str
    ledger: Ledger

    def events(self) -> list[StoredEvent]:
        """Everything that came in."""
        with self.ledger.database.reading() as connection:
            return events.read(connection)

    def resolve(self, recorded_as: str) -> str:
        """The customer behind an id."""
        with self.ledger.database.reading() as connection:
            return identities.resolve(connection, recorded_as)


@contextmanager
def running(settings: ServingSettings) -> Iterator[Running]:
    """Serve on a free port until the block ends."""
    services = build_services(settings)
    server = uvicorn.Server(server_config(create_app(settings, services), settings))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # from here on callers wait in line until the server answers
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Running(f"http://127.0.0.1:{listener.getsockname()[1]}", services.ledger)
        finally:
            server.should_exit = True
            thread.join(30)
            services.ledger.close()
    assert not thread.is_alive()
