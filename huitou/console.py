"""What the commands print with: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_WIDEST = 120  # cells; longer lines tire the eye
_SILENCE = 30.0  # seconds after which a file or a pipe that is written to is told which part is under way
_PLAIN = str.maketrans({"±": "+/-", "×": "x", "−": "-", "…": "...", "–": "-", "÷": "/"})  # said in ASCII where need be


def output() -> Console:
    """Console of results."""
    return Console(highlight=False, soft_wrap=True)


def errors() -> Console:
    """Console of progress and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def page_console(width: int | None = None) -> Console:
    """Console of a page whose lines fit: as wide as the terminal, but no wider than is pleasant to read.

    Args:
        width: cells of a line, where the user names them.
    """
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    if width is None and console.width > _WIDEST:
        console.width = _WIDEST
    return console


def fitted(text: str, encoding: str) -> str:
    """The text with what the output's encoding lacks replaced, so that a product's name cannot stop a page."""
    return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding) if not _holds(encoding, text) else text


def _holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def peak_mb() -> float:
    """Greatest resident memory of this process so far, MB (Linux counts in kB).

    Children are not added: Linux books a child's memory before its exec, which is this process's own, as the child's.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_mb_of(process_id: int) -> float:
    """Greatest resident memory of another process so far, MB; 0 where the system does not tell (only Linux does)."""
    status = Path(f"/proc/{process_id}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


@dataclass
class Step:
    """One timed part of a command; `peak_mb` is the command's greatest memory by its end."""

    name: str
    seconds: float
    peak_mb: float


@dataclass
class Steps:
    """A progress bar over the steps of a command, with the current part beside it.

    Attributes:
        done: finished steps with their wall time.
    """

    progress: Progress
    total: int
    done: list[Step] = field(default_factory=list)
    _said: float = 0.0  # when the last line was, or the step began

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step; it counts only when it finishes."""
        started = self._said = time.perf_counter()
        self.progress.update(self._task_id, description=name, part="")
        yield
        self.done.append(Step(name, time.perf_counter() - started, peak_mb()))
        self.progress.advance(self._task_id)
        self._line(f"{name}: {self.done[-1].seconds:.1f} s")

    def tell(self, part: str) -> None:
        """Name the part that begins."""
        self.progress.update(self._task_id, part=part)
        if time.perf_counter() - self._said >= _SILENCE:
            self._line(f"{self.progress.tasks[0].description}: {part}")

    def _line(self, text: str) -> None:
        if not self.progress.console.is_terminal:
            self.progress.console.print(f"  {text}")
            self._said = time.perf_counter()

    @property
    def _task_id(self) -> TaskID:
        return self.progress.task_ids[0]


@contextlib.contextmanager
def steps(total: int) -> Iterator[Steps]:
    """Show a progress bar for `total` steps; elsewhere a line per finished step, and of a long one what it is at."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[part]}"),
    )
    console = errors()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task("", total=total, part="")
        yield Steps(progress, total)
