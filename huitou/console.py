"""What the commands print with: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


def output() -> Console:
    """Console of results."""
    return Console(highlight=False, soft_wrap=True)


def errors() -> Console:
    """Console of progress and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class Step:
    """One timed part of a command."""

    name: str
    seconds: float


@dataclass
class Steps:
    """A progress bar over the steps of a command, with the current part beside it.

    Attributes:
        done: finished steps with their wall time.
    """

    progress: Progress
    total: int
    done: list[Step] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step; it counts only when it finishes."""
        started = time.perf_counter()
        self.progress.update(self._task_id, description=name, part="")
        yield
        self.done.append(Step(name, time.perf_counter() - started))
        self.progress.advance(self._task_id)
        if not self.progress.console.is_terminal:
            self.progress.console.print(f"  {name}: {self.done[-1].seconds:.1f} s")

    def tell(self, part: str) -> None:
        """Name the part that begins."""
        self.progress.update(self._task_id, part=part)

    @property
    def _task_id(self) -> TaskID:
        return self.progress.task_ids[0]


@contextlib.contextmanager
def steps(total: int) -> Iterator[Steps]:
    """Show a progress bar for `total` steps; on a dumb terminal a line per finished step."""
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
