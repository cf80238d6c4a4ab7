"""A Redis of the test's own, which may be stopped, killed and started again."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import redis

from features.feast_bytes import PROJECT, VIEW, bytes_value, entity_key
from features.feature_sets import FACTS, TAGS
from features.online_place import place_new
from features.packing import Block
from features.redis_rows import FEATURES, RedisRows
from features.redis_server import RedisServer
from features.store import DATABASE
from tests.e2e.server_process import wait_until

_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
PROGRAM = shutil.which("redis-server")


class OwnRedis:
    """One server on a free port, with files to start from again."""

    def __init__(self, program: str, folder: Path) -> None:
        """Choose a port; it runs after `start`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._program, self._folder = program, folder

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self, *, keeping: bool = True) -> None:
        """Run it, and wait until it answers.

        Args:
            keeping: with what it had before; else it has lost everything.
        """
        if not keeping:
            shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen([self._program, *options], cwd=self._folder, stdout=subprocess.DEVNULL)
        wait_until(self._answers, 30, "Redis to answer")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), contextlib.closing(redis.Redis.from_url(self.url)) as client:
            return bool(client.ping())
        return False

    def signal(self, number: signal.Signals) -> None:
        """Send it to the server."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def own_redis(program: str) -> Iterator[OwnRedis]:
    """A server that runs, killed with the block."""
    folder = Path(tempfile.mkdtemp(prefix="redis-", dir="/tmp"))
    server = OwnRedis(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def move_rows(folder: Path, url: str) -> None:
    """Put the rows of a build's file into a Redis, and take the file away.

    Args:
        folder: version folder of an online state.
        url: of the Redis.
    """
    customers: dict[bytes, dict[str, bytes]] = defaultdict(dict)
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        for key, name, value in connection.execute(f'SELECT entity_key, feature_name, value FROM "{PROJECT}_{VIEW}"'):  # noqa: S608
            customers[key][name] = bytes_value(value)
    start = len(entity_key(""))
    nothing = {  # an older build has neither
        "tags": Block(TAGS.hash, _AS_OF, (), np.empty((0, 1))).pack(),
        "facts": Block(FACTS.hash, _AS_OF, (), np.empty((0, 0))).pack(),
    }
    columns: dict[str, list[Any]] = {name: [row.get(name) or nothing[name] for row in customers.values()] for name in FEATURES}
    columns["customer_id"] = [key[start:].decode() for key in customers]
    columns["event_timestamp"] = [_AS_OF] * len(customers)
    rows = RedisRows(RedisServer(url), place_new(folder))
    rows.load([columns])
    rows.close()
    (folder / DATABASE).unlink()
