"""Runs every notebook (jupytext Python files) from top to bottom, two at a time; a failing cell fails CI."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
from nbclient import NotebookClient

_AT_A_TIME = 2


def run(path: Path) -> str:
    """Run one notebook in a kernel of its own.

    Args:
        path: the jupytext file.

    Returns:
        A line that tells how long it took.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    started = time.perf_counter()
    NotebookClient(jupytext.read(path), timeout=600, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
    return f"{path}: {time.perf_counter() - started:.0f} s\n"


notebooks = sorted(Path("notebooks").glob("*.py"))
if not notebooks:
    raise SystemExit("no notebook found below notebooks/")
with ThreadPoolExecutor(_AT_A_TIME) as kernels:
    for line in kernels.map(run, notebooks):
        sys.stdout.write(line)
