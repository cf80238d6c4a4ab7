"""A real `huitou serve` in a process of its own, that can be killed and started again on the same ledger; and clients of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from features.settings import FeatureSettings

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 60.0
_POLL = 0.02
# Everything is imported before the port is told: a next server can be got ready while this one runs.
_WARM = """
import resource, sys
from training.artifacts.lightgbm_alone import import_alone
import_alone()
import uvicorn, serving.app, serving.services
from huitou.main import main
port, _, size = sys.stdin.readline().strip().partition(" ")
if not port:
    sys.exit()
if size:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
sys.argv += ["--port", port, "--no-worker"]
main()
"""
_WARM_WORKER = """
import sys
import features.erasing.resuming, features.refreshing.following
from huitou.main import main
if sys.stdin.readline():
    main()
"""


class Server:
    """One `huitou serve`."""

    def __init__(self, data_dir: Path, ledger_url: str | None = None, env: Mapping[str, str] | None = None) -> None:
        """Import everything in a process of its own; it listens after `start`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        given = {"HUITOU_LEDGER_URL": ledger_url} if ledger_url else {}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WARM, "serve", "--data-dir", str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **given, **(env or {})},
        )

    def start(self, *, file_size: int | None = None) -> Server:
        """Serve, and wait until it answers.

        Args:
            file_size: bytes that no file of the process may exceed: a disk that is full.
        """
        assert self.process.stdin is not None
        print(self.port, file_size or "", file=self.process.stdin, flush=True)
        wait_until(self._answers, _READY_SECONDS, "the service to answer")
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/healthz")[0] == 200
        return False

    def said(self) -> str:
        """What it wrote to stderr, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def get(self, path: str, *, timeout: float = 30.0) -> tuple[int, Any]:
        """Status and JSON (or text) of an answer."""
        return self.ask("GET", path, timeout=timeout)

    def ask(self, method: str, path: str, body: bytes | None = None, *, timeout: float = 30.0) -> tuple[int, Any]:
        """One call on a connection of its own."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            line.request(method, path, body, {"content-type": "application/json"})
            answer = line.getresponse()
            return answer.status, _read(answer)
        finally:
            line.close()

    def send(self, messages: Sequence[Mapping[str, Any]], *, timeout: float = 30.0) -> tuple[int, Any]:
        """`POST /v1/events`."""
        return self.ask("POST", "/v1/events", json.dumps({"batch": messages}).encode(), timeout=timeout)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._let_go()

    def stop(self) -> None:
        """End it, in whichever state it is."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        for stream in (self.process.stdin, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def _read(answer: http.client.HTTPResponse) -> Any:
    body = answer.read()
    return json.loads(body) if "json" in (answer.getheader("content-type") or "") else body.decode()


class Worker:
    """One `huitou work`."""

    def __init__(self, data_dir: Path, ledger_url: str | None = None, env: Mapping[str, str] | None = None) -> None:
        """Import everything in a process of its own; it works after `start`."""
        given = {"HUITOU_LEDGER_URL": ledger_url} if ledger_url else {}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WARM_WORKER, "work", "--data-dir", str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, **given, **(env or {})},
        )

    def start(self) -> Worker:
        """Begin to work; how far it is, only what it works on can tell."""
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)
        return self

    def kill(self) -> None:
        """`kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it, in whichever state it is."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()  # one that was never started ends by this
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def serving(
    data_dir: Path, ledger_url: str | None = None, *, file_size: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server that answers, stopped with the block."""
    server = Server(data_dir, ledger_url, env)
    try:
        yield server.start(file_size=file_size)
    finally:
        server.stop()


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} seconds for {what}"
        time.sleep(_POLL)


def ledger_settings(data_dir: Path, ledger_url: str | None) -> FeatureSettings:
    """How to open the ledger that a server of this folder writes."""
    return FeatureSettings(data_dir=data_dir, ledger_url=ledger_url)
