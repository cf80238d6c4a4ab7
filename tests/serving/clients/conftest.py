"""Starts the service for a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from serving.settings import ServingSettings
from tests.serving.running import Running, running

Run = Callable[..., Running]


@pytest.fixture
def run_service(small_shop: Path, ledger_address: str) -> Iterator[Run]:
    """Starts the service on an empty ledger, on SQLite and on PostgreSQL. Takes settings."""
    with ExitStack() as started:
        yield lambda **given: started.enter_context(
            running(ServingSettings(**{"data_dir": small_shop, "ledger_url": ledger_address, **given}))  # type: ignore[arg-type]
        )
