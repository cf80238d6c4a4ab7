"""`python -m training.studies.child`: one contender in a process of its own.

Reads one JSON request from standard input; says its progress as JSON lines on standard output; leaves `<slot>.json` and, when it has
answered, `<slot>.npz` in the request's folder. Whatever libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from features.errors import HuitouError
from training.studies.catalogue import contenders
from training.studies.study import NotAnswered, Task


class Request(BaseModel):
    """What the parent asks; `slot` names the files of the answer."""

    contenders: str
    contender: str
    folder: Path
    slot: str
    seed: int
    threads: int
    budget_s: float
    fixed: dict[str, Any] | None


class Reply(BaseModel):
    """What stands beside the arrays; `refused` is an error of the user's, `reason` why this row has no figures."""

    tune_s: float = 0.0
    fit_s: float = 0.0
    predict_s: float = 0.0
    peak_mb: float = 0.0
    settings: dict[str, Any] = {}
    notes: list[str] = []
    reason: str = ""
    refused: str = ""


def run(request: Request, tell: Callable[[str], None]) -> Reply:
    """Let the contender answer and write its arrays."""
    task = Task(request.folder, request.seed, request.threads, request.budget_s, request.fixed, tell)
    reason = refused = ""
    try:
        arrays = contenders(request.contenders)[request.contender].answer(task)
        np.savez(request.folder / f"{request.slot}.npz", allow_pickle=False, **arrays)
    except NotAnswered as error:
        reason = str(error)
    except HuitouError as error:
        refused = str(error)
    seconds = {f"{part}_s": value for part, value in task.seconds.items()}
    return Reply(**seconds, peak_mb=peak_mb(), settings=task.used, notes=task.notes, reason=reason, refused=refused)


def peak_mb() -> float:
    """This process's own peak resident memory, MB.

    `ru_maxrss` would not do: on Linux a child starts with its parent's peak. Elsewhere it is all there is.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Read the request, answer, leave the reply."""
    request = Request.model_validate_json(sys.stdin.read())
    words = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries that print must not be taken for our progress

    def tell(part: str) -> None:
        words.write(json.dumps(part) + "\n")
        words.flush()

    reply = run(request, tell)
    (request.folder / f"{request.slot}.json").write_text(reply.model_dump_json(), encoding="utf-8")
    words.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
