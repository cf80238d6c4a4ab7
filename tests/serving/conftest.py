"""The small shop, served: made once a session and read only; tests that break something take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.customer_context import CustomerContext
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import write_small_shop


@pytest.fixture(scope="session")
def written_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As it was written: copied, never served."""
    folder = tmp_path_factory.mktemp("written-shop") / "data"
    write_small_shop(folder)
    return folder


@pytest.fixture(scope="session")
def small_shop(written_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Served all session long: its ledger has what was asked, and its folder what waits for it."""
    return Path(shutil.copytree(written_shop, tmp_path_factory.mktemp("small-shop") / "data"))


@pytest.fixture(scope="session")
def services(small_shop: Path) -> Services:
    return build_services(ServingSettings(data_dir=small_shop))


@pytest.fixture
def own_shop(written_shop: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written_shop, tmp_path / "data"))


@pytest.fixture(scope="session")
def client(small_shop: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=small_shop)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def context_of(services: Services) -> Callable[..., CustomerContext]:
    """Makes the context of a customer, or of nobody."""

    def make(customer_id: str | None, **given: object) -> CustomerContext:
        customer = None if customer_id is None else services.live.reader.read(customer_id)
        return CustomerContext(**{"live": services.live, "now": services.now, "customer": customer, **given})  # type: ignore[arg-type]

    return make
