"""UUIDs for decisions that grow with time (RFC 9562, version 7).

The ledger keeps what belongs together in time side by side: a random key would have it touch another page of its index for every
decision. The system is asked for randomness once for hundreds of them.
"""

from __future__ import annotations

import os
import threading
import time

_AT_ONCE = 256
_BYTES = 10


class DecisionIds:
    """Gives a new one each time it is called; safe from any thread. A process that was forked from one that has given some asks anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[str] = []
        self._of = os.getpid()

    def __call__(self) -> str:
        """The next: 48 bits of the time in milliseconds, 74 random ones."""
        with self._lock:
            if not self._left or self._of != os.getpid():
                self._of = os.getpid()
                drawn = os.urandom(_AT_ONCE * _BYTES)
                self._left = [_random_part(drawn[start : start + _BYTES]) for start in range(0, len(drawn), _BYTES)]
            rest = self._left.pop()
        since_1970 = f"{time.time_ns() // 1_000_000:012x}"
        return f"{since_1970[:8]}-{since_1970[8:]}-{rest}"


def _random_part(drawn: bytes) -> str:
    told = bytearray(drawn)
    told[0] = told[0] & 0x0F | 0x70
    told[2] = told[2] & 0x3F | 0x80
    digits = told.hex()
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:]}"
