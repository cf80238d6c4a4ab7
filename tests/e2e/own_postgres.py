"""A PostgreSQL server of the test's own, which may be stopped, killed and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.e2e.server_process import wait_until

_USER = "postgres"  # the server refuses to run as root


def programs() -> Path | None:
    """Folder of the newest server's programs on this machine, None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class OwnPostgres:
    """One server on a free port."""

    def __init__(self, bin_folder: Path, folder: Path) -> None:
        """Make its files; it runs after `start`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._bin, self._folder = bin_folder, folder
        self._user = _USER if os.getuid() == 0 else None
        command = [bin_folder / "initdb", "-D", folder / "data", "-U", _USER, "-A", "trust", "-N"]
        subprocess.run(command, check=True, user=self._user, cwd=folder, stdout=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        """Of its database."""
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        options = ["-p", str(self._port), "-k", str(self._folder), "-h", "127.0.0.1"]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._folder / "data", *options],
            user=self._user,
            cwd=self._folder,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, 60, "PostgreSQL to answer")

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.Error):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False

    def signal(self, number: signal.Signals) -> None:
        """Send it to the server and to every backend."""
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _processes(self) -> list[int]:
        below = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        return [self._process.pid, *map(int, below.split())]

    def kill(self) -> None:
        """`kill -9`, all of it."""
        self.signal(signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def own_postgres(bin_folder: Path) -> Iterator[OwnPostgres]:
    """A server that runs, killed with the block."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER)
        server = OwnPostgres(bin_folder, folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
