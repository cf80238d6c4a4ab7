"""Runs a study for a command: progress, table, files, MLflow."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from features.errors import HuitouError
from huitou.console import Steps, errors, output, steps
from huitou.evaluation.lines import table_parts
from huitou.evaluation.options import StudyOptions, fixed_settings, seconds
from huitou.evaluation.page import write_page

if TYPE_CHECKING:
    from training.studies.study import Study, Table


def run(study: Study, options: StudyOptions) -> None:
    """Run, print, write.

    Raises:
        HuitouError: files or options do not fit.
        typer.Exit: a baseline's process failed; table and files are there, the exit code is 1.
    """
    from training.studies.catalogue import contenders
    from training.studies.runner import run_study

    budget, fixed = seconds(options.budget), fixed_settings(options.settings)
    _refuse_places(options)
    count = len(options.only) + 1 if options.only else len(contenders(study.contenders))
    with _ended_tidily(), steps(count + 2) as progress:
        table = run_study(
            study,
            ProgressWatcher(progress),
            seed=options.seed,
            threads=options.threads,
            budget_s=budget,
            fixed=fixed,
            only=options.only,
        )
    for part in table_parts(table):
        output().print(part)
    written = _write(table, options)
    if written:
        output().print(f"Written: {', '.join(map(str, written))}")
    if options.track:
        _track(table, written)
    failed = [row.model for row in table.rows if row.reason.startswith("failed:")]
    if failed:
        errors().print(f"[bold red]huitou:[/] {', '.join(failed)} failed; the reasons stand above, the last words in the JSON's notes.")
        raise typer.Exit(1)


def _refuse_places(options: StudyOptions) -> None:
    """Before hours of computing: whether the files asked for can be written at all."""
    for option, path in (("--json", options.json), ("--html", options.html)):
        if path is None:
            continue
        if path.is_dir():
            raise HuitouError(f"{option} {path} is a folder; name a file in it.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HuitouError(f"{option} {path}: its folder cannot be made ({error.strerror}); name another place.") from error
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise HuitouError(f"{option} {path} cannot be written to; name another place.")


def _write(table: Table, options: StudyOptions) -> list[Path]:
    written = []
    if options.json:
        text = json.dumps(table.model_dump(mode="json"), indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
        written.append(options.json)
    if options.html:
        write_page(table, options.html)
        written.append(options.html)
    return written


def _track(table: Table, written: list[Path]) -> None:
    from training.settings import TrainingSettings
    from training.studies.tracking import record_table

    settings = TrainingSettings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    run_id = record_table(table, written, settings)
    output().print(f"Recorded in MLflow: run {run_id} of experiment {settings.experiment}-evaluate")


@contextlib.contextmanager
def _ended_tidily() -> Iterator[None]:
    """A termination ends the command as Ctrl-C does: the row's process is stopped and the folder of the study goes."""
    if threading.current_thread() is not threading.main_thread():
        yield  # a notebook's or test's own thread may not handle signals
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class ProgressWatcher:
    """Shows the runner's progress as steps."""

    def __init__(self, progress: Steps) -> None:
        self._progress = progress
        self._step = contextlib.ExitStack()

    def begin(self, part: str) -> None:
        """See `training.studies.runner.Watcher`."""
        self._step.enter_context(self._progress.step(part))

    def tell(self, text: str) -> None:
        """See `training.studies.runner.Watcher`."""
        self._progress.tell(text)

    def end(self) -> None:
        """See `training.studies.runner.Watcher`."""
        self._step.close()
