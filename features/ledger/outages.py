"""Remembers that a server does not answer, so that one caller finds out and the others are told at once instead of queueing behind it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from features.errors import HuitouError
from features.ledger.errors import LedgerAway

_REST = 0.5  # seconds between attempts while it is away: what has come back is found within about that


class Outage:
    """Open for everybody until a call ends with `error`; from then on one call at a time tries, at most every half second."""

    def __init__(self, error: type[HuitouError] = LedgerAway, *, rest: float = _REST) -> None:
        self._error = error
        self._rest = rest
        self._lock = threading.Lock()
        self._problem = ""
        self._next = 0.0
        self._trying = False

    @contextlib.contextmanager
    def minded(self) -> Iterator[None]:
        """Let a call through, and learn from how it ends.

        Raises:
            HuitouError: `error`; the server did not answer somebody else just now, and nothing was tried.
        """
        alone = self._enter()
        try:
            yield
        except self._error as away:
            self.away(str(away))
            raise
        else:
            if self._problem:
                self._back()
        finally:
            if alone:
                self._trying = False

    def away(self, problem: str) -> None:
        """Say that it does not answer."""
        with self._lock:
            self._problem = problem
            self._next = time.monotonic() + self._rest

    def _back(self) -> None:
        with self._lock:
            self._problem = ""

    def _enter(self) -> bool:
        """Whether this call is the one that tries."""
        with self._lock:
            if not self._problem:
                return False
            if self._trying or time.monotonic() < self._next:
                raise self._error(self._problem)
            self._trying = True
            return True
