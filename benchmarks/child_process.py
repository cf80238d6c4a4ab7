"""Runs one piece of work in a process of its own, for its own time and its own peak memory."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a run cost.

    Attributes:
        seconds: wall time of the work, without starting Python and importing.
        cpu_seconds: processor time of the work, all threads.
        peak_mb: the process's peak resident memory, Python and libraries included.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def cost_of(prepare: Callable[..., Callable[[], None]], *arguments: Any) -> Cost:  # noqa: ANN401 - handed on as it is
    """Cost of what `prepare(*arguments)` returns; preparing (imports, opening) is not counted.

    Raises:
        RuntimeError: the child died; its own error stands on stderr.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(there, prepare, arguments))
    child.start()
    there.close()
    try:
        cost: Cost = here.recv()
    except EOFError as error:
        raise RuntimeError(f"{prepare.__name__} failed in its own process; see above") from error
    finally:
        child.join()
    return cost


def _run(pipe: Connection, prepare: Callable[..., Callable[[], None]], arguments: tuple[Any, ...]) -> None:
    work = prepare(*arguments)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    pipe.send(Cost(wall, cpu, peak / (1024 * 1024 if sys.platform == "darwin" else 1024)))
