"""The small shop, served with a ledger of the test's own on either database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.settings import ServingSettings

Serve = Callable[..., TestClient]


@pytest.fixture
def serve_ledger(small_shop: Path, ledger_address: str) -> Iterator[Serve]:
    """Starts the service on an empty ledger; runs on SQLite and on PostgreSQL. Takes settings besides."""
    with ExitStack() as running:

        def start(**settings: object) -> TestClient:
            app = create_app(ServingSettings(**{"data_dir": small_shop, "ledger_url": ledger_address, **settings}))  # type: ignore[arg-type]
            return running.enter_context(TestClient(app, raise_server_exceptions=False))

        yield start


@pytest.fixture
def taking(serve_ledger: Serve) -> TestClient:
    """The service with an empty ledger."""
    return serve_ledger()
