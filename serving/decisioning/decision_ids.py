"""Random UUIDs (RFC 9562, version 4) for decisions: the system is asked for randomness once for hundreds of them."""

from __future__ import annotations

import os
import threading

_AT_ONCE = 256
_BYTES = 16


class DecisionIds:
    """Gives a new one each time it is called; safe from any thread. A process that was forked from one that has given some asks anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[str] = []
        self._of = os.getpid()

    def __call__(self) -> str:
        """The next."""
        with self._lock:
            if not self._left or self._of != os.getpid():
                self._of = os.getpid()
                drawn = os.urandom(_AT_ONCE * _BYTES)
                self._left = [_uuid(drawn[start : start + _BYTES]) for start in range(0, len(drawn), _BYTES)]
            return self._left.pop()


def _uuid(drawn: bytes) -> str:
    told = bytearray(drawn)
    told[6] = told[6] & 0x0F | 0x40
    told[8] = told[8] & 0x3F | 0x80
    digits = told.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
