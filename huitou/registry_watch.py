"""Follows MLflow's champions beside `huitou serve`: asked now and then, and fetched by a process of its own when there is another.

MLflow's libraries take seconds to import and a download takes as long as it takes: neither happens in the process that answers. What is
fetched is checked and lies on the disk before the pointer moves; the service takes it up as it takes up what was trained here.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from features.errors import HuitouError

_LOG = logging.getLogger("huitou.registry")
_RARELY_SECONDS = 600.0  # at least so often it is asked again, however often it failed
_FETCH_SECONDS = 300.0  # a model has some megabytes, and MLflow takes ten seconds to import on a busy machine


@contextlib.contextmanager
def registry_beside(data_dir: Path, seconds: float, tell: Callable[[str | None], None]) -> Iterator[None]:
    """Follow MLflow while the block runs.

    Args:
        data_dir: whose models.
        seconds: between two questions; 0: nobody asks.
        tell: told after every question why MLflow or a model of it cannot be had, or None.
    """
    watch = RegistryWatch(data_dir, seconds, tell)
    if seconds:
        watch.start()
    try:
        yield
    finally:
        watch.end()


class RegistryWatch(threading.Thread):
    """Asks, compares, fetches."""

    def __init__(self, data_dir: Path, seconds: float, tell: Callable[[str | None], None]) -> None:
        super().__init__(name="huitou-registry", daemon=True)
        self._data_dir, self._seconds, self._tell = data_dir, seconds, tell
        self._ending = threading.Event()

    def run(self) -> None:
        """See `threading.Thread.run`."""
        said, pause = None, self._seconds
        while not self._ending.is_set():
            problem = self.look()
            if problem is not None and problem != said:  # once, not at every look
                _LOG.warning("No new champions are fetched: %s", problem)
            said = problem
            self._tell(problem)
            pause = self._seconds if problem is None else min(2 * pause, max(self._seconds, _RARELY_SECONDS))
            self._ending.wait(pause)

    def end(self) -> None:
        """Ask no more. A fetch under way ends by itself: what it does not finish has no effect."""
        self._ending.set()

    def look(self) -> str | None:
        """Fetch what is new; returns why that is not possible, or None."""
        from serving.live_models import KINDS
        from training.champion_aliases import new_champions
        from training.settings import SQLITE_SCHEME, TrainingSettings

        settings = TrainingSettings(data_dir=self._data_dir)
        if settings.tracking_uri.startswith(SQLITE_SCHEME) and not Path(settings.tracking_uri.removeprefix(SQLITE_SCHEME)).is_file():
            return None  # nothing was ever recorded there: models come by another way, or not at all
        try:
            if not new_champions(settings, KINDS):
                return None
        except HuitouError as error:
            return str(error)
        return self._fetch()

    def _fetch(self) -> str | None:
        command = [sys.executable, "-m", "huitou", "fetch", "--data-dir", str(self._data_dir)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)  # noqa: S603 - ourselves
        except subprocess.TimeoutExpired:
            return f"Fetching took longer than {_FETCH_SECONDS:.0f} seconds and was given up; it is tried again."
        return None if done.returncode == 0 else " ".join(done.stderr.split()) or f"`huitou fetch` ended with {done.returncode}."
