"""Starts the servers that are measured, each pinned to one core, and drives them from another."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.serving.driver import Driven, Load

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]
_START = 180.0  # seconds that a server may take to listen
_END = 20.0


@dataclass(frozen=True)
class Running:
    """A server that listens.

    Attributes:
        port: on `HOST`.
        pids: its processes.
    """

    port: int
    pids: tuple[int, ...]


def cores() -> tuple[int, int] | None:
    """The server's core and the driver's; None where processes cannot be pinned, or there is one core only."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], mine[1]) if len(mine) > 1 else None


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


class Server:
    """A server process, started but perhaps not listening yet."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
        first_in_path: str | None = None,
    ) -> None:
        """Start it.

        Args:
            command: of the server, which must listen on `HOST`.
            port: where.
            log: file that takes what it says.
            environment: variables beside this process's own.
            first_in_path: folder in which commands are looked for before all others.
        """
        self._port, self._log = port, log
        told = _environment(environment, first_in_path)
        with log.open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                list(command), stdout=said, stderr=subprocess.STDOUT, cwd=ROOT, env=told, start_new_session=True
            )

    def ready(self) -> Running:
        """Wait until it listens, and keep it on the server's core from then on.

        Raises:
            RuntimeError: it ended before it listened, or took too long.
        """
        end = time.monotonic() + _START
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self._port), timeout=1):
                found = Running(self._port, _family(self._process.pid))
                _pin(found.pids)
                return found
            time.sleep(0.1)
        raise RuntimeError(f"The server did not come to listen:\n{self._log.read_text(errors='replace')[-2000:]}")

    def end(self) -> None:
        """End it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _pin(pids: Sequence[int]) -> None:
    """Every thread there is; later ones inherit it. Starting up may take all cores: it is not measured."""
    found = cores()
    if found is None:
        return
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {found[0]})


def _environment(more: Mapping[str, str] | None = None, first_in_path: str | None = None) -> dict[str, str]:
    # One BLAS thread, as the product's own command sets it: the peers must not be slower for a thread pool that only waits.
    own = {"PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    mine = dict(os.environ)  # noqa: TID251 - a child's environment is this process's and what is added
    if first_in_path is not None:
        own["PATH"] = f"{first_in_path}{os.pathsep}{mine.get('PATH', '')}"
    return {**mine, **own, **(more or {})}


def _family(pid: int) -> tuple[int, ...]:
    """A process and its descendants, the process first."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text().split())
    return tuple(found)


def drive(servers: Sequence[Running], path: str, bodies: Path, *, connections: int, seconds: float, **more: float) -> Driven:
    """Drive servers for some seconds from the driver's core.

    Args:
        servers: connections are shared out among them.
        path: of every request.
        bodies: file of bodies.
        connections: at once.
        seconds: measured.
        more: `warm_up`, `rate` or `start` of `Load`.
    """
    found = cores()
    load = Load(
        host=HOST,
        ports=[one.port for one in servers],
        path=path,
        bodies=str(bodies),
        connections=connections,
        warm_up=more.get("warm_up", min(2.0, seconds / 2)),
        seconds=seconds,
        rate=more.get("rate", 0.0),
        start=int(more.get("start", 0)),
        pids=tuple(pid for one in servers for pid in one.pids),
        core=None if found is None else found[1],
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving.driver"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=_environment(),
    )
    if done.returncode:
        raise RuntimeError(f"The driver failed:\n{done.stderr[-2000:]}")
    return Driven(**json.loads(done.stdout))
