"""How often a key may ask: a bucket of tokens that fills evenly; who finds it empty is told when to come back."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

_NAME = "key"


class TokenBucket:
    """One key's tokens; safe from any thread."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        """Begin with a full bucket.

        Args:
            per_second: tokens that come back each second, above 0.
            burst: tokens it holds.
            clock: seconds, never going back.
        """
        self.per_second = per_second
        self.burst = burst
        self._clock = clock
        self._policy = f'"{_NAME}";q={burst};w={max(1, math.ceil(burst / per_second))}'
        self._tokens = float(burst)
        self._at = clock()
        self._turn = threading.Lock()

    def take(self) -> float:
        """Take a token; returns 0, or the seconds until there is one, and then none was taken."""
        with self._turn:
            now = self._clock()
            self._tokens = min(float(self.burst), self._tokens + (now - self._at) * self.per_second)
            self._at = now
            if self._tokens >= 1.0:
                self._tokens -= 1.0
                return 0.0
            return (1.0 - self._tokens) / self.per_second

    @property
    def is_empty(self) -> bool:
        """Whether `take` would find no token; takes none."""
        with self._turn:
            return self._tokens + (self._clock() - self._at) * self.per_second < 1.0

    def headers(self) -> Mapping[str, str]:
        """`RateLimit` and `RateLimit-Policy` as the IETF's draft (httpapi-ratelimit-headers) writes them.

        The quota is the burst, its window the seconds in which an empty bucket fills; `t` is the time until it is full again.
        """
        missing = self.burst - self._tokens
        return {
            "ratelimit-policy": self._policy,
            "ratelimit": f'"{_NAME}";r={max(0, int(self._tokens))};t={max(0, math.ceil(missing / self.per_second))}',
        }
