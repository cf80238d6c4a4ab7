"""The small shop, explained: made once a session and read only; tests that break something take a copy."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rich.console import Console, RenderableType

from features.products import FILE as PRODUCTS_FILE
from huitou.explanation.explanation import Explanation
from huitou.explanation.gathering import gather
from serving.app import create_app
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import write_small_shop

Explain = Callable[..., Explanation]
Printed = Callable[..., str]


@pytest.fixture(scope="session")
def explained_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained") / "data"
    write_small_shop(folder)
    return folder


@pytest.fixture
def own_explained_shop(explained_shop: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(explained_shop, tmp_path / "data"))


@pytest.fixture(scope="session")
def explained_services(explained_shop: Path) -> Services:
    return build_services(ServingSettings(data_dir=explained_shop))


@pytest.fixture(scope="session")
def api(explained_shop: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=explained_shop))) as client:
        yield client


@pytest.fixture(scope="session")
def explain(explained_services: Services) -> Explain:
    """Explains a customer of the small shop."""

    def one(customer_id: str = "c000", **given: Any) -> Explanation:
        return gather(explained_services, customer_id, **{"channel": None, "horizon_days": 91, "limit": 5, **given})

    return one


@pytest.fixture(scope="session")
def printed() -> Printed:
    """What a terminal of some width and encoding shows of something."""

    def show(part: RenderableType, *, width: int = 100, encoding: str = "utf-8") -> str:
        buffer = io.BytesIO()
        with io.TextIOWrapper(buffer, encoding=encoding, errors="strict", newline="\n") as file:
            Console(file=file, width=width, highlight=False, markup=False, emoji=False).print(part)
            file.flush()
            return buffer.getvalue().decode(encoding)

    return show


def rename_products(data_dir: Path, name: str) -> None:
    """Give every product of a shop a name of its own that begins with `name`."""
    file = data_dir / "online" / (data_dir / "online" / "CURRENT").read_text().strip() / PRODUCTS_FILE
    document = json.loads(file.read_text(encoding="utf-8"))
    for product in document["products"]:
        product["name"] = f"{name} {product['product_id']}"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def change_assumptions(data_dir: Path, before: str, after: str) -> None:
    """Replace a line of the live assumptions."""
    file = data_dir / "online" / (data_dir / "online" / "CURRENT").read_text().strip() / "assumptions.toml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
