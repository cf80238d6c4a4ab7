"""Runs every notebook (jupytext Python files) from top to bottom; a failing cell fails CI."""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

for path in sorted(Path("notebooks").glob("*.py")):
    sys.stdout.write(f"{path}\n")
    NotebookClient(jupytext.read(path), timeout=300, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
