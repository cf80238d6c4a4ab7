"""The worker beside the service lives as long as it: it comes again when it dies, and does not outlive it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.features.refreshing.replay import Replay

SECONDS = 150  # libraries that take two seconds to import take a minute on a machine with other work
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc"),
]


def wait_for(condition: Callable[[], object]) -> object:
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
    return found


def workers_of(parent: int) -> list[int]:
    """Processes below a parent that run `huitou work`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            above = int(re.search(r"^PPid:\t(\d+)", (folder / "status").read_text(), re.MULTILINE)[1])  # type: ignore[index]
            if above == parent and b"\0work\0" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (OSError, TypeError):
            continue
    return found


def alive(process: int) -> bool:
    try:
        return "Z" not in (Path("/proc") / str(process) / "stat").read_text().rsplit(")", 1)[1][:3]
    except OSError:
        return False


def answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", timeout=30).status_code == 200
    except httpx.ConnectError:
        return False


@contextmanager
def serve(data_dir: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "huitou", "serve", "--data-dir", str(data_dir), "--port", "0", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = ""
        while "Stop with" not in said:
            line = process.stdout.readline()
            assert line, "it ended before it served"
            said += line
        found = re.search(r"http://[\d.]+:\d+", said.replace("\n", ""))
        assert found is not None
        wait_for(lambda: answers(found[0]))  # the address is said before the first answer
        yield process, found[0]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay.of_sample(tmp_path / "data", days=3)


def test_an_order_changes_the_answer_while_it_serves_and_the_worker_comes_again(replay: Replay) -> None:
    orders = list(replay.orders())
    with serve(replay.settings.data_dir) as (process, base):

        def orders_known(customer: str) -> float:
            answer = httpx.get(f"{base}/v1/customers/{customer}", timeout=30)
            return float(answer.json()["behaviour"]["facts"]["order_count"]) if answer.status_code == 200 else 0.0

        def knows(order: dict[str, object]) -> None:
            customer = str(order["userId"])
            before = orders_known(customer)
            httpx.post(f"{base}/v1/events", json=[order], timeout=30).raise_for_status()
            wait_for(lambda: orders_known(customer) == before + 1)

        knows(orders[0])
        ready = httpx.get(f"{base}/readyz", timeout=30).json()
        assert ready["freshness"]["events_behind"] == 0
        assert "freshness" not in ready["problems"]
        assert "huitou_events_behind 0.0" in httpx.get(f"{base}/metrics", timeout=30).text
        (first,) = workers_of(process.pid)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: [found for found in workers_of(process.pid) if found != first])
        knows(orders[1])
        (second,) = workers_of(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
        wait_for(lambda: not alive(second))


def test_the_worker_ends_with_a_service_that_is_killed(replay: Replay) -> None:
    with serve(replay.settings.data_dir) as (process, _):
        (worker,) = wait_for(lambda: workers_of(process.pid))  # type: ignore[misc]
        process.kill()
        process.wait()
        wait_for(lambda: not alive(worker))


def test_no_worker_is_no_worker(replay: Replay) -> None:
    with serve(replay.settings.data_dir, "--no-worker") as (process, base):
        httpx.post(f"{base}/v1/events", json=list(replay.orders())[:2], timeout=30).raise_for_status()
        assert httpx.get(f"{base}/readyz", timeout=30).json()["freshness"]["events_behind"] == 2
        assert not workers_of(process.pid)
