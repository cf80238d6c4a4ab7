"""First on PYTHONPATH, it lets a Python process and its children speak to this machine only, and notes every other attempt."""

from __future__ import annotations

import os
import sys
from typing import Any

ALLOWED = {"127.0.0.1", "::1", "localhost", "", None, b"localhost", b"127.0.0.1"}


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):  # a Unix socket has no tuple
        host = arguments[1][0]
    else:
        return
    if host not in ALLOWED:
        with open(os.environ["LOOPBACK_ONLY_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib is not imported for every process
            log.write(f"{event} {host}\n")
        raise ConnectionRefusedError(f"this test lets nobody out to {host}")


sys.addaudithook(_refuse)
