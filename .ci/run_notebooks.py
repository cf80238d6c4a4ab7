"""Runs every notebook (jupytext Python files) from top to bottom; a failing cell fails CI."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jupytext
from nbclient import NotebookClient

notebooks = sorted(Path("notebooks").glob("*.py"))
if not notebooks:
    raise SystemExit("no notebook found below notebooks/")
for path in notebooks:
    started = time.perf_counter()
    NotebookClient(jupytext.read(path), timeout=600, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
    sys.stdout.write(f"{path}: {time.perf_counter() - started:.0f} s\n")
