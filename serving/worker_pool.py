"""Several processes that answer on one port: each a fork of one that has loaded everything, so that they share it in memory.

The process that forks runs no thread and answers nobody: what is forked from it holds no lock of somebody else's and no connection. A
worker that dies is forked again; when the pool is told to end, or dies itself, its workers finish what they took and end.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_LOG = logging.getLogger("huitou.serving")
_LOOK_SECONDS = 0.05
_AGAIN_AFTER = (0.0, 0.5, 2.0, 5.0, 15.0, 60.0)  # seconds; a worker that cannot live must not eat the machine that answers
_LIVED = 60.0  # seconds after which an end counts as the first again
GOODBYE_SECONDS: Final = 40.0  # calls under way, and the last decisions; then a worker is killed
_FAILED = 1


@dataclass
class _Place:
    """One worker's place: who is on it, since when, and when the next may be forked."""

    pid: int | None = None
    since: float = 0.0
    ends: int = 0
    due: float = field(default_factory=time.monotonic)


class WorkerPool:
    """Forks workers and keeps them."""

    def __init__(self, work: Callable[[int], None], workers: int, *, goodbye: float = GOODBYE_SECONDS) -> None:
        """Prepare; nothing is forked before `run`.

        Args:
            work: what a worker does, given its place, 0 to workers - 1; it returns after SIGTERM. It is called in the fork, where signals
                do nothing before it says what, and its process ends when it returns or raises.
            workers: how many.
            goodbye: seconds that workers get to end.
        """
        self._work, self._goodbye = work, goodbye
        self._places = [_Place() for _ in range(workers)]
        self._ending = threading.Event()

    def run(self) -> None:
        """Keep the workers until SIGTERM or SIGINT comes, then until they have ended; belongs into the main thread."""
        before = {number: signal.signal(number, lambda *_: self._ending.set()) for number in (signal.SIGTERM, signal.SIGINT)}
        alive_end, alive = os.pipe()  # the workers read it: it ends with this process, however that ends
        gc.collect()
        gc.freeze()  # the collector would write into every object, and each worker would get a copy of all that it could share
        try:
            while not self._ending.wait(_LOOK_SECONDS):
                self._look(alive_end, alive)
            self._end()
        finally:
            os.close(alive_end)
            os.close(alive)
            gc.unfreeze()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _look(self, alive_end: int, alive: int) -> None:
        now = time.monotonic()
        for number, place in enumerate(self._places):
            if place.pid is not None and (code := _ended(place.pid)) is not None:
                place.ends = 0 if now - place.since > _LIVED else place.ends
                pause = _AGAIN_AFTER[min(place.ends, len(_AGAIN_AFTER) - 1)]
                place.pid, place.ends, place.due = None, place.ends + 1, now + pause
                _LOG.warning("Worker %d ended with code %s; it is started again in %.1f seconds.", number, code, pause)
            if place.pid is None and now >= place.due and not self._ending.is_set():
                place.pid, place.since = self._forked(number, alive_end, alive), now

    def _forked(self, number: int, alive_end: int, alive: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = _FAILED
        try:
            os.close(alive)
            for one in (signal.SIGTERM, signal.SIGINT):
                signal.signal(one, lambda *_: None)  # the server has its own; told before it is there, the pool tells again
            threading.Thread(target=_end_with, args=(alive_end,), name="pool-watch", daemon=True).start()
            self._work(number)
            code = 0
        except BaseException:
            _LOG.exception("Worker %d failed.", number)
        finally:
            logging.shutdown()
            os._exit(code)  # what the parent would do at its end is not this process's to do

    def _end(self) -> None:
        deadline = time.monotonic() + self._goodbye
        while any(place.pid is not None for place in self._places):
            late = time.monotonic() > deadline
            for place in self._places:
                if place.pid is None:
                    continue
                if _ended(place.pid) is not None:
                    place.pid = None
                else:
                    os.kill(place.pid, signal.SIGKILL if late else signal.SIGTERM)
            time.sleep(_LOOK_SECONDS * 4)


def _ended(pid: int) -> int | None:
    """Exit code of a child that has ended, negative for a signal; None while it lives."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _end_with(alive_end: int) -> None:
    while os.read(alive_end, 1):
        pass
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.0)
