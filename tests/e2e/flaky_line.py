"""A TCP line between a client and a server that can be refused, or fall silent, and come back."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

_TICK = 0.05


class FlakyLine:
    """Passes bytes on until it is told otherwise.

    Attributes:
        port: where to connect.
        silent: bytes are taken and passed nowhere: a server that hangs.
    """

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.silent = False
        self._refusing = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def refuse(self) -> None:
        """Cut every line, and every new one at once: a server that is down."""
        self._refusing = True

    def recover(self) -> None:
        """Be a good line again; what was swallowed stays lost."""
        self._refusing = self.silent = False

    def close(self) -> None:
        """End everything."""
        self._closing = True
        self._thread.join(timeout=10)

    def _run(self) -> None:
        other: dict[socket.socket, socket.socket] = {}
        while not self._closing:
            if self._refusing:
                _shut(other)
            ready, _, _ = select.select([self._listener, *other], [], [], _TICK)
            for line in ready:
                if line is self._listener:
                    self._accept(other)
                elif line in other:
                    self._pass_on(line, other)
        _shut(other)
        self._listener.close()

    def _accept(self, other: dict[socket.socket, socket.socket]) -> None:
        here, _ = self._listener.accept()
        if self._refusing:
            here.close()
            return
        there = socket.create_connection(self._there)
        other[here], other[there] = there, here

    def _pass_on(self, line: socket.socket, other: dict[socket.socket, socket.socket]) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = line.recv(65_536)
        if data and self.silent:
            return
        if data:
            with contextlib.suppress(OSError):
                other[line].sendall(data)
                return
        pair = other.pop(line)
        other.pop(pair)
        line.close()
        pair.close()


def _shut(other: dict[socket.socket, socket.socket]) -> None:
    for line in list(other):
        line.close()
    other.clear()


@contextlib.contextmanager
def flaky_line(host: str, port: int) -> Iterator[FlakyLine]:
    """A line, closed with the block."""
    line = FlakyLine(host, port)
    try:
        yield line
    finally:
        line.close()
