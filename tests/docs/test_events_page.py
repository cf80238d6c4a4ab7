"""docs/events.md is followed word for word against a running service: every command runs, every answer it shows is given."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.sources.incoming import AHEAD, MOST_BYTES, OLDEST
from serving.api.event_schemas import MAX_EVENTS
from serving.api.feed_schemas import MAX_ITEMS
from serving.settings import ServingSettings
from tests.serving.running import Running, running
from tests.serving.small_shop import write_small_shop

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
HOST = "http://127.0.0.1:8000"


def blocks(language: str) -> list[tuple[str, str]]:
    """Each block of a language, with the JSON shown right below it."""
    return re.findall(rf"```{language}\n(.*?)```(?:\n\n```json\n(.*?)```)?", PAGE, flags=re.DOTALL)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    write_small_shop(tmp_path / "data")
    with running(ServingSettings(data_dir=tmp_path / "data")) as started:
        yield started


def documents(text: str) -> list[Any]:
    """JSON documents one behind the other."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:].lstrip()
    return found


def test_every_command_does_what_the_page_says(service: Running, tmp_path: Path) -> None:
    line = {"type": "track", "event": "Cart Viewed", "messageId": "m1", "userId": "1"}
    (tmp_path / "events.jsonl.gz").write_bytes(gzip.compress(json.dumps(line).encode()))
    command = tmp_path / "huitou"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m huitou "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    compared = 0
    for commands, shown in blocks("sh"):
        script = commands.replace(HOST, service.url)
        done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{commands}\n{done.stderr}"
        assert "urn:huitou:problem" not in done.stdout, f"{commands}\n{done.stdout}"
        if shown:
            assert documents(done.stdout) == documents(shown), commands
            compared += 1
    assert compared == 4
    assert {event.message_id for event in service.events()} == {"order-1001-paid", "/shop/web#42", "/shop/web#43", "m1"}


def test_the_python_example_arrives(service: Running) -> None:
    ((example, _),) = blocks("python")
    assert HOST in example
    subprocess.run([sys.executable, "-c", example.replace(HOST, service.url)], check=True, timeout=60)
    assert [event.kind for event in service.events()] == ["product_viewed", "identified"]
    assert service.resolve("anonymous:device-7f3a") == "1"


def test_the_node_example_arrives(service: Running) -> None:
    folder = os.environ.get("HUITOU_TEST_NODE")
    if not folder:
        pytest.skip("HUITOU_TEST_NODE is not set: Segment's Node library is tested in CI")
    ((example, _),) = blocks("js")
    assert HOST in example
    subprocess.run(["node", "-e", example.replace(HOST, service.url)], cwd=folder, check=True, timeout=60)
    assert [event.kind for event in service.events()] == ["product_viewed"]


def test_the_limits_are_those_of_the_code() -> None:
    limits = PAGE[PAGE.index("## Limits") :]
    assert MAX_EVENTS == MAX_ITEMS == 1000
    assert f"{MAX_EVENTS:,}" in limits
    assert f"{MOST_BYTES:,} bytes" in limits
    assert ServingSettings.model_fields["events_limit_bytes"].default == 16 * 1024**2
    assert f"from {OLDEST.year} to ten minutes" in limits
    assert AHEAD.total_seconds() == 600
