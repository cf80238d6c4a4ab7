"""The registry in a process of its own: MLflow is imported and its database made, seconds of one core, while features are built on another.

For the first training of a folder only: a database that is there already opens quickly.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from features.errors import HuitouError
from training.artifacts.folder import Manifest
from training.recipe import Evaluation
from training.registry import Registry
from training.run_record import Purpose
from training.settings import SQLITE_SCHEME, TrainingSettings
from training.tracking_client import conversation
from training.tracking_server import RegistryAway

_ENDED = "The process that records with MLflow has ended; run the command again."
_FAREWELL = 60.0  # seconds until a process that does not end by itself is ended; making the database takes about five


class RecordingProcess(Registry):
    """Records and registers over there; reading and rolling back happen here. For one thread.

    Attributes:
        process_id: of the process.
    """

    def __init__(self, settings: TrainingSettings, calls: Connection, process_id: int) -> None:
        super().__init__(settings)
        self.process_id = process_id
        self._calls = calls

    def record(
        self, evaluation: Evaluation, manifest: Manifest, artifact_folder: Path, *, purpose: Purpose, evaluation_run_id: str | None = None
    ) -> str:
        """See `Registry.record`; also raises RegistryAway when the process has ended."""
        return self._call("record", evaluation, manifest, artifact_folder, purpose=purpose, evaluation_run_id=evaluation_run_id)

    def begin_record(self, evaluation: Evaluation, manifest: Manifest, artifact_folder: Path, *, purpose: Purpose) -> Callable[[], str]:
        """See `Registry.begin_record`: the plots are drawn over there while the caller goes on."""
        self._ask("record", evaluation, manifest, artifact_folder, purpose=purpose)
        return self._answer

    def register(self, name: str, run_id: str, artifact_folder: Path) -> str:
        """See `Registry.register`; also raises RegistryAway when the process has ended."""
        return self._call("register", name, run_id, artifact_folder)

    def _call(self, method: str, *arguments: object, **named: object) -> str:
        self._ask(method, *arguments, **named)
        return self._answer()

    def _ask(self, method: str, *arguments: object, **named: object) -> None:
        try:
            self._calls.send((method, arguments, named))
        except OSError as error:
            raise RegistryAway(_ENDED) from error

    def _answer(self) -> str:
        try:
            answer = self._calls.recv()
        except (EOFError, OSError) as error:
            raise RegistryAway(_ENDED) from error
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


@contextlib.contextmanager
def recording_ahead(settings: TrainingSettings) -> Iterator[Registry]:
    """A registry for a block: in a process of its own when its SQLite database is still to be made, an ordinary one otherwise.

    The process ends with the block, or with this process; a database that is being made is finished first.
    """
    path = Path(settings.tracking_uri.removeprefix(SQLITE_SCHEME).partition("?")[0])
    if not settings.tracking_uri.startswith(SQLITE_SCHEME) or path.exists():
        yield Registry(settings)
        return
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=_answer, args=(settings, there), name="recording")
    process.start()
    there.close()  # so that either side notices when the other has ended
    try:
        yield RecordingProcess(settings, here, process.pid or 0)
    finally:
        here.close()
        _end(process)


def _end(process: BaseProcess) -> None:
    process.join(_FAREWELL)
    if process.is_alive():
        process.terminate()
        process.join()


def _answer(settings: TrainingSettings, calls: Connection) -> None:
    """What the process does: open MLflow, then carry out one call after another until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too; a database that is half made would stay so
    if not sys.warnoptions:
        warnings.simplefilter("ignore", DeprecationWarning)  # as `huitou.main`
    with contextlib.suppress(HuitouError), conversation(settings, create=True) as client:  # safe: the first call will say it
        client.search_experiments(max_results=1)
    registry = Registry(settings)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            calls.send(_done(registry, *calls.recv()))


def _done(registry: Registry, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> object:
    try:
        return getattr(registry, method)(*arguments, **named)
    except Exception as error:  # raised over there
        return error
