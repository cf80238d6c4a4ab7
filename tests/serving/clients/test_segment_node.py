"""Segment's own Node library, as a shop has it, pointed at this service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.serving.clients.conftest import Run
from tests.serving.running import Running

KEY = "shop-key"


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """Folder with send.js and the installed library; `npm ci` makes it."""
    told = os.environ.get("HUITOU_TEST_NODE")
    if not told:
        pytest.skip("HUITOU_TEST_NODE is not set: Segment's Node library is tested in CI")
    folder = Path(told)
    assert (folder / "node_modules" / "@segment" / "analytics-node").is_dir(), f"run `npm ci` in {folder}"
    return folder


def send(folder: Path, running: Running, key: str, count: int) -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None
    ran = subprocess.run(
        [node, "send.js", running.url, key, str(count)], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_what_the_library_sends_arrives(run_service: Run, node_folder: Path) -> None:
    running = run_service(write_keys=KEY)
    assert send(node_folder, running, KEY, 100) == {"failures": []}
    found = running.events()
    assert len(found) == 105
    viewed = {json.loads(e.properties)["product_id"] for e in found if e.kind == "product_viewed"}
    assert viewed == {f"p{i}" for i in range(100)}
    (paid,) = [e for e in found if e.kind == "order_completed"]
    assert (paid.recorded_as, paid.occurred_at) == ("node-customer", datetime(2024, 1, 5, 10, tzinfo=UTC))
    assert running.resolve("anonymous:node-device") == running.resolve("node-card") == "node-customer"


def test_a_wrong_key_is_told_to_the_library(run_service: Run, node_folder: Path) -> None:
    running = run_service(write_keys="another")
    told = send(node_folder, running, KEY, 1)
    assert told["failures"]
    assert running.events() == []
