"""Drives a server over keep-alive sockets from a process of its own: `python -m benchmarks.serving.driver < load.json`.

One thread and one `epoll`, requests made beforehand, answers cut by length: some 20 µs of Python a request, several times less than any
server here needs, which `driver ceiling` in the figures shows.

Closed loop: every connection asks again as soon as it is answered. Open loop: requests begin at a fixed rate whether or not the server
keeps up; one that finds no idle connection waits, and its latency counts from when it should have begun, not from when it was sent.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.serving.cpu_seconds import cpu_seconds
from benchmarks.serving.http_answers import AnswerReader, post

_CHUNK = 1 << 18
_FINE = 0.0005  # seconds before the next open-loop request within which the driver spins rather than sleeps
_PERCENTILES = (50.0, 90.0, 99.0, 99.9, 100.0)


@dataclass(frozen=True)
class Load:
    """What to do.

    Attributes:
        host, ports: where; connections are shared out among the ports.
        path: of every request.
        bodies: file with one JSON body a line, asked in turn and again from the first.
        connections: kept open.
        warm_up, seconds: before, and while it is measured.
        rate: requests a second of the open loop; 0: closed loop.
        start: which body comes first.
        pids: processes whose CPU seconds count as the server's.
        core: where the driver runs; None: anywhere.
    """

    host: str
    ports: list[int]
    path: str
    bodies: str
    connections: int
    warm_up: float
    seconds: float
    rate: float = 0.0
    start: int = 0
    pids: tuple[int, ...] = ()
    core: int | None = None


@dataclass(frozen=True)
class Driven:
    """What came of it.

    Attributes:
        requests: answered within the measured time.
        failed: of them, with another status than 200.
        seconds: measured.
        latency_ms: percentile → milliseconds.
        accepted_ms: the same of those with status 200 only: what a service that is asked too much still answers.
        server_cpu_seconds, driver_cpu_seconds: used within the measured time.
        reconnected: connections that the server closed while they were asked, warm-up included; the request was sent again.
    """

    requests: int
    failed: int
    seconds: float
    latency_ms: dict[str, float]
    accepted_ms: dict[str, float]
    server_cpu_seconds: float
    driver_cpu_seconds: float
    reconnected: int = 0


class Driver:
    """One run."""

    def __init__(self, load: Load) -> None:
        self._load = load
        lines = Path(load.bodies).read_bytes().splitlines()
        self._requests = [post(load.host, load.path, line) for line in lines]
        self._next = load.start % len(self._requests)
        self._sockets: dict[int, socket.socket] = {}
        self._readers: dict[int, AnswerReader] = {}
        self._began: dict[int, float] = {}
        self._poll = select.epoll()
        for number in range(load.connections):
            self._connect(load.ports[number % len(load.ports)])
        self._idle = deque(self._sockets)
        self._asked: dict[int, bytes] = {}
        self._reconnected = 0
        self._latencies: list[float] = []
        self._accepted: list[float] = []
        self._failed = 0

    def _connect(self, port: int) -> int:
        connection = socket.create_connection((self._load.host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        file = connection.fileno()
        self._sockets[file], self._readers[file] = connection, AnswerReader()
        self._poll.register(file, select.EPOLLIN)
        return file

    def run(self) -> Driven:
        """Warm up, go on without a break and measure what is answered meanwhile, then let what is under way end."""
        self._until(time.perf_counter() + self._load.warm_up)
        self._latencies, self._accepted, self._failed = [], [], 0
        used, own, began = self._server_cpu(), time.process_time(), time.perf_counter()
        self._until(began + self._load.seconds)
        seconds = time.perf_counter() - began
        used, own = self._server_cpu() - used, time.process_time() - own
        self._close()
        latency, accepted = _percentiles(self._latencies), _percentiles(self._accepted)
        used, own = round(used, 3), round(own, 3)
        return Driven(len(self._latencies), self._failed, round(seconds, 4), latency, accepted, used, own, self._reconnected)

    def _server_cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._load.pids)

    def _until(self, end: float) -> None:
        if self._load.rate > 0:
            self._open_loop(end)
        else:
            self._closed_loop(end)

    def _close(self) -> None:
        while len(self._idle) < len(self._sockets):
            for file, _ in self._poll.poll(5.0):
                self._took(file, keep=False)
        self._poll.close()
        for connection in self._sockets.values():
            connection.close()

    def _closed_loop(self, end: float) -> None:
        while self._idle:
            self._ask(self._idle.popleft(), time.perf_counter())
        while time.perf_counter() < end:
            for file, _ in self._poll.poll(0.1):
                if self._took(file):
                    self._ask(self._idle.pop(), time.perf_counter())

    def _open_loop(self, end: float) -> None:
        gap, due = 1.0 / self._load.rate, time.perf_counter()
        while (now := time.perf_counter()) < end:
            while due <= now and self._idle:
                self._ask(self._idle.popleft(), due)
                due += gap
            wait = 0.1 if not self._idle else max(0.0, due - now - _FINE)
            for file, _ in self._poll.poll(wait):
                self._took(file)

    def _ask(self, file: int, began: float) -> None:
        self._began[file] = began
        self._asked[file] = self._requests[self._next]
        self._sockets[file].sendall(self._asked[file])  # a few hundred bytes: they fit into the socket's buffer
        self._next = (self._next + 1) % len(self._requests)

    def _ask_again(self, file: int) -> None:
        """On a new connection, as clients do: uvicorn closes one that seems idle to it, when five seconds of work kept it from reading.

        Raises:
            ConnectionError: again and again: the server answers nobody.
        """
        self._reconnected += 1
        if self._reconnected > 100 + len(self._latencies):
            raise ConnectionError("The server closes connections while they are asked.")
        began, asked = self._began.pop(file), self._asked.pop(file)
        self._poll.unregister(file)
        connection = self._sockets.pop(file)
        port = connection.getpeername()[1] if len(self._load.ports) > 1 else self._load.ports[0]
        del self._readers[file]
        connection.close()
        fresh = self._connect(port)
        self._began[fresh], self._asked[fresh] = began, asked
        self._sockets[fresh].sendall(asked)

    def _took(self, file: int, *, keep: bool = True) -> bool:
        try:
            data = self._sockets[file].recv(_CHUNK)
        except ConnectionResetError:
            data = b""
        if not data:
            self._ask_again(file)
            return False
        status = self._readers[file].fed(data)
        if not status:
            return False
        if keep:
            took = time.perf_counter() - self._began[file]
            self._latencies.append(took)
            if status == 200:
                self._accepted.append(took)
            else:
                self._failed += 1
        self._idle.append(file)
        return True


def _percentiles(seconds: list[float]) -> dict[str, float]:
    found = np.percentile(np.array(seconds or [np.nan]) * 1000.0, _PERCENTILES)
    return {f"p{p:g}": round(float(v), 4) for p, v in zip(_PERCENTILES, found, strict=True)}


def main() -> None:
    """Read the load, run, print what came of it as JSON."""
    load = Load(**json.load(sys.stdin))
    if load.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {load.core})
    print(json.dumps(asdict(Driver(load).run())))


if __name__ == "__main__":
    main()
