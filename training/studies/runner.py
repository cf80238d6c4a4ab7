"""Runs a study: prepares it, gives every contender a process of its own, collects the answers and has them judged."""

from __future__ import annotations

import contextlib
import difflib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.studies.catalogue import contenders
from training.studies.child import Reply, Request
from training.studies.study import Arrays, Judgement, Prepared, Row, Study, StudyRefused, Table

_TAIL = 12  # lines of a failed child's last words that are shown


class Watcher(Protocol):
    """Told what is going on."""

    def begin(self, part: str) -> None:
        """A part (preparing, a contender, judging) begins."""
        ...

    def tell(self, text: str) -> None:
        """What the current part is doing."""
        ...

    def end(self) -> None:
        """The current part is done."""
        ...


def run_study(
    study: Study,
    watcher: Watcher,
    *,
    seed: int,
    threads: int,
    budget_s: float,
    fixed: Mapping[str, Mapping[str, Any]] | None = None,
    only: Sequence[str] = (),
) -> Table:
    """Ask every contender and judge.

    Args:
        study: the question.
        watcher: told the progress.
        seed: of everything random.
        threads: most threads of a contender.
        budget_s: seconds that each contender with settings may spend on choosing them; all the same.
        fixed: contender → settings; those are not tuned.
        only: contenders to run; all when empty. The study's own model always runs.

    Raises:
        HuitouError: files or options do not fit, or the study's own model could not answer.
    """
    started = time.perf_counter()
    names = _chosen(study, only, fixed or {})
    with tempfile.TemporaryDirectory(prefix=f"huitou-{study.name}-") as aside:
        folder = Path(aside)
        with _part(watcher, "reading the data"):
            prepared = study.prepare(folder, watcher.tell)
        rows: dict[str, Row] = {}
        answers: dict[str, Arrays] = {}
        for number, name in enumerate(names):
            with _part(watcher, name):
                given = (fixed or {}).get(name)
                request = Request(
                    contenders=study.contenders,
                    contender=name,
                    folder=folder,
                    slot=f"answer-{number}",
                    seed=seed,
                    threads=threads,
                    budget_s=budget_s,
                    fixed=None if given is None else dict(given),
                )
                rows[name], answer = _ask(request, watcher)
                if answer is not None:
                    answers[name] = answer
        if study.own not in answers:
            raise StudyRefused(f"{study.own} could not answer: {rows[study.own].reason}")
        with _part(watcher, "judging"):
            judgement = study.judge(answers, seed)
    return _table(study, prepared, rows, judgement, seed=seed, seconds=time.perf_counter() - started)


def _chosen(study: Study, only: Sequence[str], fixed: Mapping[str, Any]) -> list[str]:
    names = list(contenders(study.contenders))
    for name in (*only, *fixed):
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise StudyRefused(f"There is no model {name!r} in this table; there are: {', '.join(names)}{hint}")
    return [name for name in names if not only or name in only or name == study.own]


@contextlib.contextmanager
def _part(watcher: Watcher, name: str) -> Iterator[None]:
    watcher.begin(name)
    try:
        yield
    finally:
        watcher.end()


def _ask(request: Request, watcher: Watcher) -> tuple[Row, Arrays | None]:
    """Start the child, follow its progress, read its answer."""
    with (request.folder / f"{request.slot}.err").open("w+", encoding="utf-8", errors="replace") as words:
        command = [sys.executable, "-m", "training.studies.child"]
        with subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True
        ) as child:
            try:
                _follow(child, request, watcher)
            finally:
                child.kill()  # an interrupted study leaves nothing running
        words.seek(0)
        last = words.read().strip().splitlines()[-_TAIL:]
    path = request.folder / f"{request.slot}.json"
    if child.returncode != 0 or not path.exists():
        reason = last[-1] if last else f"its process ended with code {child.returncode}"
        return Row(model=request.contender, reason=f"failed: {reason}", notes=last[:-1]), None
    reply = Reply.model_validate_json(path.read_text(encoding="utf-8"))
    if reply.refused:
        raise StudyRefused(f"{request.contender}: {reply.refused}")
    row = Row(model=request.contender, **reply.model_dump(exclude={"refused"}))
    if reply.reason:
        return row, None
    with np.load(request.folder / f"{request.slot}.npz", allow_pickle=False) as stored:
        return row, {key: stored[key] for key in stored.files}


def _follow(child: subprocess.Popen[str], request: Request, watcher: Watcher) -> None:
    assert child.stdin is not None  # noqa: S101 - both are pipes, as asked for above
    assert child.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):  # a child that died at once says why on its standard error
        child.stdin.write(request.model_dump_json())
        child.stdin.close()
    for line in child.stdout:
        watcher.tell(str(json.loads(line)))
    child.wait()


def _table(study: Study, prepared: Prepared, rows: Mapping[str, Row], judgement: Judgement, *, seed: int, seconds: float) -> Table:
    complete = [
        row.model_copy(
            update={
                "metrics": judgement.metrics.get(name, {}),
                "interval": judgement.intervals.get(name, {}),
                "difference": judgement.differences.get(name, {}),
            }
        )
        for name, row in rows.items()
    ]
    return Table(
        study=study.name,
        dataset=prepared.dataset,
        protocol=prepared.protocol,
        facts=prepared.facts,
        own=study.own,
        headline=[m for m in study.headline if any(m in row.metrics for row in complete)],
        seed=seed,
        rows=complete,
        curves=judgement.curves,
        notes=[*prepared.notes, *judgement.notes],
        seconds=seconds,
        huitou_version=metadata.version("huitou"),
    )
