"""The worker as a child of `huitou serve`: started with it, ended with it, started again when it dies."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

_LOG = logging.getLogger("huitou.work")
_HEAVY = ("ibis", "duckdb", "polars", "feast", "pandas", "pyarrow")
_AGAIN_AFTER = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds; a worker that cannot live must not eat the machine that answers
_LIVED = 60.0  # seconds after which an end counts as the first again
_GOODBYE = 10.0  # seconds; a batch takes one or two


def can_work() -> bool:
    """Whether the libraries that compute features are installed beside the service."""
    return all(importlib.util.find_spec(name) is not None for name in _HEAVY)


@contextlib.contextmanager
def worker_beside(data_dir: Path, now: datetime | None) -> Iterator[None]:
    """Keep a worker running while the block runs.

    Args:
        data_dir: whose features to keep fresh.
        now: the service's clock where it is set, so that both look from the same moment.
    """
    command = [sys.executable, "-m", "huitou", "work", "--beside", "--data-dir", str(data_dir)]
    keeper = _Keeper(command if now is None else [*command, "--now", now.isoformat()])
    keeper.start()
    try:
        yield
    finally:
        keeper.end()


class _Keeper(threading.Thread):
    """Starts the process, waits for its end, starts it again."""

    def __init__(self, command: list[str]) -> None:
        super().__init__(name="huitou-worker", daemon=True)
        self._command = command
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """See `threading.Thread.run`."""
        ends = 0
        while not self._ending.is_set():
            with self._lock:
                # Its standard input ends when this process does, however it ends; then the worker ends too.
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603 - ourselves
            started = time.monotonic()
            code = self._process.wait()
            if self._ending.is_set():
                return
            ends = 0 if time.monotonic() - started > _LIVED else ends
            pause = _AGAIN_AFTER[min(ends, len(_AGAIN_AFTER) - 1)]
            ends += 1
            _LOG.warning("The worker ended with code %s; it is started again in %.0f seconds.", code, pause)
            self._ending.wait(pause)

    def end(self) -> None:
        """End the process and wait for it."""
        self._ending.set()
        with self._lock:
            process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            process.kill()  # harmless: a batch is repeated
            process.wait()
        self.join()
